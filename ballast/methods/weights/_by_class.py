"""What weighers share that give all rows of a class, or of a group, one weight."""

from __future__ import annotations

from typing import Self

import numpy as np

from ballast.methods.base import Weigher
from ballast.methods.weights._classes import class_positions


class ByValue(Weigher):
    """Weighs rows by one of their labels; subclasses give the labels' weights from their counts."""

    def class_weights(self, counts: np.ndarray) -> np.ndarray:
        """Gives (K,) weights of labels with (K,) rows, on any scale."""
        raise NotImplementedError

    def _learn(self, labels: np.ndarray) -> np.ndarray:
        """Learns the labels' weights, and gives (K,) their rows."""
        self.classes_ = np.unique(labels)
        positions = class_positions(labels, self.classes_, self.name)
        counts = np.bincount(positions, minlength=len(self.classes_))
        given = self.class_weights(counts)
        self.class_weights_ = given * counts.sum() / (given @ counts)
        self.weights_ = self.class_weights_[positions]
        return counts

    def _of(self, labels: np.ndarray) -> np.ndarray:
        return self.class_weights_[class_positions(labels, self.classes_, self.name)]


class ByClass(ByValue):
    """Weighs rows by their class."""

    def fit(self, y: np.ndarray) -> Self:
        """Learns the classes' weights from the labels (n,)."""
        self._learn(y)
        return self

    def weigh(self, y: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of rows with the labels (k,)."""
        return self._of(y)
