"""A table by column: moments and quantiles of its numbers and times, counts of its categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.columns import numbers_of
from ballast.compute.arrow import as_series, plain
from ballast.compute.blocks import row_blocks
from ballast.compute.states.counts import LIMIT, Counts
from ballast.compute.states.moments import Moments
from ballast.compute.states.packing import packed, unpacked
from ballast.compute.states.quantiles import SIZE, Quantiles
from ballast.errors import DataError, nearest
from ballast.words import listed, plural

Held = Literal["numbers", "instants", "times of day", "durations", "categories", "truths", "no values"]

BATCH = 2**23
"""Bytes of the rows that are taken at a time, their numbers as doubles."""
_COUNTED = ("categories", "truths", "no values")


class ColumnStates:
    """What a table's columns hold, added up over its parts.

    Parameters
    ----------
    schema : the columns and their types; DataError for a name that is there twice, and for columns of lists, mappings
    and other nested values. size, limit : as ``Quantiles`` and ``Counts`` have them.

    Attributes
    ----------
    rows : the number of rows. numeric : the names of the columns of numbers and times, in the schema's order.
    moments : their ``Moments``, in that order. quantiles : their ``Quantiles`` by name. counts : the ``Counts`` of each
    column of categories, text and truths ("0" and "1"), by name.

    Notes
    -----
    Instants are seconds since 1970 in UTC, times of day seconds since midnight, durations seconds. Null and NaN both
    are missing. Cost and memory: those of a column's states, times the columns.
    """

    def __init__(self, schema: pa.Schema, *, size: int = SIZE, limit: int = LIMIT):
        if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
            raise DataError(f"the schema has column {twice[0]!r} more than once; rename one of them")
        self._begin({field.name: _held(field) for field in schema}, size, limit)

    def _begin(self, held: Mapping[str, Held], size: int, limit: int) -> None:
        self._held, self._size, self._limit = dict(held), size, limit
        self.rows = 0
        self.numeric = tuple(name for name, kind in held.items() if kind not in _COUNTED)
        self.moments = Moments(len(self.numeric))
        self.quantiles = {name: Quantiles(size) for name in self.numeric}
        self.counts = {name: Counts(limit) for name, kind in held.items() if kind in _COUNTED}

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Adds rows. Columns that the batch lacks, or has of the type null, are missing in all its rows.

        DataError, before anything is added, for a column that is not in the schema, is there twice, or holds something
        else.
        """
        self._check(batch.schema, batch.num_rows)
        for rows in row_blocks(batch.num_rows, 8 * max(16, len(self.numeric)), BATCH):
            self._add(batch.slice(rows.start, rows.stop - rows.start))

    def _add(self, batch: pa.RecordBatch | pa.Table) -> None:
        n, there = batch.num_rows, {f.name for f in batch.schema if not pa.types.is_null(f.type)}
        X = np.full((len(self.numeric), n), np.nan)
        for row, name in zip(X, self.numeric, strict=True):
            if name in there:
                row[:] = _numbers(batch.column(name), self._held[name])
                self.quantiles[name].add(row)
            else:
                self.quantiles[name].pad(n)
        self.moments.add(X.T)
        for name, counts in self.counts.items():
            counts.add(batch.column(name)) if name in there else counts.pad(n)
        self.rows += n

    def merge(self, other: ColumnStates) -> None:
        """Takes up another state; DataError for one of other columns, or another size or limit."""
        if list(self._held.items()) != list(other._held.items()):
            apart = [f"{kind} in {name!r}" for name, kind in {**self._held, **other._held}.items()
                     if self._held.get(name) != other._held.get(name)]  # fmt: skip
            raise DataError(f"states of different columns cannot be added up: {listed(apart) or 'their order differs'}")
        if (self._size, self._limit) != (other._size, other._limit):
            raise DataError("states of columns of different sizes or limits cannot be added up; give all the same")
        self.moments.merge(other.moments)
        for name, quantiles in self.quantiles.items():
            quantiles.merge(other.quantiles[name])
        for name, counts in self.counts.items():
            counts.merge(other.counts[name])
        self.rows += other.rows

    def to_bytes(self) -> bytes:
        """Gives the state as bytes; see ``packing``."""
        fields = {"held": list(self._held.items()), "size": self._size, "limit": self._limit, "rows": self.rows}
        states = [self.moments, *self.quantiles.values(), *self.counts.values()]
        arrays = {f"{i:06d}": np.frombuffer(state.to_bytes(), np.uint8) for i, state in enumerate(states)}
        return packed("columns 1", fields, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> ColumnStates:
        """Gives the state that ``to_bytes`` gave; DataError for bytes that are damaged, or of another state."""
        fields, arrays = unpacked("columns 1", data)
        state = cls.__new__(cls)
        state._begin(dict(fields["held"]), fields["size"], fields["limit"])
        state.rows = fields["rows"]
        states = (array.tobytes() for array in arrays.values())
        state.moments = Moments.from_bytes(next(states))
        state.quantiles = {name: Quantiles.from_bytes(next(states)) for name in state.quantiles}
        state.counts = {name: Counts.from_bytes(next(states)) for name in state.counts}
        return state

    def _check(self, schema: pa.Schema, n: int) -> None:
        for field in schema:
            if field.name not in self._held:
                raise DataError(
                    f"column {field.name!r} of a batch of {plural(n, 'row')} is not in the schema"
                    f"{nearest(field.name, self._held)}; it has {listed(self._held)}"
                )
            if schema.names.count(field.name) > 1:
                raise DataError(f"a batch of {plural(n, 'row')} has column {field.name!r} more than once; rename one")
            held, wanted = _held(field), self._held[field.name]
            if held not in (wanted, "no values"):
                raise DataError(
                    f"column {field.name!r} of a batch of {plural(n, 'row')} holds {held} ({field.type}), and {wanted} "
                    "in the schema; give both the same type"
                )


def _held(field: pa.Field) -> Held:
    """Gives what a column of Arrow's holds; DataError for nested values."""
    types, kind = pa.types, field.type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type  # of UUIDs bytes
    if types.is_run_end_encoded(kind):
        return _held(field.with_type(kind.value_type))
    if types.is_nested(kind) or types.is_union(kind):
        raise DataError(f"column {field.name!r} holds nested values ({field.type}); choose columns of one value a cell")
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_date(kind) or types.is_timestamp(kind):
        return "instants"
    if types.is_time(kind):
        return "times of day"
    if types.is_duration(kind) or types.is_interval(kind):
        return "durations"
    if types.is_boolean(kind):
        return "truths"
    return "no values" if types.is_null(kind) else "categories"


def _numbers(column: pa.Array | pa.ChunkedArray, held: Held) -> np.ndarray:
    """Gives a column's (n,) doubles, NaN where a value is missing."""
    if held != "numbers":
        return numbers_of(as_series(column))
    return pc.cast(plain(column), pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )  # beyond 2^53: the nearest double
