"""A warehouse in one DuckDB file, which one process may write, or several read.

Ballast's processes queue for it, the threads of one process on a lock of their own; any other program that holds
the file, such as a person's DuckDB shell, is waited for and named in the log. No call keeps the file open, but
within `keep_open` it stays so between the calls that follow closely.

Starting DuckDB takes 7 ms, attaching a file to a DuckDB that runs takes one or two, and closing a file that was
written ten more: so a process keeps the DuckDB it has started, with no file attached, for the next call.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError, WarehouseLockedError
from ballast.warehouse.homes.home import abandon, make_folder, new_engine, unusable
from ballast.warehouse.locks.processes import described
from ballast.warehouse.locks.tasks import Turn
from ballast.warehouse.locks.turns import Queue, locked
from ballast.warehouse.lookups import forget, hold
from ballast.warehouse.names import CATALOG, literal, quoted

logger = logging.getLogger("ballast.warehouse")

LINGER = 0.05
"""Seconds that a file stays open after a call, within `keep_open`."""
LONGEST_LINGER = 2.0
"""Seconds that one stays open which was only read, while no other process of Ballast's wants it."""

_BLOCK_SIZE = 65536  # bytes; DuckDB's default of 262144 makes small commits cost 4 times the space
_GROUP_BYTES = 2**19
_MOST_GROUP_ROWS = 122_880  # DuckDB's default
_FIRST_WAIT, _LONGEST_WAIT = 0.01, 1.0  # seconds between two tries


class Embedded:
    """A DuckDB file."""

    arrays = True
    reserved: frozenset[str] = frozenset()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = f"{path}.tables"

    def __str__(self) -> str:
        return str(self.path)

    @property
    def files(self) -> Path:
        return Path(self.data)

    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def reading(self, timeout: float, *, private: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection to what is there, alone among this process's threads."""
        with _place(self.path).opened(timeout, read_only=True, private=private) as con:
            yield con

    @contextmanager
    def writing(self, timeout: float, widest: pa.Table | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection that may write; makes file and folders."""
        if "?" in str(self.path.parent):
            raise WarehouseError(
                f"DuckDB cannot keep its log beside {self.path}, for it takes what follows a '?' for parameters; "
                "rename the folder, or keep the warehouse in another one"
            )
        make_folder(self.path.parent)
        rows = _group_rows(widest) if widest is not None else _MOST_GROUP_ROWS
        fit = rows if widest is None or widest.num_rows > 8 * 2048 else 0  # a small table may have smaller groups
        with _place(self.path).opened(timeout, read_only=False, group_rows=rows, at_least=fit) as con:
            yield con

    def tidy(self, timeout: float) -> None:
        """Nothing to do: DuckDB fills the space of deleted rows with the next ones, and cuts a free end off."""


def _group_rows(table: pa.Table) -> int:
    """Gives how many rows DuckDB should store and rewrite as one group.

    An append rewrites the last group; DuckDB's default is nothing for weights but 120 MB for a matrix of 256
    columns, so a group gets about half a MiB, in multiples of 2048 rows.
    """
    row_bytes = table.nbytes / max(table.num_rows, 1)
    groups = _GROUP_BYTES / max(row_bytes, 1) // 2048
    return 2048 * int(min(max(groups, 1), 60))


@dataclass
class _Open:
    """A file attached to a DuckDB of its own, and all that is to be released with it."""

    engine: duckdb.DuckDBPyConnection
    connection: duckdb.DuckDBPyConnection
    held: ExitStack
    read_only: bool
    group_rows: int
    private: bool = False
    shared: bool = False
    intact: bool = True
    since: float = 0.0
    watched: bool = False
    """Whether a timer will look whether it is idle."""


class _Place:
    """What this process knows of one file: who of its threads has it, and whether it is open now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.queue = Queue(path)
        self.turn = Turn()
        self.file: _Open | None = None
        self.kept: _Open | None = None

    @contextmanager
    def opened(
        self, timeout: float, *, read_only: bool, private: bool = False, group_rows: int = 0, at_least: int = 0
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        deadline, process = time.monotonic() + timeout, os.getpid()
        if not self.turn.take(timeout):
            raise locked(self.path, timeout, "another thread of this process")
        intact, beside = False, None
        try:
            if self.turn.users > 1:
                connection = beside = self._beside(read_only, private)
            else:
                self.file = self._taken(deadline, timeout, read_only, private, group_rows, at_least)
                connection = self.file.connection
                (hold if read_only and not private else forget)(connection)  # while it is open nobody else can write
            yield connection
            intact = True
        except duckdb.Error as error:
            raise unusable(self.path, error, shared=self.file is not None and self.file.shared) from error
        finally:
            if os.getpid() == process:  # else this is a fork, and all of it is its parent's
                try:
                    self._leave(beside, intact=intact)
                finally:
                    self.turn.leave()

    def _taken(
        self, deadline: float, timeout: float, read_only: bool, private: bool, group_rows: int, at_least: int
    ) -> _Open:
        """Gives the file that was kept open if it serves, else opens it."""
        file, self.kept = self.kept, None
        if file is not None and not _serves(file, read_only, private, group_rows, at_least):
            self._close(file)
            file = None
        file = file or self._open(timeout, deadline, read_only, group_rows)
        file.private, file.shared = private, False
        return file

    def _beside(self, read_only: bool, private: bool) -> duckdb.DuckDBPyConnection:
        """Gives a connection of its own to a task whose thread has the file open for another one."""
        file = self.file
        if file is None or private or file.private or (file.read_only and not read_only):
            raise WarehouseLockedError(
                f"{self.path} is in use by another task of this thread, which cannot go on while this one waits: end "
                "that task's block before it awaits, or make this call in a thread (asyncio.to_thread)"
            )
        file.shared = True
        if not read_only:
            forget(file.connection)
        return _connection(file.engine)

    def _leave(self, beside: duckdb.DuckDBPyConnection | None, *, intact: bool) -> None:
        if beside is not None:
            beside.close()
        file = self.file
        if file is None:
            return
        file.intact = file.intact and intact
        if self.turn.users > 1:
            return
        self.file = None
        if not file.intact or file.private or not _keeping or (not file.read_only and self.queue.others(1)):
            self._close(file, reuse=file.intact and not file.private)
            return
        file.since = time.monotonic()
        self.kept = file
        self._look_later(file)

    def _look_later(self, file: _Open) -> None:
        if file.watched:
            return
        file.watched = True
        timer = threading.Timer(LINGER, self.close_idle, [file])
        timer.daemon = True
        timer.start()

    def close_idle(self, file: _Open | None = None) -> None:
        """Closes the file if it is open and nobody uses it; one that is given, only if it has idled long enough."""
        if file is not None:
            file.watched = False
        if not self.turn.take_idle():
            return  # in use: whoever has it decides when they leave
        try:
            kept = self.kept
            if kept is None or (file is not None and kept is not file):
                return
            if file is not None and self._spared(kept):
                self._look_later(kept)
            else:
                self.kept = None
                self._close(kept)
        finally:
            self.turn.leave()

    def _spared(self, kept: _Open) -> bool:
        """Says whether an idle file may stay open; one that was read for longer, but not while anybody wants it."""
        idle = time.monotonic() - kept.since
        return idle < 0.9 * LINGER or (kept.read_only and idle < LONGEST_LINGER and not self.queue.others(0))

    def _open(self, timeout: float, deadline: float, read_only: bool, group_rows: int) -> _Open:
        """Opens the file as soon as nobody holds it; a writer keeps its turn, a reader gives it back."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self.queue.turn(max(0.0, deadline - time.monotonic())))
            except OSError as error:
                if not read_only:  # who may not write in the folder may still read
                    raise unusable(self.path, error) from error
            wait, named = _FIRST_WAIT, None
            while True:
                try:
                    if not read_only and not self.path.exists():
                        _create(self.path)
                    engine, connection = _attached(
                        self.path, "READ_ONLY" if read_only else f"ROW_GROUP_SIZE {group_rows}"
                    )
                    held = ExitStack() if read_only else stack.pop_all()
                    return _Open(engine, connection, held, read_only, group_rows)
                except (duckdb.Error, OSError) as error:
                    holder = holder_of(error)
                    if holder is None:
                        raise unusable(self.path, error) from error
                if time.monotonic() + wait > deadline:
                    raise locked(self.path, timeout, holder)
                if wait > 0.1 and holder != named:
                    logger.warning("%s is held by %s; waiting up to %g s for it", self.path, holder, timeout)
                    named = holder
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _close(self, file: _Open, *, reuse: bool = True) -> None:
        """Lets go of the file, undoing what was not committed; `reuse` keeps DuckDB for the next one."""
        with file.held:
            file.connection.close()
            if not reuse:
                file.engine.close()
                return
            try:
                file.engine.execute(f"DETACH {quoted(CATALOG)}")
            except duckdb.Error as error:  # what was committed is safe in the log beside the file
                logger.warning("%s could not be tidied up: %s", self.path, error)
                file.engine.close()
            else:
                _idle.append(file.engine)


def _serves(file: _Open, read_only: bool, private: bool, group_rows: int, at_least: int) -> bool:
    """Gives whether an open file will do for what is wanted now."""
    if private:
        return False
    return read_only or (not file.read_only and at_least <= file.group_rows <= group_rows)


_places: dict[Path, _Place] = {}
_idle: list[duckdb.DuckDBPyConnection] = []
_keeping: list[None] = []  # as many as there are `keep_open` blocks


def _place(path: Path) -> _Place:
    return _places.setdefault(path, _Place(path))


@contextmanager
def keep_open() -> Iterator[None]:
    """Lets files stay open for a moment after each call in the block, unless another process waits for them.

    For many calls in a row. Other programs find the file in use for up to `LINGER` seconds after a call that wrote,
    and those that would write for up to `LONGEST_LINGER` after one that read.
    """
    _keeping.append(None)
    try:
        yield
    finally:
        _keeping.pop()
        if not _keeping:
            _close_all()


def _close_all() -> None:
    for place in list(_places.values()):
        place.close_idle()


def _before_fork() -> None:
    _close_all()
    while _idle:
        _idle.pop().close()


def _after_fork() -> None:
    """Leaves alone what the parent had open within a block: closing it would wait for threads that only it has."""
    abandon([*_places.values()], [*_idle])
    _places.clear()
    _idle.clear()


if hasattr(os, "register_at_fork"):  # a forked process has none of DuckDB's threads, and would wait for them
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def _attached(path: Path, options: str) -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    """Gives a running DuckDB with the file attached, and a connection whose default catalog it is.

    It is attached under a name of ours: a file "ballast.duckdb" connected to directly would be a catalog "ballast",
    and DuckDB finds the schema "ballast" in it ambiguous.
    """
    engine = _idle.pop() if _idle else new_engine()
    try:
        engine.execute(f"ATTACH {literal(str(path))} AS {quoted(CATALOG)} ({options})")
        connection = _connection(engine)
    except BaseException:
        engine.close()
        raise
    return engine, connection


def attach_beside(
    con: duckdb.DuckDBPyConnection, path: Path, name: str, timeout: float, *, read_only: bool = True
) -> None:
    """Attaches a file, a warehouse or not, to a DuckDB of one's own, as `name`; waits for who holds it.

    Raises duckdb.Error as ATTACH does where that takes longer than `timeout` seconds or waiting would not help.
    """
    deadline, wait = time.monotonic() + timeout, _FIRST_WAIT
    while True:
        for place in [p for p in _places.values() if p.path.exists() and p.path.samefile(path)]:
            place.close_idle()
        try:
            options = "READ_ONLY" if read_only else "READ_WRITE"
            con.execute(f"ATTACH {literal(str(path))} AS {quoted(name)} ({options})")
            return
        except duckdb.Error as error:
            if holder_of(error) is None or time.monotonic() + wait > deadline:
                raise
        time.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def _connection(engine: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Gives a connection whose default catalog is the file that is attached."""
    connection = engine.cursor()
    connection.execute(f"USE {quoted(CATALOG)}")
    return connection


def _create(path: Path) -> None:
    """Makes an empty database under another name and renames it: a killed process leaves no half a file."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        engine, connection = _attached(fresh, f"BLOCK_SIZE {_BLOCK_SIZE}")
        connection.close()
        engine.execute(f"DETACH {quoted(CATALOG)}")
        _idle.append(engine)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def holder_of(error: Exception) -> str | None:
    """Gives who holds the file in words, or None if the error has nothing to do with locks."""
    message = str(error)
    if "Unique file handle conflict" in message:
        return f"this process itself (PID {os.getpid()}), over another DuckDB connection"
    if "Could not set lock" not in message:
        return None
    found = re.search(r"PID (-?\d+)", message)
    return described(int(found[1])) if found else "another program"
