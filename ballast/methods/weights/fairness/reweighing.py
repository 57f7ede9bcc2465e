"""Reweighing: weights under which label and group are independent."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.classes import check_several, class_positions
from ballast.methods.common.sums import LabelSums, coded
from ballast.methods.frame.base import Claim
from ballast.methods.frame.streams import Counted, StreamingWeigher
from ballast.methods.weights._by_class import product


class Reweighing(StreamingWeigher):
    """Weighs each pair of group and label by the share it would have if both were independent, over the one it has.

    Use it before training a classifier that should not learn that a group has the favourable label less often. Not
    where groups differ for reasons that the decision must take into account, and not as a promise about the model:
    judge its predictions by group.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    table_ : ndarray of shape (G, K)
        The weight of each group and label, 0 where none occurs.
    groups_ : ndarray of shape (G,)
        The groups.
    classes_ : ndarray of shape (K,)
        The classes.

    Raises
    ------
    DataError
        One group or one label alone; on ``weigh``, a pair that was not there in ``fit``.

    Notes
    -----
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``), in which new labels and groups may appear.
    Cost: one hash of groups and labels.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> y, groups = np.array([1, 0, 0, 0, 1, 1]), np.repeat(["a", "b"], 3)
    >>> weights = ballast.method("reweighing").fit(y, groups).weights_
    >>> for g in ("a", "b"):  # shares of 1: a third and two thirds without
    ...     own = groups == g
    ...     print(np.average(y[own], weights=weights[own]).round(2))
    0.5
    0.5
    """

    name = "reweighing"
    reference = (
        "Kamiran and Calders, Data Preprocessing Techniques for Classification without Discrimination, Knowledge and "
        "Information Systems 2012"
    )
    claim = Claim(
        "A classifier fitted with the weights gives the groups nearer rates of the favourable label than one without.",
        "reproduced",
        "2000 rows, a logistic rule that favours one group, 15 seeds: difference of the rates {apart:.3f}, unweighted "
        "{apart_unweighted:.3f}, smaller on every seed; accuracy {accuracy:.3f} and {accuracy_unweighted:.3f}. The "
        "columns that tell the groups apart keep the rest.",
    )

    def fit(self, y: np.ndarray, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> Reweighing:
        """Learns the weights of the rows with labels (n,) in groups (n,), whose own weights (n,) they multiply."""
        self._forget()
        label, group = self._count(y, groups, sample_weight)
        self.finalize()
        self.weights_ = product(self.table_[group, label], sample_weight)
        return self

    def partial_fit(self, y: np.ndarray, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> Reweighing:
        """Counts a batch's rows with labels (n,) in groups (n,), by weights (n,) in all batches or in none."""
        self._count(y, groups, sample_weight)
        return self

    def weigh(self, y: np.ndarray, groups: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of rows with the labels (k,) in the groups (k,), times weights (k,) as in ``fit``."""
        label, group = self._positions(y, groups)
        weights = self.table_[group, label]
        if not weights.all():
            at = int(np.flatnonzero(weights == 0)[0])
            raise DataError(
                f"{self.name}: {int((weights == 0).sum())} of {len(y)} rows have a label that none of their group had "
                f"in fit, such as {y[at]!r} in {groups[at]!r}"
            )
        return product(weights, sample_weight)

    def _count(
        self, y: np.ndarray, groups: np.ndarray, sample_weight: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Counts the pairs, or their weights, and gives (n,) the positions of labels and groups among the batch's."""
        classes, label = coded(y, f"{self.name}: y")
        names, group = coded(groups, f"{self.name}: groups")
        shape = len(names), len(classes)
        pairs = np.bincount(group * shape[1] + label, sample_weight, shape[0] * shape[1]).reshape(shape)
        self._counted.add(n=len(y), pairs=LabelSums(f"{self.name}: y or groups", (names, classes), pairs))
        return label, group

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        n, pairs = counted["n"], counted["pairs"].values
        self.groups_, self.classes_ = counted["pairs"].labels
        check_several(self.groups_, n, self.name, "groups")
        check_several(self.classes_, n, self.name)
        expected = np.outer(pairs.sum(axis=1), pairs.sum(axis=0)) / pairs.sum() * (n / pairs.sum())
        self.table_ = np.divide(expected, pairs, out=np.zeros(pairs.shape), where=pairs > 0)
        return float((self.table_ * pairs).sum()) / n, float((self.table_**2 * pairs).sum()) / n

    def _positions(self, y: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        group = class_positions(groups, self.groups_, self.name, "groups")
        return class_positions(y, self.classes_, self.name), group
