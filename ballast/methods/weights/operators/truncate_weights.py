"""Clips weights to two of their own quantiles."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ballast.errors import ParameterError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Share
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class TruncateWeights(Weigher):
    """Clips weights to two of their own quantiles.

    Use it as analysts of propensity weights do, to bound the largest weights by what the data show rather than by a
    number. Not for weights of which more than the truncated share is extreme: those stay.

    Parameters
    ----------
    upper : float in (0, 1], default 0.99
        Quantile that no weight exceeds; 1 truncates none.
    lower : float in [0, 1), default 0.0
        Quantile below which no weight lies.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    bounds_ : ndarray of shape (2,)
        The quantiles' values, for mean-1 weights before truncation.

    Raises
    ------
    ParameterError
        ``lower`` above ``upper``.

    Notes
    -----
    Cost: O(n).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> weights = np.random.default_rng(0).pareto(1.5, size=1000)
    >>> weigher = ballast.method("truncate_weights", upper=0.95).fit(weights)
    >>> for w in (weights / weights.mean(), weigher.weights_):
    ...     print(f"{w.max():.0f}")
    106
    5
    >>> int((w == w.max()).sum())  # the 5 % above the quantile
    50
    """

    name = "truncate_weights"
    reference = (
        "Cole and Hernan, Constructing Inverse Probability Weights for Marginal Structural Models, American Journal of "
        "Epidemiology 2008"
    )
    claim = Claim("Truncation at a quantile trades variance for bias.", "by definition", BY_FORMULA)

    def __init__(self, upper: Share = 0.99, lower: Annotated[float, Field(ge=0, lt=1)] = 0.0) -> None:
        self.upper = upper
        self.lower = lower

    def fit(self, sample_weight: np.ndarray) -> TruncateWeights:
        """Truncates the weights (n,)."""
        if self.lower > self.upper:
            raise ParameterError(f"{self.name}: lower ({self.lower:g}) is above upper ({self.upper:g}); swap them")
        weights = mean_one(sample_weight, self.name)
        self.bounds_ = np.quantile(weights, [self.lower, self.upper])
        self.weights_ = weights.clip(*self.bounds_).astype(sample_weight.dtype)
        return self
