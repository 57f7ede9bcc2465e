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
    upper : quantile that no weight exceeds; 1 truncates none.
    lower : quantile below which no weight lies.

    Attributes
    ----------
    weights_ : (n,), mean 1. bounds_ : (2,) the quantiles' values, for mean-1 weights before truncation.

    Notes
    -----
    Cost: O(n).

    Raises
    ------
    ParameterError : ``lower`` above ``upper``.

    Examples
    --------
    >>> from ballast.methods.weights import TruncateWeights
    >>> TruncateWeights(upper=0.5).fit([1.0, 1.0, 2.0, 8.0]).weights_.round(2)
    array([0.8, 0.8, 1.2, 1.2])
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
