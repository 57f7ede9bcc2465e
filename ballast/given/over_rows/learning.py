"""A method that learns in batches, over all rows of its samples, and what it then says of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ballast.compute.engines.engine import Engine
from ballast.compute.rows import Rows
from ballast.errors import DataError
from ballast.given.over_rows.arguments import Arguments
from ballast.given.scoring import probability_columns
from ballast.methods.common.blocks import in_blocks


def fit_weigher(
    weigher: Any, samples: Sequence[tuple[Rows, Arguments]], pilot: Mapping[str, Any], engine: Engine
) -> Any:
    """Gives a weigher of the same parameters that has learnt from all rows of its samples.

    Parameters
    ----------
    weigher : a ``StreamingWeigher``.
    samples : the training rows, the target's or both, with what makes arguments of ``partial_fit`` of each.
    pilot : arguments of ``fit`` with some rows of all samples, from which centres, bins and whatever else the batches
        are to have in common are taken.

    DataError for a method that learns from all rows at once. Cost: a pass over each sample.
    """
    if not weigher.stream_points:
        raise DataError(f"{weigher.name} learns from all rows at once; give it a sample of them")
    learnt = weigher.fit(**pilot).empty_copy()
    for rows, arguments in samples:
        learnt.merge(engine.fold(rows, Learnt(learnt.empty_copy()), arguments).method)
    return learnt.finalize()


class Learnt:
    """What a method that learns in batches has counted, as a state."""

    def __init__(self, method: Any):
        self.method = method

    def add(self, given: Mapping[str, Any]) -> None:
        self.method.partial_fit(**given)

    def merge(self, other: Learnt) -> None:
        self.method.merge(other.method)


WEIGHT = "weight"


def weigh(weigher: Any, rows: Rows, arguments: Arguments, engine: Engine, folder: str | Path, *, id: str) -> Rows:
    """Writes the weight of each row into Parquet files of a folder, and gives them: ``sample_id``, ``weight``."""
    schema = pa.schema([rows.schema.field(id).with_name("sample_id"), pa.field(WEIGHT, pa.float64())])
    return engine.map(rows, _Weighing(weigher, arguments, id, schema), folder, schema)


@dataclass(frozen=True)
class _Weighing:
    weigher: Any
    arguments: Arguments
    id: str
    schema: pa.Schema

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        weights = self.weigher.weigh(**self.arguments(batch))
        return pa.record_batch([batch.column(self.id), pa.array(weights, pa.float64())], schema=self.schema)


def predict(
    model: Any, rows: Rows, arguments: Arguments, engine: Engine, folder: str | Path, *, id: str, kind: pa.DataType
) -> Rows:
    """Writes what a model predicts of each row into Parquet files of a folder, and gives them as rows.

    They have ``sample_id``, ``prediction`` of the type `kind` and, of a classifier, a column ``p_<class>`` each.
    `arguments` makes ``X`` of a batch.
    """
    names = probability_columns(model.classes_) if hasattr(model, "predict_proba") else []
    schema = pa.schema(
        [
            rows.schema.field(id).with_name("sample_id"),
            pa.field("prediction", kind),
            *(pa.field(name, pa.float64()) for name in names),
        ]
    )
    return engine.map(rows, _Predicting(model, arguments, id, schema), folder, schema)


@dataclass(frozen=True)
class _Predicting:
    model: Any
    arguments: Arguments
    id: str
    schema: pa.Schema

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        X = self.arguments(batch)["X"]
        columns = [pa.array(in_blocks(self.model.predict, X), self.schema.field("prediction").type)]
        if len(self.schema) > 2:
            columns += [pa.array(p, pa.float64()) for p in in_blocks(self.model.predict_proba, X).T]
        return pa.record_batch([batch.column(self.id), *columns], schema=self.schema)
