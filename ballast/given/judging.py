"""Predictions held against the labels that are known of some of them, as though those of all were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ballast.columns import canonical, numbers_of
from ballast.methods.evaluation.metrics.classification import BETTER as OF_CLASSES
from ballast.methods.evaluation.metrics.classification import ClassificationMetrics
from ballast.methods.evaluation.metrics.regression import BETTER as OF_NUMBERS
from ballast.methods.evaluation.metrics.regression import RegressionMetrics
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture
from ballast.stages import LABELLED, LABELLED_SHARE

MOST_PARTS, LABELS_A_PART = 10, 10
"""Predictions that are numbers are cut into so many parts at most, which stand for classes, and fewer of few labels."""
_OF_LABELS = ("accuracy", "balanced_accuracy", "macro_f1")
"""The metrics of classes that need no probabilities."""


@dataclass(frozen=True)
class _Parts:
    """Predictions by what they say: the part (n,) of each, and the parts' names."""

    of: np.ndarray
    names: list[str]

    def shares(self, known: np.ndarray) -> np.ndarray:
        """Gives the share of each part that has a label."""
        return np.bincount(self.of, known, len(self.names)) / np.bincount(self.of, minlength=len(self.names))


def judged_numbers(predictions: pd.Series, labels: pd.Series, *, seed: int = 0) -> Assessment:
    """Gives errors of predictions (n,) that are numbers by the ``labels`` (n,) that there are, NaN where there is none.

    As ``judged_classes``, with tenths of the predictions, by size, in place of the classes, and larger parts where
    there are fewer than ten labels for each.
    """
    found, y = numbers_of(predictions), numbers_of(labels)
    known = ~np.isnan(y)
    n_parts = max(1, min(MOST_PARTS, int(known.sum()) // LABELS_A_PART))
    cuts = np.unique(np.quantile(found, np.arange(1, n_parts) / n_parts)) if len(found) else np.empty(0)
    codes, of = np.unique(np.searchsorted(cuts, found), return_inverse=True)
    ends = [(found[of == i].min(), found[of == i].max()) for i in range(len(codes))]
    parts = _Parts(of, [f"predicted {low:.4g} to {high:.4g}" for low, high in ends])
    rows = _shares(parts, known)
    assessor = RegressionMetrics(random_state=seed)
    for name, weight in _weights(parts, known):
        _add(rows, assessor.assess(y[known], found[known], sample_weight=weight), name)
    return rows.finish(better=OF_NUMBERS, pictures=(Picture("intervals", (*OF_NUMBERS, LABELLED_SHARE)),))


def judged_classes(
    predictions: pd.Series,
    labels: pd.Series,
    probs: np.ndarray | None = None,
    classes: Sequence[Any] = (),
    *,
    seed: int = 0,
) -> Assessment:
    """Gives metrics of predicted classes (n,) by the ``labels`` (n,) that there are, missing where there is none.

    ``probs`` (n, k) are the probabilities of the ``classes``; without, there are only the metrics of the labels. Which
    labels come first may depend on what they are, so that of all rows ((all)) is estimated by weighing each labelled
    one by 1 / the share of labels among the rows predicted as it was; that of the labelled alone stands beside it
    ((labelled)). There is none of all rows where the rows of a predicted class have no label at all, and neither while
    no row has one; ``labelled_share`` is there in any case, overall and by predicted class. A label that is none of the
    classes is one that the model never gives: the row is wrong.
    """
    said, truth = (canonical(column) for column in (predictions, labels))
    known = np.array([text is not None for text in truth], dtype=bool)
    names = list(dict.fromkeys([*canonical(pd.Series(list(classes))), *said, *truth[known]]))
    index = pd.Index(names)
    found, y = index.get_indexer(pd.Index(said)), index.get_indexer(pd.Index(truth[known]))
    _, first, of = np.unique(found, return_index=True, return_inverse=True)
    parts = _Parts(of, [f"predicted {label}" for label in predictions.iloc[first]])
    rows = _shares(parts, known)
    assessor = ClassificationMetrics(random_state=seed)
    sure = np.eye(len(names))[found[known]]
    for name, weight in _weights(parts, known):
        how: dict[str, Any] = {"sample_weight": weight, "classes": np.arange(len(names))}
        if probs is None or (probs[known].argmax(axis=1) != found[known]).any():
            _add(rows, assessor.assess(y, sure, **how), name, only=_OF_LABELS)
        if probs is not None:
            wide = np.pad(probs[known], ((0, 0), (0, len(names) - probs.shape[1])))
            _add(rows, assessor.assess(y, wide, **how), name)
    metrics = _OF_LABELS if probs is None else tuple(OF_CLASSES)
    better: dict[str, Direction] = {metric: OF_CLASSES[metric] for metric in metrics}
    return rows.finish(better=better, pictures=(Picture("intervals", (*better, LABELLED_SHARE)),))


def _shares(parts: _Parts, known: np.ndarray) -> AssessmentRows:
    """Gives the rows of a report that say how many have a label: overall and by part; none of no predictions."""
    rows = AssessmentRows()
    if len(known):
        rows.add(LABELLED_SHARE, known.mean(), n=len(known))
        sizes = np.bincount(parts.of)
        for name, share, n in zip(parts.names, parts.shares(known), sizes, strict=True):
            rows.add(LABELLED_SHARE, share, n=int(n), slice=name)
    return rows


def _weights(parts: _Parts, known: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Gives the weights of the labelled rows that stand for all, where some of every part are known, and even ones."""
    shares = parts.shares(known)
    if known.any() and shares.all():
        yield OVERALL, 1 / shares[parts.of[known]]
    if known.any():
        yield LABELLED, np.ones(int(known.sum()))


def _add(rows: AssessmentRows, found: Assessment, name: str, only: Sequence[str] = ()) -> None:
    """Adds the metrics of a report, those `only` where some are named, but none twice, under another slice's name."""
    there = {(row["metric"], row["slice"]) for row in rows.rows}
    for row in found.table.to_dict("records"):
        metric = str(row["metric"])
        if (metric in only or not only) and (metric, name) not in there:
            rows.add(metric, row["value"], n=row["n"], low=row["low"], high=row["high"], slice=name)
