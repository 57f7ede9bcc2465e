"""Clips weights, taken to mean 1, to the range from ``lower`` to ``upper``."""

from __future__ import annotations

import numpy as np

from ballast.errors import ParameterError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import NonNegative, Positive
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class ClipWeights(Weigher):
    """Clips weights, taken to mean 1, to the range from ``lower`` to ``upper``.

    Use it where a few rows would carry the result: the largest weights are the least certain ones. The rows clipped
    count for less than they should, so the result is biased towards the unweighted one. Not where a share of rows is
    the natural bound: see ``truncate_weights``.

    Parameters
    ----------
    upper : largest weight, in multiples of the mean before clipping.
    lower : smallest weight, likewise.

    Attributes
    ----------
    weights_ : (n,), mean 1. share_clipped_ : share of the rows whose weight was changed.

    Notes
    -----
    Cost: O(n).

    Raises
    ------
    ParameterError : ``lower`` above ``upper``.

    Examples
    --------
    >>> from ballast.methods.weights import ClipWeights
    >>> ClipWeights(upper=2.0).fit([1.0, 1.0, 10.0]).weights_.round(2)
    array([0.3, 0.3, 2.4])
    """

    name = "clip_weights"
    reference = "Ionides, Truncated Importance Sampling, Journal of Computational and Graphical Statistics 2008"
    claim = Claim("Clipping bounds the share of a single row.", "by definition", BY_FORMULA)

    def __init__(self, upper: Positive = 10.0, lower: NonNegative = 0.0) -> None:
        self.upper = upper
        self.lower = lower

    def fit(self, sample_weight: np.ndarray) -> ClipWeights:
        """Clips the weights (n,)."""
        if self.lower > self.upper:
            raise ParameterError(f"{self.name}: lower ({self.lower:g}) is above upper ({self.upper:g}); swap them")
        weights = mean_one(sample_weight, self.name)
        clipped = weights.clip(self.lower, self.upper)
        self.share_clipped_ = float(np.mean(clipped != weights))
        self.weights_ = clipped.astype(sample_weight.dtype)
        return self
