"""Training in turns (scikit-learn's ``partial_fit``) on rows that do not fit in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ballast.compute.chance import shuffled
from ballast.compute.engines.engine import Engine
from ballast.compute.progress import tell
from ballast.compute.rows import Rows
from ballast.errors import DataError
from ballast.given.over_rows.arguments import Arguments
from ballast.methods.common.tasks import declared_task


def fit_learner(
    learner: Any,
    buckets: Sequence[Rows],
    arguments: Arguments,
    engine: Engine,
    *,
    id: str,
    classes: np.ndarray | None = None,
    epochs: int = 1,
    seed: int = 0,
) -> Any:
    """Trains a learner that has ``partial_fit`` on rows that were dealt into buckets, and gives it.

    Parameters
    ----------
    buckets : of ``ballast.given.over_rows.dealing.deal``.
    arguments : makes ``X``, ``y`` and, where rows weigh, ``sample_weight`` of a bucket's rows.
    classes : all labels, which a classifier is told before it has seen them; those of ``classes_of``.
    epochs : how often each row is learnt from; its place within the bucket, and the bucket's own, are drawn anew.

    The order in which rows are learnt from follows from their ids and `seed`, so the model is the same wherever the
    rows lay and whoever read them. DataError for a learner that cannot learn in turns, and for a classifier without
    classes.
    """
    if not hasattr(learner, "partial_fit"):
        raise DataError(
            f"{type(learner).__name__} learns from all rows at once; take one that has partial_fit (SGDClassifier, "
            "MultinomialNB ...), or train on a sample of the rows"
        )
    named = {}
    if declared_task(learner) == "classification":
        if classes is None or len(classes) < 2:
            raise DataError(f"{type(learner).__name__} is to be told all classes, and there are {classes}")
        named = {"classes": classes}
    for epoch in range(epochs):
        tell("epoch", epoch + 1, epochs)
        order = np.random.default_rng([seed, epoch]).permutation(len(buckets))
        work = _Bucket(arguments, id, seed, epoch)
        for given in engine.each(work, [buckets[i] for i in order]):
            learner.partial_fit(**given, **named)
            named = {}
    return learner


@dataclass(frozen=True)
class _Bucket:
    """Reads a bucket and makes the arguments of its rows, in the order that their ids draw for an epoch."""

    arguments: Arguments
    id: str
    seed: int
    epoch: int

    def __call__(self, bucket: Rows) -> Mapping[str, Any]:
        table = bucket.reader().read_all()
        order = shuffled(table.column(self.id), seed=self.seed, purpose="train", replicate=self.epoch)
        mixed = table.take(pa.array(order)).combine_chunks()
        return self.arguments(pa.record_batch([_whole(c) for c in mixed.columns], schema=mixed.schema))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


class _Labels:
    """The different labels of some rows."""

    def __init__(self) -> None:
        self.found = np.empty(0)

    def add(self, labels: np.ndarray) -> None:
        self.found = np.unique(labels) if not len(self.found) else np.unique(np.concatenate([self.found, labels]))

    def merge(self, other: _Labels) -> None:
        if len(other.found):
            self.add(other.found)


def classes_of(rows: Rows, arguments: Arguments, engine: Engine) -> np.ndarray:
    """Gives the labels of all rows, sorted; `arguments` makes ``y`` of a batch. Cost: a pass over the rows."""
    return engine.fold(rows, _Labels(), _LabelsOf(arguments)).found


@dataclass(frozen=True)
class _LabelsOf:
    arguments: Arguments

    def __call__(self, batch: pa.RecordBatch) -> np.ndarray:
        return np.asarray(self.arguments(batch)["y"])
