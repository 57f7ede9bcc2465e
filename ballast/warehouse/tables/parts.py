"""Rows in Parquet files, as a table beyond some size is kept: written as they come, or taken as others wrote them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ballast.errors import WarehouseError
from ballast.warehouse.tables.categories import Levels
from ballast.warehouse.tables.frames import storable
from ballast.warehouse.tables.hashing import ContentHash
from ballast.warehouse.tables.storing import is_unusual, stored_type

GROUP_BYTES = 2**24
"""About how much a row group holds, which is what is in memory at a time."""
PART_BYTES = 2**28
"""About how much a file holds, uncompressed."""
_MOST_BYTES = 2**28  # beyond which what waits is written, whatever the first rows were like
_FIRST = 2**14  # rows, of which the size of a row is found: of rows, so that batches do not enter
_VECTOR = 2048  # rows that DuckDB reads at a time
_MOST_ROWS = 131_072
_BATCH = 2**16


@dataclass(frozen=True)
class PartFile:
    """A Parquet file: its rows, its size in bytes and the sha256 of these."""

    path: Path
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Parts:
    """The rows of a table in files, one after the other, and what else is stored of them."""

    schema: pa.Schema
    files: tuple[PartFile, ...]
    rows: int
    content_hash: str
    column_hashes: dict[str, str]
    levels: dict[str, pa.Array]


class _Scan:
    """What is to be known of the rows of a stream, found as they go by."""

    def __init__(self, asset: str, schema: pa.Schema, *, arrays: bool, reserved: Collection[str]) -> None:
        self._asset, self._arrays, self._reserved = asset, arrays, reserved
        self.hashed = ContentHash(schema)
        self._levels = {f.name: Levels(f.type) for f in schema if pa.types.is_dictionary(f.type)}

    def stored(self, batch: pa.RecordBatch) -> pa.Table:
        """Takes the next rows and gives them as they are stored."""
        first = self.hashed.rows
        table = pa.table(batch.columns, schema=self.hashed.schema)
        try:
            stored = storable(self._asset, table, arrays=self._arrays, reserved=self._reserved)
        except WarehouseError as error:
            raise WarehouseError(f"{error} (rows {first} to {first + table.num_rows - 1} of the stream)") from error
        self.hashed.add(table)
        for name, known in self._levels.items():
            for chunk in table[name].chunks:
                known.add(chunk)
        return stored

    def parts(self, paths: Iterable[Path]) -> Parts:
        return Parts(
            self.hashed.schema,
            tuple(_part_file(path) for path in paths),
            self.hashed.rows,
            self.hashed.hexdigest(),
            self.hashed.columns(),
            {name: known.found() for name, known in self._levels.items()},
        )


def write_parts(
    asset: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    *,
    arrays: bool,
    reserved: Collection[str],
) -> Parts:
    """Writes a stream of rows to files in a folder, in the types that the store has; `arrays` as in ``storable``.

    How the rows are dealt out to row groups and files depends on them alone, not on the batches. Memory: a row group
    and a batch.

    Raises
    ------
    WarehouseError
        A column cannot be stored, or the disk is full or read-only.
    """
    scan = _Scan(asset, schema, arrays=arrays, reserved=reserved)
    kept = pa.schema([pa.field(field.name, stored_type(field.type, arrays=arrays)) for field in schema])
    with _Writer(asset, kept, folder) as writer:
        for batch in batches:
            writer.add(scan.stored(batch))
        writer.finish()
    return scan.parts(writer.paths)


def can_be_parts(schema: pa.Schema) -> bool:
    """Says whether Parquet has the types of a table; it has none for intervals of months."""
    return not any(_holds_intervals(field.type) for field in schema)


def _holds_intervals(kind: pa.DataType) -> bool:
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    children = [kind.field(number).type for number in range(kind.num_fields)]
    return pa.types.is_interval(kind) or any(map(_holds_intervals, children))


class _Writer:
    """Deals rows out to row groups, and these to files."""

    def __init__(self, asset: str, schema: pa.Schema, folder: Path) -> None:
        self._asset, self._schema, self._folder = asset, schema, folder
        self.paths: list[Path] = []
        self._file: pq.ParquetWriter | None = None
        self._in_file = 0
        self._pending: list[pa.Table] = []
        self._waiting = self._bytes = 0
        self._group = self._most = 0  # rows of a group and of a file, once they are known

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, table: pa.Table) -> None:
        """Takes the next rows."""
        self._pending.append(table)
        self._waiting += table.num_rows
        self._bytes += table.nbytes
        if not self._group and self._waiting >= _FIRST:
            self._measure()
        if self._group and (self._waiting >= self._group or self._bytes > _MOST_BYTES):
            self._write_groups(whole=self._waiting >= self._group)

    def finish(self) -> None:
        """Writes what waits, and has the system put all of it onto the disk."""
        self._measure()
        self._write_groups(whole=False)
        if not self.paths:
            self._write(pa.Table.from_batches([], self._schema))
        self._close()

    def _measure(self) -> None:
        first = pa.concat_tables([pa.Table.from_batches([], self._schema), *self._pending]).slice(0, _FIRST)
        each = max(1.0, sum(map(_value_bytes, first.columns)) / max(first.num_rows, 1))
        vectors = min(max(GROUP_BYTES / each // _VECTOR, 1), _MOST_ROWS // _VECTOR)
        self._group = self._group or _VECTOR * int(vectors)
        self._most = max(1, round(PART_BYTES / each / self._group)) * self._group

    def _write_groups(self, *, whole: bool) -> None:
        """Writes what waits as row groups; the last one only if it is full, where they are to be `whole`."""
        rows = pa.concat_tables([pa.Table.from_batches([], self._schema), *self._pending])
        end = rows.num_rows // self._group * self._group if whole else rows.num_rows
        for start in range(0, end, self._group):
            self._write(rows.slice(start, min(self._group, end - start)))
        rest = rows.slice(end)
        self._pending, self._waiting, self._bytes = [rest] if rest.num_rows else [], rest.num_rows, rest.nbytes

    def _write(self, rows: pa.Table) -> None:
        try:
            if self._file is None:
                self.paths.append(self._folder / part_name(len(self.paths)))
                self._file = pq.ParquetWriter(self.paths[-1], self._schema)
            self._file.write_table(rows, row_group_size=max(rows.num_rows, 1))
        except (OSError, pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise _unwritten(self._asset, self.paths[-1], error) from error
        self._in_file += rows.num_rows
        if self._in_file >= self._most:
            self._close()

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            raise _unwritten(self._asset, self.paths[-1], error) from error
        self._file, self._in_file = None, 0


def part_name(number: int) -> str:
    """Gives the name of the file of a table's part."""
    return f"part-{number:05d}.parquet"


def _unwritten(asset: str, path: Path, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"asset {asset!r} cannot be written to {path}: {error}. Check that the folder is there and writable, and that "
        "the disk has room; what was committed before is as it was"
    )


def _value_bytes(column: pa.ChunkedArray) -> float:
    """Gives about how many bytes the values of a column take, whatever buffers hold them."""
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        return len(column) * kind.list_size * _width(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _total("list_value_length", column) * _width(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string(kind) or _is_bytes(kind):
        return 4 * len(column) + _total("binary_length", column)
    return len(column) * _width(kind)


def _total(lengths: str, column: pa.ChunkedArray) -> int:
    return pc.call_function("sum", [pc.call_function(lengths, [column])]).as_py() or 0


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _width(kind: pa.DataType) -> float:
    try:
        return kind.bit_width / 8
    except ValueError:  # it has none
        return 32


def _part_file(path: Path) -> PartFile:
    """Gives what is to be known of a file, once all of it is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PartFile(path, pq.read_metadata(path).num_rows, path.stat().st_size, digest)


# -- files that others wrote -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GivenFiles:
    """Parquet files that are to be one table, and the schema that all of them have."""

    asset: str
    paths: tuple[Path, ...]
    schema: pa.Schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Gives the rows, file after file."""
        types = self.schema.types
        for path in self.paths:
            try:
                with pq.ParquetFile(path) as file:
                    for batch in file.iter_batches(batch_size=_BATCH):
                        columns = [_as(column, kind) for column, kind in zip(batch.columns, types, strict=True)]
                        yield pa.RecordBatch.from_arrays(columns, schema=self.schema)
            except (OSError, pa.ArrowInvalid) as error:
                raise _unread(self.asset, path, error) from error

    def are_as_stored(self, *, arrays: bool) -> bool:
        """Says whether the files hold what Ballast would have written of their rows."""
        return all(_is_as_stored(field.type, arrays=arrays) for field in self.schema)

    def taken(self, batches: Iterable[pa.RecordBatch], *, arrays: bool, reserved: Collection[str]) -> Parts:
        """Gives the files as the parts of a table, once their rows (`batches`) have been looked at."""
        scan = _Scan(self.asset, self.schema, arrays=arrays, reserved=reserved)
        for batch in batches:
            scan.stored(batch)
        return scan.parts(self.paths)


def given_files(asset: str, paths: Sequence[str | Path]) -> GivenFiles:
    """Gives files as one table, in the order given; all footers are read first.

    Raises
    ------
    WarehouseError
        There is none, one is not a Parquet file, or two differ in columns or types.
    """
    if not paths:
        raise WarehouseError(f"asset {asset!r}: no file is given; a table without rows is a file without rows")
    schemas: dict[Path, pa.Schema] = {}
    for path in map(Path, paths):
        try:
            schemas[path] = _without_ids(pq.read_schema(path))
        except (OSError, pa.ArrowInvalid) as error:
            raise _unread(asset, path, error) from error
    if len(schemas) < len(paths):
        raise WarehouseError(f"asset {asset!r}: a file is given twice, so that its rows would be; name each once")
    first, schema = next(iter(schemas.items()))
    for path, other in schemas.items():
        if other.names != schema.names:
            raise WarehouseError(
                f"asset {asset!r}: {path} has the columns {', '.join(other.names)}, {first} has "
                f"{', '.join(schema.names)}; write all files with one schema"
            )
        for field, wanted in zip(other, schema, strict=True):
            if field.type != wanted.type:
                raise WarehouseError(
                    f"asset {asset!r}, column {field.name!r}: {path} holds {field.type}, {first} holds {wanted.type}; "
                    "write all files with one schema"
                )
    for field in schema:
        if pa.types.is_dictionary(field.type) and field.type.ordered:
            raise WarehouseError(
                f"asset {asset!r}, column {field.name!r}: a Parquet file does not keep the order of the levels of an "
                "ordered category; commit a pyarrow.RecordBatchReader, whose dictionaries have it"
            )
    return GivenFiles(asset, tuple(schemas), schema)


def _unread(asset: str, path: Path, error: Exception) -> WarehouseError:
    return WarehouseError(f"asset {asset!r}: {path} cannot be read as Parquet: {error}; write it again")


def _without_ids(schema: pa.Schema) -> pa.Schema:
    """Gives a file's schema as it was given to the writer: no numbers of fields, Arrow's name of a list's values."""
    fields = []
    for field in schema:
        said = {key: value for key, value in (field.metadata or {}).items() if not key.startswith(b"PARQUET:")}
        fields.append(pa.field(field.name, _arrows(field.type), field.nullable, said or None))
    return pa.schema(fields)


def _arrows(kind: pa.DataType) -> pa.DataType:
    """Gives a type with the values of lists called as Arrow calls them; Parquet has another name for them."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _arrows(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_arrows(kind.key_type), _arrows(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_arrows(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_arrows(kind.value_type))
    return pa.list_(_arrows(kind.value_type)) if pa.types.is_list(kind) else kind


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column.cast(kind) if pa.types.is_nested(kind) else column


def _is_as_stored(kind: pa.DataType, *, arrays: bool) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type):
        return not pa.types.is_float16(kind.value_type)
    return not is_unusual(kind) and stored_type(kind, arrays=arrays) == kind
