"""An encoder fitted on all rows of a table, two passes over its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ballast.compute.engines.engine import Engine
from ballast.compute.rows import Rows
from ballast.compute.states.drawn import Drawn, Values
from ballast.compute.states.moments import Moments
from ballast.compute.states.quantiles import Quantiles
from ballast.errors import DataError
from ballast.methods.features.encoder import FeatureEncoder
from ballast.warehouse.tables.frames import pandas_frame

SAMPLE_ROWS = 50_000
"""Rows from which the encoder learns the kind of each column, and how long texts are encoded."""
CATEGORIES = 64
"""Categories of a column that are looked for in all rows: more than the encoder gives columns of their own (40)."""


def fit_encoder(encoder: FeatureEncoder, rows: Rows, engine: Engine, *, id: str, seed: int = 0) -> FeatureEncoder:
    """Fits an encoder on the training rows, whose columns but the ids' are its features, and gives it.

    Up to 50,000 rows it is the one that ``fit`` gives, but for rounding. Beyond: which columns have one value or none,
    the categories of those that are one-hot encoded, means and scales are of all rows; medians, which stand in where a
    number is missing, are of all rows within .1 % of the ranks; how text and columns of more than 40 categories are
    encoded, and a transformer of one's own, are learnt from a sample of 50,000 rows that the ids draw.

    Cost: two passes over the parts, and the encoding of each row in the second.
    """
    seen = engine.fold(rows, _Seen(Drawn(SAMPLE_ROWS, id, seed=seed, purpose="encoder"), Values(CATEGORIES), id))
    sample = seen.drawn.table()
    if sample is None:
        raise DataError("the table has no rows, so that nothing can be learnt from it")
    whole = len(sample) == seen.drawn.rows
    frame = pandas_frame(sample.drop_columns([id]) if whole else _with_values(sample.drop_columns([id]), seen.values))
    encoder.fit(frame)
    if not whole:
        told = set(encoder.categories_)  # one-hot: no gaps, whose medians nobody asks for
        sketched = [j for j, source in enumerate(encoder.sources) if source not in told]
        _settle(encoder, engine.fold(rows, _Block(len(encoder.sources), sketched), _Encoding(encoder, id)))
    return encoder


@dataclass(frozen=True)
class _Encoding:
    """Makes of a batch its features before gaps are filled."""

    encoder: FeatureEncoder
    id: str

    def __call__(self, batch: pa.RecordBatch) -> np.ndarray:
        return self.encoder.unfilled(pandas_frame(pa.table(batch.drop_columns([self.id]))), "the training table")


@dataclass
class _Seen:
    """The first pass: a sample, and some values of each column."""

    drawn: Drawn
    values: Values
    id: str

    def add(self, batch: pa.RecordBatch) -> None:
        self.drawn.add(batch)
        self.values.add(batch.drop_columns([self.id]))

    def merge(self, other: _Seen) -> None:
        self.drawn.merge(other.drawn)
        self.values.merge(other.values)


def _with_values(sample: pa.Table, values: Values) -> pa.Table:
    """Gives a sample, and copies of its first row that hold the values that the columns have beside it."""
    height = max(map(len, values.kept.values()), default=0)
    columns = []
    for name, column in zip(sample.column_names, sample.columns, strict=True):
        kept = values.kept[name].cast(column.type)
        rest = pa.concat_arrays([kept, pa.array([column[0].as_py()] * (height - len(kept)), column.type)])
        columns.append(pa.chunked_array([*column.chunks, *([rest] if height else [])], column.type))
    return pa.table(columns, schema=sample.schema)


class _Block:
    """The second pass: moments of all features before gaps are filled, and quantiles of those that may have some."""

    def __init__(self, width: int, sketched: list[int]):
        self.moments = Moments(width)
        self.quantiles = {j: Quantiles() for j in sketched}

    def add(self, block: np.ndarray) -> None:
        self.moments.add(block)
        for j, quantiles in self.quantiles.items():
            quantiles.add(block[:, j])

    def merge(self, other: _Block) -> None:
        self.moments.merge(other.moments)
        for j, quantiles in self.quantiles.items():
            quantiles.merge(other.quantiles[j])


def _settle(encoder: FeatureEncoder, block: _Block) -> None:
    """Gives a fitted encoder the medians, means and scales of all rows."""
    medians = encoder.imputer_.statistics_
    for j, quantiles in block.quantiles.items():
        medians[j] = np.nan_to_num(quantiles.quantile(0.5))
    scaler = encoder.scaler_
    if scaler is None:
        return
    found, k = block.moments, len(scaler.mean_)
    n = found.count + found.missing
    share = found.missing / n
    there, spread = np.nan_to_num(found.mean), np.nan_to_num(found.variance)
    mean = there + share * (medians - there)
    variance = (1 - share) * (spread + np.square(there - mean)) + share * np.square(medians - mean)
    scaler.mean_, scaler.var_, scaler.n_samples_seen_ = mean[:k], variance[:k], int(n[0])
    scaler.scale_ = np.where(variance > 0, np.sqrt(variance), 1.0)[:k]
