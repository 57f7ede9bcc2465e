"""What a commit stores: rows in the store's own tables, or, of a table beyond some size, Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from uuid import uuid4

import duckdb
import pandas as pd
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.homes.home import Home
from ballast.warehouse.locks.leases import leased
from ballast.warehouse.names import view_of
from ballast.warehouse.sessions import Sessions
from ballast.warehouse.tables import layouts
from ballast.warehouse.tables.frames import arrow_table, storable
from ballast.warehouse.tables.hashing import ContentHash
from ballast.warehouse.tables.kept_files import STAGING, folder_of, is_lake, move_in
from ballast.warehouse.tables.parts import GivenFiles, Parts, can_be_parts, given_files, write_parts

if TYPE_CHECKING:
    from ballast.warehouse.warehouse import Warehouse

FILES_BEYOND = 2**26
"""Bytes (64 MiB, as Arrow holds them) beyond which a table is kept as Parquet files."""
_BATCH = 2**16

Given = pd.DataFrame | pa.Table | pa.RecordBatchReader | Sequence[str | Path]


@dataclass(frozen=True)
class InRows:
    """A table that goes into the store's own tables."""

    table: pa.Table
    stored: pa.Table

    @cached_property
    def _hashed(self) -> ContentHash:
        hashed = ContentHash(self.table.schema)
        hashed.add(self.table)
        return hashed

    @property
    def rows(self) -> int:
        return self.table.num_rows

    @property
    def content_hash(self) -> str:
        return self._hashed.hexdigest()

    def store(self, sessions: Sessions, con: duckdb.DuckDBPyConnection, asset: str, version: int) -> int:
        """Stores it as a version, and gives its layout."""
        return layouts.write_rows(con, asset, version, self.table, self.stored, self._hashed.columns())


@dataclass(frozen=True)
class InFiles:
    """A table that is in Parquet files already, in a folder that this process or run has a lease on."""

    parts: Parts
    root: Path
    table: None = None

    @property
    def rows(self) -> int:
        return self.parts.rows

    @property
    def content_hash(self) -> str:
        return self.parts.content_hash

    def store(self, sessions: Sessions, con: duckdb.DuckDBPyConnection, asset: str, version: int) -> int:
        """Puts the files where they are kept, back if the transaction is undone, and gives the version's layout."""
        folder = folder_of(asset, version, uuid4().hex[:12], lake=is_lake(con))
        moved = move_in(self.parts, self.root, folder)
        sessions.afterwards(con, undone=moved.undo)
        return layouts.write_parts(con, asset, version, self.parts, moved)


@contextmanager
def content_of(
    home: Home, asset: str, given: Given, *, partitioned: bool, files_beyond: int
) -> Iterator[InRows | InFiles]:
    """Gives what is to be stored of what was given; files that it writes are there until the block ends.

    A stream is taken as it comes: what is in memory at a time is `files_beyond` bytes at most.

    Raises
    ------
    WarehouseError
        A column cannot be stored, the files are not of one table, or the disk is full.
    """
    with ExitStack() as stack:
        if not isinstance(given, pa.RecordBatchReader) and not _are_files(given):
            table = arrow_table(asset, given, partitioned=partitioned)
            beyond = table.nbytes > files_beyond and home.files is not None and can_be_parts(table.schema)
            if not beyond:
                yield _in_rows(home, asset, table)
                return
            schema, files, batches = table.schema, None, table.to_batches(max_chunksize=_BATCH)
        else:
            schema, files, batches = _opened(home, asset, given, partitioned=partitioned)
            head, more = _begun(batches, files_beyond)
            if not more:
                whole = [pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in head]
                yield _in_rows(home, asset, pa.Table.from_batches(whole, schema))
                return
            batches = chain(head, batches)
            del head
        root = _root(home, asset, schema, files_beyond)
        types = {"arrays": home.arrays, "reserved": home.reserved}
        if files is not None and files.are_as_stored(arrays=home.arrays):
            yield InFiles(files.taken(batches, **types), root)
        else:
            folder = stack.enter_context(_begun_folder(root))
            yield InFiles(write_parts(asset, schema, batches, folder, **types), root)


def _are_files(given: object) -> TypeGuard[Sequence[str | Path]]:
    return isinstance(given, list | tuple) and all(isinstance(each, str | Path) for each in given)


def _in_rows(home: Home, asset: str, table: pa.Table) -> InRows:
    return InRows(table, storable(asset, table, arrays=home.arrays, reserved=home.reserved))


def _opened(
    home: Home, asset: str, given: Any, *, partitioned: bool
) -> tuple[pa.Schema, GivenFiles | None, Iterator[pa.RecordBatch]]:
    """Gives the schema and the rows of a stream, or of files."""
    if isinstance(given, pa.RecordBatchReader):
        empty = arrow_table(asset, pa.Table.from_batches([], given.schema), partitioned=partitioned)
        return empty.schema, None, iter(given)
    files = given_files(asset, given)
    staged = home.files / STAGING if home.files is not None else None
    for path in files.paths:
        if staged is None or staged.resolve() not in path.resolve().parents:
            raise WarehouseError(
                f"asset {asset!r}: {path} is not in a folder that the warehouse gave; have it written into that of "
                f"`with warehouse.staging({asset!r}) as folder`"
            )
    arrow_table(asset, pa.Table.from_batches([], files.schema), partitioned=partitioned)
    return files.schema, files, files.batches()


def _begun(batches: Iterator[pa.RecordBatch], most: int) -> tuple[list[pa.RecordBatch], bool]:
    """Gives the first batches of a stream, until they are more than so many bytes, and whether they are."""
    head, size = [], 0
    for batch in batches:
        head.append(batch)
        size += batch.nbytes
        if size > most:
            return head, True
    return head, False


def _root(home: Home, asset: str, schema: pa.Schema, most: int) -> Path:
    if home.files is None:
        raise WarehouseError(
            f"asset {asset!r}: a stream of more than {most:,} bytes is kept as Parquet files, for which the data path "
            "of the lake must be a folder that this machine has; commit it as a pyarrow.Table, or move the lake"
        )
    if not can_be_parts(schema):
        raise WarehouseError(
            f"asset {asset!r}: a stream of more than {most:,} bytes is kept as Parquet files, which have no intervals "
            "of months; write months, days and a duration"
        )
    return home.files


@contextmanager
def _begun_folder(root: Path) -> Iterator[Path]:
    try:
        folder = leased(root / STAGING)
        path = folder.__enter__()
    except OSError as error:
        raise WarehouseError(
            f"cannot make a folder for the files of a table in {root}: {error}; check that it is writable"
        ) from error
    with ExitStack() as stack:
        stack.push(folder)
        yield path


@contextmanager
def staging(self: Warehouse, asset: str) -> Iterator[Path]:
    """Gives an empty folder, where this table's files will be kept, for processes to write its Parquet files into.

    ``commit(asset, [files in the order of their rows])`` takes them out of it. It is there until the block ends; while
    this process lives ``prune`` spares it, and every version that it could be reading.

    Raises
    ------
    WarehouseError
        The warehouse is in a bucket, file locks do nothing in its folder, or that cannot be written.
    """
    view_of(asset)
    if self.home.files is None:
        raise WarehouseError(
            f"{self.home}: files of other processes need a data path that is a folder, not {self.home.data}; commit a "
            "pyarrow.Table instead"
        )
    with _begun_folder(self.home.files) as folder:
        yield folder
