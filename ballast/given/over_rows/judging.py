"""How good predictions are, over rows that do not fit in memory: sums by class, and intervals that need no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ballast.compute.states.moments import Moments
from ballast.errors import DataError
from ballast.words import listed

CONFIDENCE = 0.95
_LEAST = np.finfo(np.float64).tiny
"""What a probability of 0 counts as in the log loss: it would be infinite."""


class Judged:
    """What predictions of classes come to beside the labels.

    ``add`` takes ``y`` and ``prediction`` (n,), and where there are such ``probs`` (n, k) of the classes in their order
    and ``sample_weight`` (n,). DataError for labels and predictions that are none of the classes.

    Parameters
    ----------
    classes : all k of them, sorted.

    Attributes
    ----------
    weights, squares : (k, k) sums of the weights and of their squares, by label and prediction.
    losses : moments of each row's log loss and Brier score.
    """

    def __init__(self, classes: np.ndarray):
        self.classes = np.asarray(classes)
        k = len(self.classes)
        self.rows = 0
        self.weights, self.squares = np.zeros((k, k)), np.zeros((k, k))
        self.losses, self._squared_weight = Moments(2), 0.0

    def add(self, given: Mapping[str, Any]) -> None:
        label, predicted = self._codes(given["y"], "label"), self._codes(given["prediction"], "prediction")
        n, k = len(label), len(self.classes)
        weight = np.ones(n) if given.get("sample_weight") is None else np.asarray(given["sample_weight"], np.float64)
        cell = label * k + predicted
        for sums, power in ((self.weights, weight), (self.squares, weight**2)):
            sums += np.bincount(cell, weights=power, minlength=k * k).reshape(k, k)
        self.rows += n
        if (probs := given.get("probs")) is not None and n:
            probs = np.asarray(probs, dtype=np.float64)
            loss = -np.log(np.maximum(probs[np.arange(n), label], _LEAST))
            brier = ((probs - np.eye(k)[label]) ** 2).sum(axis=1)
            self.losses.add(np.column_stack([loss, brier]), weight)
            self._squared_weight += float((weight**2).sum())

    def merge(self, other: Judged) -> None:
        """Takes up another state of the same classes."""
        if not np.array_equal(self.classes, other.classes):
            raise DataError(f"judgements of other classes cannot be added up: {self.classes} and {other.classes}")
        self.rows += other.rows
        self.weights, self.squares = self.weights + other.weights, self.squares + other.squares
        self.losses.merge(other.losses)
        self._squared_weight += other._squared_weight

    def table(self) -> pd.DataFrame:
        """Gives a row a metric: ``metric``, ``value``, ``low``, ``high`` (95 %), and the ``rows``.

        Accuracy has Wilson's interval at the rows that the weights are worth (Kish), balanced accuracy and the means of
        losses the normal one of their linearised variance: with the many rows that this is for, what a bootstrap gives.
        Losses are there where probabilities were given, recalls of the classes that have a label. DataError where no
        row has weight.
        """
        total = self.weights.sum()
        if not total:
            raise DataError("there are no rows to judge predictions by, or none with weight")
        right = np.diag(self.weights).sum() / total
        found = [("accuracy", right, *_wilson(right, total**2 / self.squares.sum()))]
        by_label, right_of = self.weights.sum(axis=1), np.diag(self.weights)
        there = by_label > 0
        recall = right_of[there] / by_label[there]
        squares, squares_right = self.squares.sum(axis=1)[there], np.diag(self.squares)[there]
        variance = ((1 - 2 * recall) * squares_right + recall**2 * squares) / by_label[there] ** 2
        found.append(("balanced_accuracy", *_normal(recall.mean(), variance.sum() / there.sum() ** 2)))
        if self.losses.weight[0]:
            worth = self.losses.weight[0] ** 2 / self._squared_weight
            means, variances = self.losses.mean, self.losses.variance / worth
            found += [(name, *_normal(means[j], variances[j])) for j, name in enumerate(("log_loss", "brier_score"))]
        table = pd.DataFrame(found, columns=["metric", "value", "low", "high"])
        return table.assign(rows=self.rows)

    def _codes(self, labels: Any, what: str) -> np.ndarray:
        labels = np.asarray(labels)
        codes = np.minimum(np.searchsorted(self.classes, labels), len(self.classes) - 1)
        wrong = self.classes[codes] != labels
        if wrong.any():
            raise DataError(
                f"{int(wrong.sum())} of {len(labels)} rows have a {what} that is none of the classes "
                f"({listed(map(str, np.unique(labels[wrong])))}; classes: {listed(map(str, self.classes))})"
            )
        return codes


def _wilson(share: float, n: float) -> tuple[float, float]:
    from scipy.stats import norm

    z = norm.ppf((1 + CONFIDENCE) / 2)
    middle, width = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float((middle - width) / (1 + z**2 / n)), float((middle + width) / (1 + z**2 / n))


def _normal(value: float, variance: float) -> tuple[float, float, float]:
    from scipy.stats import norm

    width = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(variance)
    return float(value), float(value - width), float(value + width)
