"""What weighers share that read the target's class shares off a model's predictions and its confusions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.classes import (
    check_counts,
    check_several,
    check_width,
    class_positions,
    confusions,
    predictions,
)
from ballast.methods.common.sums import LabelSums, coded
from ballast.methods.frame.streams import Counted, StreamingWeigher, equal
from ballast.words import plural


class ByConfusion(StreamingWeigher):
    """Weighs rows by their class; subclasses give the classes' ratios from the confusions and the target's votes."""

    estimates_ratio = True
    soft: bool

    def fit(
        self, probs: np.ndarray, y: np.ndarray, probs_target: np.ndarray, classes: np.ndarray | None = None
    ) -> Self:
        """Learns the target's class shares, and the classes' weights.

        ``probs`` (n, K) and ``y`` (n,) are of the training rows, ``probs_target`` (m, K) of the target's; ``classes``
        (K,) names the columns, by default the sorted labels of ``y``.
        """
        self._forget()
        positions = self._count(probs, y, probs_target, classes)
        self.finalize()
        self.ratio_ = self.ratio_per_class_[positions]
        return self

    def partial_fit(
        self,
        probs: np.ndarray | None = None,
        y: np.ndarray | None = None,
        probs_target: np.ndarray | None = None,
        classes: np.ndarray | None = None,
    ) -> Self:
        """Counts a batch: ``probs`` with ``y``, ``probs_target``, or all; ``classes`` in the first or in none."""
        self._count(probs, y, probs_target, classes)
        return self

    def weigh(self, y: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows with the labels (k,)."""
        return self.ratio_per_class_[class_positions(y, self.classes_, self.name)]

    def class_ratio(self, confusion: np.ndarray, counts: np.ndarray, wanted: np.ndarray, n: int, m: int) -> np.ndarray:
        """Gives (K,) ratios of the target's class shares to the training rows'.

        ``confusion`` (K, K) sums the predictions of the rows of a class in its column, ``counts`` (K,) the rows,
        ``wanted`` (K,) is the target's mean prediction.
        """
        raise NotImplementedError

    def _count(
        self,
        probs: np.ndarray | None,
        y: np.ndarray | None,
        probs_target: np.ndarray | None,
        classes: np.ndarray | None,
    ) -> np.ndarray:
        """Counts the batch, and gives (n,) the positions of its labels among the classes."""
        common = self._agreed(probs, y, probs_target, classes)
        named, positions = common["classes"], np.empty(0, dtype=np.int64)
        sums = {}
        if probs is not None and y is not None:
            owner = f"{self.name}: y"
            labels, positions = coded(y, owner) if named is None else (named, class_positions(y, named, self.name))
            votes = confusions(predictions(probs, self.soft), positions, len(labels))
            by_class = np.column_stack([np.bincount(positions, minlength=len(labels)), votes.T])
            order = slice(None) if named is None else np.argsort(labels)
            sums = {"n": len(y), "by_class": LabelSums(owner, (labels[order],), by_class[order])}
            sums["dtype"] = np.empty(0, probs.dtype)  # adds up to the widest of the batches'
        if probs_target is not None:
            votes_target = predictions(probs_target, self.soft).sum(axis=0, dtype=np.float64)
            sums |= {"m": len(probs_target), "votes_target": votes_target}
        self._counted.add(**sums)
        self._counted.common = common
        return positions

    def _agreed(
        self,
        probs: np.ndarray | None,
        y: np.ndarray | None,
        probs_target: np.ndarray | None,
        classes: np.ndarray | None,
    ) -> dict[str, Any]:
        """Gives what batches must have in common: classes, if they are named, and columns of the predictions."""
        if (probs is None) != (y is None) or (probs is None and probs_target is None):
            raise DataError(
                f"{self.name}.partial_fit needs probs and y of the same training rows, or probs_target, or all three"
            )
        before = self._counted.common
        if before and classes is not None and not equal(before["classes"], np.asarray(classes)):
            raise DataError(
                f"{self.name}: classes differ from those of earlier batches, in the first of which they must be given"
            )
        named = before["classes"] if before else classes
        for name, part in (("probs", probs), ("probs_target", probs_target)):
            if part is None:
                continue
            if named is not None:
                check_width(part.shape[1], named, f"{self.name}: {name}")
            if before and part.shape[1] != before["width"]:
                raise DataError(
                    f"{self.name}: {name} has {plural(part.shape[1], 'column')} but earlier batches had "
                    f"{before['width']}; all are of one model"
                )
        width = next(part.shape[1] for part in (probs, probs_target) if part is not None)
        return {"classes": named, "width": width}

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        n, by_class = counted["n"], counted["by_class"]
        labels, named = by_class.labels[0], counted.common["classes"]
        self.classes_ = labels if named is None else named
        check_width(counted.common["width"], self.classes_, f"{self.name}: probs")
        check_several(self.classes_, n, self.name)
        values = by_class.values[np.searchsorted(labels, self.classes_)]
        counts = values[:, 0].astype(np.int64)
        check_counts(counts, self.classes_, self.name)
        wanted = counted["votes_target"] / counted["m"]
        ratio = self.class_ratio(values[:, 1:].T, counts, wanted, n, counted["m"])
        self.ratio_per_class_ = ratio.astype(counted["dtype"].dtype)
        ratio = self.ratio_per_class_.astype(np.float64)
        return float(ratio @ counts) / n, float(ratio**2 @ counts) / n
