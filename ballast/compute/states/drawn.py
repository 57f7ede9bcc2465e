"""A sample of all rows, and the ends and categories of their columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.compute.arrow import plain
from ballast.compute.chance import sample_draws
from ballast.errors import DataError


class Drawn:
    """So many rows as `size`, drawn by their ids: those whose ids draw the least.

    Parameters
    ----------
    size : how many rows are kept. column : that of the ids. seed, purpose : as in ``ballast.compute.chance``.

    Notes
    -----
    They are the rows of ``chance.drawn``: the ids alone decide, not the order or the cut of the rows. Cost O(n); memory
    twice the rows kept.
    """

    def __init__(self, size: int, column: str, *, seed: int, purpose: str):
        self.size, self.column, self.seed, self.purpose = size, column, seed, purpose
        self.rows = 0
        self._kept: pa.Table | None = None
        self._draws = np.empty(0)

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Adds rows; DataError where the ids' column is not there."""
        if self.column not in batch.schema.names:
            raise DataError(f"there is no column {self.column!r} of ids among {', '.join(batch.schema.names)}")
        draws = sample_draws(batch.column(self.column), seed=self.seed, purpose=self.purpose)
        self.rows += len(draws)
        quick = np.flatnonzero(draws <= self._highest)
        self._take(pa.table(batch).take(pa.array(quick)), draws[quick])

    def merge(self, other: Drawn) -> None:
        """Takes up another state; DataError for one that draws otherwise."""
        own, theirs = ((s.size, s.column, s.seed, s.purpose) for s in (self, other))
        if own != theirs:
            raise DataError(f"samples that are drawn otherwise cannot be added up: {own} and {theirs}")
        self.rows += other.rows
        if other._kept is not None:
            self._take(other._kept, other._draws)

    def table(self) -> pa.Table | None:
        """Gives the rows, in the order of their draws; None where none was added."""
        return self._kept

    @property
    def _highest(self) -> float:
        return float(self._draws[-1]) if len(self._draws) == self.size else 1.0

    def _take(self, rows: pa.Table, draws: np.ndarray) -> None:
        together = rows if self._kept is None else pa.concat_tables([self._kept, rows])
        draws = np.concatenate([self._draws, draws])
        order = np.argsort(draws, kind="stable")[: self.size]
        self._kept, self._draws = together.take(pa.array(order)).combine_chunks(), draws[order]


class Values:
    """Some values of each column: all categories while there are no more than `limit`, and the ends of all else.

    So it is known whether a column has a value, more than one, and which categories; a sample may miss them.

    Parameters
    ----------
    limit : how many categories are kept of a column; one with more keeps the first of them.

    Attributes
    ----------
    missing : rows without a value, by column. kept : the values by column, an Arrow array each: categories in the order
    in which they came, of numbers and times the least and the greatest, of lists and such the first two.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.rows = 0
        self.missing: dict[str, int] = {}
        self.kept: dict[str, pa.Array] = {}

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        self.rows += len(batch)
        for name in batch.schema.names:
            column = plain(batch.column(name))
            self.missing[name] = self.missing.get(name, 0) + column.null_count
            self._take(name, column)

    def merge(self, other: Values) -> None:
        """Takes up another state of the same columns."""
        self.rows += other.rows
        for name, kept in other.kept.items():
            self.missing[name] = self.missing.get(name, 0) + other.missing[name]
            self._take(name, kept)

    def _take(self, name: str, column: pa.Array | pa.ChunkedArray) -> None:
        found = [self.kept[name]] if name in self.kept else []
        found += self._few(column).chunks
        self.kept[name] = self._few(pa.chunked_array(found, column.type)).combine_chunks()

    def _few(self, column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
        kind = column.type
        if _has_ends(kind):
            ends = pc.call_function("min_max", [column])
            return pa.chunked_array(
                [pc.call_function("drop_null", [pa.array([ends["min"].as_py(), ends["max"].as_py()], kind)])]
            )
        nested = pa.types.is_nested(kind) or pa.types.is_null(kind)
        there = pc.call_function("drop_null", [column])
        kept = there[:2] if nested else pc.call_function("unique", [there])[: self.limit]
        return pa.chunked_array(kept.chunks if isinstance(kept, pa.ChunkedArray) else [kept], kind)


def _has_ends(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind) or types.is_decimal(kind)
