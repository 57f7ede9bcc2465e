"""Tempers weights no more than is needed for an effective sample size of a given share of the rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import root_scalar

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Level
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class FlattenWeights(Weigher):
    """Tempers weights no more than is needed for an effective sample size of a given share of the rows.

    Use it before training on weights whose effective sample size is too small for the model. Weights that have it
    already stay as they are. Not as a cure for missing overlap: rows that are not there cannot be weighed.

    Parameters
    ----------
    minimum_share : float in (0, 1), default 0.2
        Least effective sample size, as a share of the rows.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    power_ : float
        The exponent found, 1 where nothing was to do.

    Raises
    ------
    OverlapError
        Fewer rows than that share have a weight above 0, which no power changes.

    Notes
    -----
    The effective sample size falls as the power grows, so there is one such power. Cost: O(n), about 20 passes.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> weights = np.exp(2 * np.random.default_rng(0).normal(size=1000))
    >>> weigher = ballast.method("flatten_weights", minimum_share=0.3)
    >>> for w in (weights, weigher.fit(weights).weights_):
    ...     print(f"{w.sum() ** 2 / (w**2).sum():.0f} of {len(w)}")
    64 of 1000
    300 of 1000
    >>> bool(0 < weigher.power_ < 1)
    True
    """

    name = "flatten_weights"
    reference = (
        "Jasra, Stephens, Doucet and Tsagaris, Inference for Levy-Driven Stochastic Volatility Models via Adaptive "
        "Sequential Monte Carlo, Scandinavian Journal of Statistics 2011"
    )
    claim = Claim("The effective sample size reaches the share asked for, and no more.", "by definition", BY_FORMULA)

    def __init__(self, minimum_share: Level = 0.2) -> None:
        self.minimum_share = minimum_share

    def fit(self, sample_weight: np.ndarray) -> FlattenWeights:
        """Flattens the weights (n,)."""
        weights = mean_one(sample_weight, self.name)
        log = np.log(weights[weights > 0] / weights.max())
        wanted = self.minimum_share * len(weights)
        if len(log) < wanted:
            raise OverlapError(
                f"{self.name}: {len(log)} of {len(weights)} weights are above 0, but an effective sample size of "
                f"{wanted:.1f} is asked for; lower minimum_share to {len(log) / len(weights):.3g} or less, or find out "
                "why so many rows have no weight"
            )

        def missing(power: float) -> float:
            return effective_sample_size(np.exp(power * log)) - wanted

        self.power_ = 1.0 if missing(1.0) >= 0 else float(root_scalar(missing, bracket=(0, 1), xtol=1e-9).root)
        self.weights_ = np.zeros_like(sample_weight)
        self.weights_[weights > 0] = np.exp(self.power_ * log)
        return self
