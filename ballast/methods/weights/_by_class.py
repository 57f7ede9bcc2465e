"""What weighers share that give all rows of a class, or of a group, one weight."""

from __future__ import annotations

from typing import Self

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.classes import check_several, class_positions
from ballast.methods.common.sums import LabelSums, coded
from ballast.methods.frame.streams import Counted, StreamingWeigher
from ballast.words import plural


class ByValue(StreamingWeigher):
    """Weighs rows by one of their labels; subclasses give the labels' weights from their counts.

    Where rows have weights, these count in place of the rows, and the weights given are the product of both: those by
    label are made after the others, so that the totals by label are what they are to be.
    """

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of labels with (K,) rows, or rows' weights, on any scale."""
        raise NotImplementedError

    @property
    def _argument(self) -> str:
        """The name of the labels in messages."""
        return next(iter(self.needs()))

    def _fit(self, labels: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        self._forget()
        positions = self._count(labels, sample_weight)
        self.finalize()
        self.weights_ = product(self.class_weights_[positions], sample_weight)
        return self

    def _count(self, labels: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Counts the rows of each label, or their weights, and gives (n,) the position of each row's."""
        owner = f"{self.name}: {self._argument}"
        classes, positions = coded(labels, owner)
        counts = np.bincount(positions, sample_weight)
        self._counted.add(n=len(labels), rows=LabelSums(owner, (classes,), counts))
        return positions

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        (self.classes_,), counts = counted["rows"].labels, counted["rows"].values
        n = counted["n"]
        check_several(self.classes_, n, self.name, self._argument)
        if not counts.all():
            raise DataError(
                f"{self.name}: all rows of {plural(int((counts == 0).sum()), 'value')} of {self._argument} weigh 0, "
                f"such as {self.classes_[counts == 0].tolist()[0]!r}, so that nothing can make up for it; drop them, "
                "or look at the weights' step"
            )
        given = self.class_weights(counts)
        self.class_weights_ = given * n / (given @ counts)
        return 1.0, float(self.class_weights_**2 @ counts) / n

    def _of(self, labels: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        positions = class_positions(labels, self.classes_, self.name, self._argument)
        return product(self.class_weights_[positions], sample_weight)


class ByClass(ByValue):
    """Weighs rows by their class."""

    evens_classes = True

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Learns the classes' weights from the labels (n,), and from the rows' weights (n,) where they have any."""
        return self._fit(y, sample_weight)

    def partial_fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Counts the labels (n,) of a batch, by weights (n,) in all batches or in none."""
        self._count(y, sample_weight)
        return self

    def weigh(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of rows with the labels (k,), and weights (k,) on the scale of those in ``fit``."""
        return self._of(y, sample_weight)


def product(weights: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
    """Gives (n,) weights times those that rows have (n,), if any, in the precision of these."""
    return weights if sample_weight is None else (weights * sample_weight).astype(sample_weight.dtype)
