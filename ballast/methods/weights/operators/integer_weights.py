"""Turns weights into whole numbers of copies, by the method of the largest remainder."""

from __future__ import annotations

import numpy as np

from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one


class IntegerWeights(Weigher):
    """Turns weights into whole numbers of copies, by the method of the largest remainder.

    Use it for learners that take no weights, and to see which rows a weighted training really uses. The copies'
    shares differ from the weights by less than one copy a row. Not for a random draw, which ``importance_resampling``
    is.

    Parameters
    ----------
    total : int >= 1 or None, default None
        Copies in all, by default as many as rows. More copies follow the weights more closely.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    counts_ : ndarray of shape (n,)
        Copies of each row, whole numbers that sum to ``total``.

    Notes
    -----
    Equal remainders are served in the order of the rows. Cost: one sort.

    Examples
    --------
    >>> import ballast
    >>> weigher = ballast.method("integer_weights", total=20)
    >>> weigher.fit([0.2, 0.4, 1.4, 2.0]).counts_
    array([ 1,  2,  7, 10])
    """

    name = "integer_weights"
    reference = "Balinski and Young, Fair Representation: Meeting the Ideal of One Man, One Vote, Yale 1982"
    claim = Claim("Every row has its share of the copies rounded down or up.", "by definition", BY_FORMULA)

    def __init__(self, total: Count | None = None) -> None:
        self.total = total

    def fit(self, sample_weight: np.ndarray) -> IntegerWeights:
        """Rounds the weights (n,)."""
        total = self.total or len(sample_weight)
        shares = mean_one(sample_weight, self.name) * (total / len(sample_weight))
        self.counts_ = np.floor(shares).astype(np.int64)
        order = np.argsort(self.counts_ - shares, kind="stable")
        self.counts_[order[: total - self.counts_.sum()]] += 1
        self.weights_ = self.counts_.astype(sample_weight.dtype)
        return self
