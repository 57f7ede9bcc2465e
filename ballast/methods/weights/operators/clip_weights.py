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
    upper : float > 0, default 10.0
        Largest weight, in multiples of the mean before clipping.
    lower : float >= 0, default 0.0
        Smallest weight, likewise.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    share_clipped_ : float
        Share of the rows whose weight was changed.

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
    >>> weights = np.array([1.0, 1.0, 1.0, 1.0, 36.0])  # nine tenths on one row
    >>> weigher = ballast.method("clip_weights", upper=2.0).fit(weights)
    >>> (weigher.weights_ / weigher.weights_.sum()).round(2)
    array([0.05, 0.05, 0.05, 0.05, 0.8 ])
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
