"""Opening a database file, and closing it, in a millisecond each.

Starting DuckDB takes 7 ms, attaching a file to a DuckDB that runs takes one. So a process keeps what it has started,
with no file attached and nothing held, for the next call.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import duckdb

from ballast.warehouse.names import CATALOG, literal, quoted

logger = logging.getLogger("ballast.warehouse")

_BLOCK_SIZE = 65536  # bytes; DuckDB's default of 262144 makes small commits cost 4 times the space
_IDLE: list[duckdb.DuckDBPyConnection] = []


def _stop() -> None:
    while _IDLE:
        _IDLE.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_stop)  # a forked process has none of DuckDB's threads, and would wait for them


class OpenFile:
    """A database file that is open, with a connection whose default catalog it is.

    It is attached under a name of ours: a file "ballast.duckdb" connected to directly would be a catalog "ballast",
    and DuckDB finds the schema "ballast" in it ambiguous.
    """

    def __init__(self, path: Path, *, read_only: bool, options: str = "") -> None:
        choices = ", ".join(filter(None, ["READ_ONLY" if read_only else "", options]))
        self.path = path
        self._engine = _IDLE.pop() if _IDLE else duckdb.connect()
        try:
            attach = f"ATTACH {literal(str(path))} AS {quoted(CATALOG)}"
            self._engine.execute(f"{attach} ({choices})" if choices else attach)
            self.connection = self._engine.cursor()
            self.connection.execute(f"USE {quoted(CATALOG)}")
        except BaseException:
            self._engine.close()
            raise

    def close(self, *, reuse: bool) -> None:
        """Lets go of the file, undoing what was not committed; `reuse` keeps DuckDB for the next one."""
        self.connection.close()
        if not reuse:
            self._engine.close()
            return
        try:
            self._engine.execute(f"DETACH {quoted(CATALOG)}")
        except duckdb.Error as error:  # what was committed is safe in the log beside the file
            logger.warning("%s could not be tidied up: %s", self.path, error)
            self._engine.close()
        else:
            _IDLE.append(self._engine)


def create(path: Path) -> None:
    """Makes an empty database under another name and renames it: a killed process leaves no half a file."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        OpenFile(fresh, read_only=False, options=f"BLOCK_SIZE {_BLOCK_SIZE}").close(reuse=True)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
