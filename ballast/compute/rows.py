"""Rows beyond memory: a table as parts, each of which any process that sees the storage reads alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ballast.errors import DataError
from ballast.words import listed

PART_ROWS = 131_072
"""Rows that a part has at least, where its file has so many: work on fewer is not worth its way to another process."""
BATCH_CELLS = 4 * 2**20
"""Cells of a batch, 32 MiB of doubles: the rows of a batch follow from the table's width alone."""
FEWEST_ROWS, MOST_ROWS = 1024, 65_536
"""Rows of a batch of the widest and of the narrowest tables."""


class Part(ABC):
    """Some consecutive rows of a table: a small description that can be sent to any process, never the data."""

    rows: int

    @abstractmethod
    def read(self, schema: pa.Schema, start: int, stop: int, size: int) -> Iterator[pa.RecordBatch]:
        """Gives the rows from `start` to `stop` of the part, in batches of at most `size`."""


@dataclass(frozen=True)
class FilePart(Part):
    """Consecutive row groups of a Parquet file, of so many rows each."""

    file: str
    groups: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return sum(self.counts)

    def read(self, schema: pa.Schema, start: int, stop: int, size: int) -> Iterator[pa.RecordBatch]:
        ends = list(accumulate(self.counts))
        wanted = [i for i, end in enumerate(ends) if end > start and end - self.counts[i] < stop]
        if not wanted:
            return
        skipped = ends[wanted[0]] - self.counts[wanted[0]]
        with pq.ParquetFile(self.file) as file:
            there = [name for name in schema.names if name in file.schema_arrow.names]
            made = file.iter_batches(
                batch_size=size, row_groups=[self.groups[i] for i in wanted], columns=there, use_threads=False
            )
            flow = _Flow(_cut((_as(b, schema, self.file) for b in made), start - skipped, stop - skipped), schema)
            for first in range(start, stop, size):  # else some columns alone would break where a row group ends
                yield pa.record_batch(flow.next(min(size, stop - first)), schema=schema)


@dataclass(frozen=True)
class TablePart(Part):
    """Rows of a table in memory, which goes along with the description: for tables that are small."""

    table: pa.Table

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.table.num_rows

    def read(self, schema: pa.Schema, start: int, stop: int, size: int) -> Iterator[pa.RecordBatch]:
        for first in range(start, stop, size):
            rows = self.table.slice(first, min(size, stop - first)).combine_chunks()
            yield _as(
                pa.record_batch([_one(column) for column in rows.columns], schema=rows.schema),
                schema,
                "a table in memory",
            )


@dataclass(frozen=True)
class Rows:
    """A table as a list of parts in order, all of one schema.

    The parts are fixed by how the table is stored, and the batches by the schema, so that what is folded over them
    does not depend on how many processes work, nor on their memory.

    Attributes
    ----------
    schema : of all batches; a part that lacks a column of it gives nulls.
    parts : in the order of the rows.
    """

    schema: pa.Schema
    parts: tuple[Part, ...] = ()
    _size: int = field(default=0, repr=False)

    @classmethod
    def of_files(cls, files: Iterable[str | Path], schema: pa.Schema | None = None) -> Rows:
        """Gives the rows of Parquet files, one after the other; the schema is by default the one that all have.

        Raises DataError where files differ and no schema is given, and for a file that cannot be read.
        """
        parts: list[Part] = []
        first = ""
        for name in map(str, files):
            try:
                with pq.ParquetFile(name) as file:
                    own, metadata = file.schema_arrow.remove_metadata(), file.metadata
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{name} cannot be read: {error}; write it anew") from error
            if schema is None:
                schema, first = own, name
            elif first and own != schema:
                raise DataError(
                    f"{name} has other columns or types than {first}; give the schema that both are to have"
                )
            parts += _parts_of(name, [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)])
        if schema is None:
            raise DataError("no file was given, so that the columns are not known; give the schema")
        return cls(schema, tuple(parts))

    @classmethod
    def of_table(cls, table: pa.Table) -> Rows:
        """Gives the rows of a table in memory, in parts of 131,072 rows."""
        parts = [TablePart(table.slice(start, PART_ROWS)) for start in range(0, table.num_rows, PART_ROWS)]
        return cls(table.schema, tuple(parts))

    def __len__(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def batch_rows(self) -> int:
        """How many rows a batch has, at most."""
        return self._size or min(MOST_ROWS, max(FEWEST_ROWS, BATCH_CELLS // max(1, len(self.schema))))

    def select(self, columns: Sequence[str]) -> Rows:
        """Gives some columns, in the same batches as all of them."""
        if unknown := [name for name in columns if name not in self.schema.names]:
            raise DataError(
                f"there is no column {listed(map(repr, unknown))} (columns: {listed(self.schema.names, most=12)})"
            )
        schema = pa.schema([self.schema.field(name) for name in columns])
        return replace(self, schema=schema, _size=self.batch_rows)

    def beside(self, other: Rows) -> Rows:
        """Gives the columns of another table of the same rows, in the same order, beside the own ones.

        Raises DataError where the other has not as many rows, or a column of the same name.
        """
        if len(other) != len(self):
            raise DataError(f"tables of {len(self)} and {len(other)} rows do not stand side by side")
        if twice := [name for name in other.schema.names if name in self.schema.names]:
            raise DataError(f"both tables have a column {listed(map(repr, twice))}; select the others")
        ends = accumulate(part.rows for part in self.parts)
        parts = [
            BesidePart(part, self.schema, *other._around(end - part.rows, end))
            for part, end in zip(self.parts, ends, strict=True)
        ]
        return Rows(pa.schema([*self.schema, *other.schema]), tuple(parts), self.batch_rows)

    def without_parts(self) -> Rows:
        """Gives what reads a part, and is sent to the process that does."""
        return replace(self, parts=(), _size=self.batch_rows)

    def _around(self, start: int, stop: int) -> tuple[Rows, int]:
        """Gives the parts that hold the rows from `start` to `stop`, and how many rows of theirs come before."""
        ends = list(accumulate(part.rows for part in self.parts))
        held = [i for i, end in enumerate(ends) if end > start and end - self.parts[i].rows < stop]
        before = start - (ends[held[0]] - self.parts[held[0]].rows) if held else 0
        return replace(self, parts=tuple(self.parts[i] for i in held)), before

    def batches(self, part: Part) -> Iterator[pa.RecordBatch]:
        """Gives the rows of one part, a batch at a time."""
        return part.read(self.schema, 0, part.rows, self.batch_rows)

    def range(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Gives the rows from `start` to `stop`, whatever parts they are of."""
        offset = 0
        for part in self.parts:
            low, high = max(start - offset, 0), min(stop - offset, part.rows)
            if low < high:
                yield from part.read(self.schema, low, high, self.batch_rows)
            offset += part.rows

    def reader(self) -> pa.RecordBatchReader:
        """Gives all rows in order, a batch at a time."""
        return pa.RecordBatchReader.from_batches(
            self.schema, (batch for part in self.parts for batch in self.batches(part))
        )


@dataclass(frozen=True)
class BesidePart(Part):
    """A part of a table, and beside it the rows that another table has at the same positions, from `first` on."""

    part: Part
    schema: pa.Schema
    other: Rows
    first: int

    @property
    def rows(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.part.rows

    def read(self, schema: pa.Schema, start: int, stop: int, size: int) -> Iterator[pa.RecordBatch]:
        own, theirs = ([name for name in schema.names if name in s.names] for s in (self.schema, self.other.schema))
        other = self.other.select(theirs)
        beside = _Flow(other.range(self.first + start, self.first + stop), other.schema)
        for batch in self.part.read(pa.schema([schema.field(n) for n in own]), start, stop, size):
            columns = dict(zip(own, batch.columns, strict=True)) | beside.next(len(batch))
            yield pa.record_batch([columns[name] for name in schema.names], schema=schema)


class _Flow:
    """Batches that are taken in other lengths than they come in."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches, self._held = batches, schema.empty_table()

    def next(self, rows: int) -> dict[str, pa.Array]:
        """Gives the columns of the next so many rows."""
        held = [self._held]
        while sum(map(len, held)) < rows:
            held.append(pa.Table.from_batches([next(self._batches)]))
        together = pa.concat_tables(held)
        self._held = together.slice(rows)
        taken = together.slice(0, rows).combine_chunks()
        return {name: _one(column) for name, column in zip(taken.column_names, taken.columns, strict=True)}


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _parts_of(file: str, counts: Sequence[int]) -> list[FilePart]:
    """Gives the parts of a file whose row groups have so many rows."""
    parts, groups = [], []
    for group, count in enumerate(counts):
        groups += [(group, count)] if count else []
        if sum(n for _, n in groups) >= PART_ROWS:
            parts.append(groups)
            groups = []
    if groups and parts and sum(n for _, n in groups) < PART_ROWS / 2:
        parts[-1] += groups
    elif groups:
        parts.append(groups)
    return [FilePart(file, *(tuple(column) for column in zip(*part, strict=True))) for part in parts]


def _as(batch: pa.RecordBatch, schema: pa.Schema, place: str) -> pa.RecordBatch:
    """Gives a batch the columns and types of a schema; nulls where it lacks one."""
    columns = []
    for wanted in schema:
        if wanted.name not in batch.schema.names:
            columns.append(pa.nulls(len(batch), wanted.type))
            continue
        column = batch.column(wanted.name)
        try:
            columns.append(column if column.type == wanted.type else column.cast(wanted.type))
        except pa.ArrowException as error:
            raise DataError(
                f"{place}: column {wanted.name!r} is {column.type} and not {wanted.type} ({error}); give it one "
                "type in all files"
            ) from error
    return pa.record_batch(columns, schema=schema)


def _cut(batches: Iterable[pa.RecordBatch], start: int, stop: int) -> Iterator[pa.RecordBatch]:
    offset = 0
    for batch in batches:
        low, high = max(start - offset, 0), min(stop - offset, len(batch))
        if low < high:
            yield batch.slice(low, high - low)
        offset += len(batch)
