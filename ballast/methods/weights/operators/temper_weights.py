"""Raises weights to a power between 0 (uniform) and 1 (as they are)."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import NonNegative
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class TemperWeights(Weigher):
    """Raises weights to a power between 0 (uniform) and 1 (as they are).

    Use it to trade variance for bias smoothly: under covariate shift a power below 1 often predicts better from few
    rows. Not to reach a given effective sample size: ``flatten_weights`` finds that power.

    Parameters
    ----------
    power : float >= 0, default 0.5
        Exponent; above 1 sharpens.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.

    Notes
    -----
    A weight of 0 stays 0, but for the power 0, which makes all equal. Cost: O(n).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> weights = np.array([1.0, 1.0, 16.0])
    >>> for power in (1.0, 0.5, 0.0):
    ...     weigher = ballast.method("temper_weights", power=power).fit(weights)
    ...     print(weigher.weights_.round(2))
    [0.17 0.17 2.67]
    [0.5 0.5 2. ]
    [1. 1. 1.]
    """

    name = "temper_weights"
    reference = (
        "Shimodaira, Improving Predictive Inference under Covariate Shift by Weighting the Log-Likelihood Function, "
        "Journal of Statistical Planning and Inference 2000"
    )
    claim = Claim("A power below 1 raises the effective sample size.", "by definition", BY_FORMULA)

    def __init__(self, power: NonNegative = 0.5) -> None:
        self.power = power

    def fit(self, sample_weight: np.ndarray) -> TemperWeights:
        """Tempers the weights (n,)."""
        weights = mean_one(sample_weight, self.name)
        self.weights_ = ((weights / weights.max()) ** self.power).astype(sample_weight.dtype)
        return self
