"""What weighers share that give all rows of a class, or of a group, one weight."""

from __future__ import annotations

from typing import Self

import numpy as np

from ballast.methods.common.classes import check_several, class_positions
from ballast.methods.common.sums import LabelSums, coded
from ballast.methods.frame.streams import Counted, StreamingWeigher


class ByValue(StreamingWeigher):
    """Weighs rows by one of their labels; subclasses give the labels' weights from their counts."""

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of labels with (K,) rows, on any scale."""
        raise NotImplementedError

    @property
    def _argument(self) -> str:
        """The name of the labels in messages."""
        return next(iter(self.needs()))

    def _fit(self, labels: np.ndarray) -> Self:
        self._forget()
        positions = self._count(labels)
        self.finalize()
        self.weights_ = self.class_weights_[positions]
        return self

    def _count(self, labels: np.ndarray) -> np.ndarray:
        """Counts the rows of each label, and gives (n,) the position of each row's."""
        owner = f"{self.name}: {self._argument}"
        classes, positions = coded(labels, owner)
        self._counted.add(n=len(labels), rows=LabelSums(owner, (classes,), np.bincount(positions)))
        return positions

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        (self.classes_,), counts = counted["rows"].labels, counted["rows"].values
        n = counted["n"]
        check_several(self.classes_, n, self.name, self._argument)
        given = self.class_weights(counts)
        self.class_weights_ = given * n / (given @ counts)
        return 1.0, float(self.class_weights_**2 @ counts) / n

    def _of(self, labels: np.ndarray) -> np.ndarray:
        return self.class_weights_[class_positions(labels, self.classes_, self.name, self._argument)]


class ByClass(ByValue):
    """Weighs rows by their class."""

    def fit(self, y: np.ndarray) -> Self:
        """Learns the classes' weights from the labels (n,)."""
        return self._fit(y)

    def partial_fit(self, y: np.ndarray) -> Self:
        """Counts the labels (n,) of a batch."""
        self._count(y)
        return self

    def weigh(self, y: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows with the labels (k,)."""
        return self._of(y)
