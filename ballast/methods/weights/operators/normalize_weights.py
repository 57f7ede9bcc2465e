"""Scales weights within each group, so that the groups' totals are as declared."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.weights.operators._scale import BY_FORMULA, mean_one
from ballast.words import plural


class NormalizeWeights(Weigher):
    """Scales weights within each group, so that the groups' totals are as declared.

    Use it where weights may tell rows of a group apart but not change the groups' shares, as with clustered or
    multi-site data. Not where the groups' shares are themselves wrong and unknown.

    Parameters
    ----------
    totals : {"rows", "equal"}, default "rows"
        "rows" leaves each group the share of its rows; "equal" gives all groups the same.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    classes_ : ndarray of shape (G,)
        The groups.
    factors_ : ndarray of shape (G,)
        What each group's weights were multiplied by.

    Raises
    ------
    DataError
        A group whose weights are all 0.

    Notes
    -----
    Cost: one sort of the groups.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> groups = np.array(["north", "north", "north", "south"])
    >>> weights = np.array([1.0, 1.0, 4.0, 2.0])
    >>> weigher = ballast.method("normalize_weights", totals="equal")
    >>> weigher.fit(weights, groups).weights_.round(2)
    array([0.33, 0.33, 1.33, 2.  ])
    """

    name = "normalize_weights"
    reference = (
        "Pfeffermann, Skinner, Holmes, Goldstein and Rasbash, Weighting for Unequal Selection Probabilities in "
        "Multilevel Models, Journal of the Royal Statistical Society B 1998"
    )
    claim = Claim("Every group has the total declared.", "by definition", BY_FORMULA)

    def __init__(self, totals: Literal["rows", "equal"] = "rows") -> None:
        self.totals = totals

    def fit(self, sample_weight: np.ndarray, groups: np.ndarray) -> NormalizeWeights:
        """Normalises the weights (n,) within the groups (n,)."""
        self.classes_, positions, rows = np.unique(groups, return_inverse=True, return_counts=True)
        sums = np.bincount(positions, mean_one(sample_weight, self.name))
        if not sums.all():
            empty = self.classes_[sums == 0]
            raise DataError(
                f"{self.name}: all weights of {plural(len(empty), 'group')} are 0, such as {empty[0]!r} "
                f"({rows[sums == 0][0]} rows); drop the group or check the weights' step"
            )
        wanted = rows if self.totals == "rows" else np.full(len(rows), len(groups) / len(rows))
        self.factors_ = wanted / sums
        self.weights_ = (mean_one(sample_weight, self.name) * self.factors_[positions]).astype(sample_weight.dtype)
        return self
