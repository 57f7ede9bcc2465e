"""What a place that keeps a warehouse must offer, whichever it is."""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError, WarehouseUnreachableError


class Home(Protocol):
    """Where a warehouse is kept: a DuckDB file, or a lake of Parquet files with a catalog.

    Every connection it gives has the warehouse as its default catalog and holds no open transaction.
    """

    arrays: bool
    """Whether it keeps arrays of a fixed length; elsewhere they are lists."""

    reserved: frozenset[str]
    """Column names that it needs for itself."""

    @property
    def path(self) -> Path | None:
        """Its file, None if it is on a server."""
        ...

    data: str
    """The folder or bucket of its Parquet files."""

    @property
    def files(self) -> Path | None:
        """The folder below which the versions that are kept as files lie, None in a bucket."""
        ...

    def __str__(self) -> str:
        """Gives its place in words, without secrets."""
        ...

    def exists(self) -> bool:
        """Gives whether there is anything to open."""
        ...

    def reading(self, timeout: float, *, private: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Opens it to read; `private` gives a connection that can only read, whose settings nobody else will find."""
        ...

    def writing(self, timeout: float, widest: pa.Table | None) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Opens it to write, alone; `widest` is the table with the largest rows that will be written."""
        ...

    def tidy(self, timeout: float) -> None:
        """Gives the space of deleted rows back."""
        ...


def new_engine() -> duckdb.DuckDBPyConnection:
    """Starts a DuckDB in memory.

    What it does for a warehouse shows no progress bar among a session's own output, gives Arrow UUIDs and not their
    text, and depends on no machine's time zone.
    """
    engine = duckdb.connect()
    engine.execute("SET enable_progress_bar = false")
    engine.execute("SET arrow_lossless_conversion = true")
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def make_folder(folder: Path) -> None:
    """Makes the folder of a home, and those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"cannot make the folder {folder} of the warehouse: {error}; choose another url"
        ) from error


def abandon(*things: object) -> None:
    """Keeps in a forked process what only its parent can close, to the end: DuckDB would wait for threads, or crash."""
    for thing in things:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def unusable(where: object, error: Exception, *, shared: bool = False, away: bool = False) -> WarehouseError:
    """Gives the error of a home that cannot be opened, read or written.

    `shared` if two tasks had it at once, `away` if the error is what a server that does not answer leads to.
    """
    if shared and isinstance(error, duckdb.TransactionException):
        return WarehouseUnreachableError(
            f"{where}: another task of this thread stored the same at the same time ({error}); nothing of this call or "
            "block is stored: make it again"
        )
    return (WarehouseUnreachableError if away else WarehouseError)(
        f"cannot use the warehouse {where}: {error}. Check that it is a DuckDB file, that its folder is there "
        "and writable, and that the disk has room; what was committed before is as it was"
    )
