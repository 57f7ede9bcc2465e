"""A warehouse in a DuckLake: rows in Parquet files, their catalog in SQLite or Postgres.

Any number of processes read at once, and while one writes; of those that write, one has its turn. With the catalog in
Postgres they may be on several machines, the Parquet files in a folder or bucket that all reach.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString, TypeVar

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.homes import extensions
from ballast.warehouse.homes.home import abandon, make_folder, new_engine, unusable
from ballast.warehouse.homes.urls import secrets, without_password
from ballast.warehouse.locks.tasks import Turn
from ballast.warehouse.locks.turns import PATIENCE, WAITING, Queue, locked
from ballast.warehouse.names import CATALOG, INLINED_ROWS, STORE, literal, quoted

if TYPE_CHECKING:
    import psycopg

logger = logging.getLogger("ballast.warehouse")

_FILESYSTEMS = {"s3": "httpfs", "gs": "httpfs", "gcs": "httpfs", "r2": "httpfs", "az": "azure", "abfss": "azure"}
_CATALOG = quoted(f"__ducklake_metadata_{CATALOG}")  # the tables in which a lake keeps what it holds
_TURN = 0x42414C4C  # the advisory lock of Postgres that writers take
AnyError = TypeVar("AnyError", bound=Exception)


class Lake(ABC):
    """A DuckLake; see `SqliteLake` and `PostgresLake` for where its catalog is.

    The process stays connected to it between calls, which holds nothing that others need.
    """

    arrays = False
    reserved = frozenset({"row_id"})
    extension: str
    served = False
    """Whether a server keeps its catalog."""
    options: tuple[str, ...] = ()

    def __init__(self, metadata: str, data: str) -> None:
        self.metadata = metadata
        self.data = data

    @property
    def files(self) -> Path | None:
        return None if "://" in self.data else Path(self.data, STORE)

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def exists(self) -> bool: ...

    @abstractmethod
    def _turn(self, timeout: float) -> AbstractContextManager[None]: ...

    def _without_secrets(self, error: AnyError) -> AnyError:
        return error

    @contextmanager
    def reading(self, timeout: float, *, private: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection; what others commit meanwhile, its open transaction does not see."""
        if self.metadata not in _engines and not private:
            with self._alone(timeout), self._connected():
                pass  # connecting makes the lake where there is none, which two must not do at once
        with self._connected(private=private) as con:
            yield con

    @contextmanager
    def writing(self, timeout: float, widest: pa.Table | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection that may write, when it is its turn."""
        with self._alone(timeout), self._connected() as con:
            yield con

    @contextmanager
    def _alone(self, timeout: float) -> Iterator[None]:
        """Waits for its turn among this process's threads, then among the processes; tasks of a thread share one."""
        deadline, process = time.monotonic() + timeout, os.getpid()
        writer = _writers.setdefault(self.metadata, _Writer())
        if not writer.turn.take(timeout):
            raise locked(self, timeout, "another thread of this process")
        try:
            writer.shared = writer.turn.users > 1
            if not writer.shared:
                writer.held.enter_context(self._turn(max(0.0, round(deadline - time.monotonic(), 1))))
            yield
        finally:
            if os.getpid() == process:  # else this is a fork, and the turn is its parent's
                try:
                    if writer.turn.users == 1:
                        writer.held.close()
                finally:
                    writer.turn.leave()

    def tidy(self, timeout: float) -> None:
        """Forgets what the lake was like before, and removes the files that only the past needed.

        Files wait an hour, in which a reader that has begun may still want them.
        """
        with self.writing(timeout, None) as con:
            con.execute(f"CALL ducklake_expire_snapshots({literal(CATALOG)}, older_than => now()::TIMESTAMPTZ)")
            con.execute(f"CALL ducklake_cleanup_old_files({literal(CATALOG)}, older_than => now() - INTERVAL 1 HOUR)")

    @contextmanager
    def _connected(self, *, private: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        process = os.getpid()
        try:
            engine = _Engine(self._engine("READ_ONLY"), retired=True) if private else self._shared()
            try:
                connection = engine.connection.cursor()
                try:
                    connection.execute(f"USE {quoted(CATALOG)}")
                    yield connection
                finally:
                    if os.getpid() == process:
                        connection.close()  # which undoes what was not committed
            except duckdb.Error:
                _forget(engine)
                raise
            finally:
                if os.getpid() == process:
                    _leave(engine)
        except duckdb.Error as error:
            safe = self._without_secrets(error)
            shared = self.metadata in _writers and _writers[self.metadata].shared
            asked = self.served or "://" in self.data
            away = asked and isinstance(error, duckdb.IOException | duckdb.ConnectionException)
            raise unusable(self, safe, shared=shared, away=away) from safe

    def _shared(self) -> _Engine:
        with _lock:
            if self.metadata not in _engines:
                _engines[self.metadata] = _Engine(self._engine(), users=0)
            engine = _engines[self.metadata]
            engine.users += 1
            return engine

    def _engine(self, *options: str) -> duckdb.DuckDBPyConnection:
        where = (
            f"DATA_PATH {literal(self.data)}, OVERRIDE_DATA_PATH true"  # they may have moved since the lake was made
        )
        chosen = ", ".join([*options, where, *self.options])
        engine = new_engine()
        try:
            extensions.load(engine, "ducklake")
            extensions.load(engine, self.extension)
            engine.execute(f"SET ducklake_default_data_inlining_row_limit = {INLINED_ROWS:d}")
            if filesystem := _FILESYSTEMS.get(self.data.partition("://")[0]):
                extensions.load(engine, filesystem)
            engine.execute(f"ATTACH {literal('ducklake:' + self.metadata)} AS {quoted(CATALOG)} ({chosen})")
            self._check_files(engine)
        except BaseException:
            engine.close()
            raise
        return engine

    def _check_files(self, engine: duckdb.DuckDBPyConnection) -> None:
        """Refuses a folder other than that of the lake's making if the lake's newest file is not there."""
        known = engine.execute(f"SELECT value FROM {_CATALOG}.ducklake_metadata WHERE key = 'data_path'").fetchone()
        if known is None or known[0].rstrip("/") == self.data.rstrip("/"):
            return
        newest = engine.execute(
            f"SELECT s.path, t.path, f.path FROM {_CATALOG}.ducklake_data_file f "
            f"JOIN {_CATALOG}.ducklake_table t USING (table_id) JOIN {_CATALOG}.ducklake_schema s USING (schema_id) "
            "WHERE f.end_snapshot IS NULL AND s.path_is_relative AND t.path_is_relative AND f.path_is_relative "
            "ORDER BY f.data_file_id DESC LIMIT 1"
        ).fetchone()
        if newest is None:
            return
        file = "/".join([self.data.rstrip("/"), *(part.strip("/") for part in newest)])
        if "://" in self.data:
            there = engine.execute("SELECT 1 FROM glob(?)", [file]).fetchone() is not None
        else:
            there = Path(file).exists()
        if not there:
            raise WarehouseError(
                f"the lake {self} was made with its files in {known[0]}, and {self.data} does not hold them ({file} is "
                "missing): move them there, or say where they are with ?data_path="
            )


class SqliteLake(Lake):
    """A lake whose catalog is a SQLite file, for the processes of one machine."""

    extension = "sqlite_scanner"
    options = ("META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 60000")

    def __init__(self, path: Path, data: str | None) -> None:
        super().__init__(f"sqlite:{path}", data or f"{path}.data")
        self.path = path
        self._queue = Queue(path)

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    @contextmanager
    def _turn(self, timeout: float) -> Iterator[None]:
        make_folder(self.path.parent)
        with ExitStack() as stack:
            try:
                stack.enter_context(self._queue.turn(timeout))
            except OSError as error:
                raise unusable(self, error) from error
            yield


class PostgresLake(Lake):
    """A lake whose catalog is in Postgres, for many machines."""

    extension = "postgres_scanner"
    served = True
    path = None

    def __init__(self, uri: str, data: str) -> None:
        super().__init__(f"postgres:{uri}", data)
        self.uri = uri

    def __str__(self) -> str:
        return without_password(self.uri)

    def exists(self) -> bool:
        return True

    @contextmanager
    def _turn(self, timeout: float) -> Iterator[None]:
        try:
            import psycopg  # not DuckDB, whose Python client spins while a query waits
        except ImportError as error:
            raise WarehouseError(
                f"{self}: a catalog in Postgres needs psycopg; pip install 'dagster-ballast[ducklake]'"
            ) from error
        name = f"ballast on {socket.gethostname()}, PID {os.getpid()}"
        try:
            with psycopg.connect(self.uri, application_name=name) as queue:
                try:
                    self._wait(queue, timeout)
                except psycopg.errors.LockNotAvailable as error:
                    queue.rollback()
                    raise locked(self, timeout, _holder(queue)) from error
                yield
        except psycopg.Error as error:
            safe = self._without_secrets(error)
            raise unusable(self, safe, away=isinstance(error, psycopg.OperationalError)) from safe

    def _without_secrets(self, error: AnyError) -> AnyError:
        """Gives an error as it may be shown and logged: DuckDB's hold the whole URI."""
        text = str(error)
        for secret in secrets(self.uri):
            text = text.replace(secret, "***")
        return type(error)(text)

    def _wait(self, queue: psycopg.Connection, timeout: float) -> None:
        """Takes the lock that Postgres gives in the order of asking; the end of the transaction returns it."""
        if _ask(queue, "SELECT pg_try_advisory_xact_lock(%s)", _TURN):
            return
        _ask(queue, "SELECT set_config('lock_timeout', %s, true)", f"{max(1, int(1000 * timeout))}")
        notice = threading.Timer(PATIENCE, logger.warning, [WAITING, self, _holder(queue), timeout])
        notice.start()
        try:
            _ask(queue, "SELECT pg_advisory_xact_lock(%s)", _TURN)
        finally:
            notice.cancel()


def _ask(queue: psycopg.Connection, query: LiteralString, value: object) -> object:
    row = queue.execute(query, [value]).fetchone()
    return row[0] if row else None


def _holder(queue: psycopg.Connection) -> str:
    found = _ask(
        queue,
        "SELECT coalesce(nullif(a.application_name, ''), 'PID ' || a.pid) FROM pg_locks l "
        "JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.objid = %s AND l.granted",
        _TURN,
    )
    return str(found or "another process")


@dataclass
class _Engine:
    """A DuckDB that is connected to a lake, and how many calls use it; a retired one closes behind the last."""

    connection: duckdb.DuckDBPyConnection
    users: int = 1
    retired: bool = False


@dataclass
class _Writer:
    """Whose of this process's threads it is to write, and the turn among processes that its tasks share."""

    turn: Turn = field(default_factory=Turn)
    held: ExitStack = field(default_factory=ExitStack)
    shared: bool = False


_engines: dict[str, _Engine] = {}
_writers: dict[str, _Writer] = {}
_lock = threading.Lock()


def _forget(engine: _Engine) -> None:
    """Lets the next call start afresh, after an error; those that use the engine still go on with it."""
    with _lock:
        engine.retired = True
        for key in [key for key, known in _engines.items() if known is engine]:
            del _engines[key]
        idle = not engine.users
    if idle:
        engine.connection.close()


def _leave(engine: _Engine) -> None:
    with _lock:
        engine.users -= 1
        last = engine.retired and not engine.users
    if last:
        engine.connection.close()


def _before_fork() -> None:
    for engine in [engine for engine in _engines.values() if not engine.users]:
        _forget(engine)


def _after_fork() -> None:
    """Leaves alone what the parent has in use: closing it would wait for threads that only it has."""
    global _lock
    _lock = threading.Lock()
    abandon([*_engines.values()], [*_writers.values()])
    _engines.clear()
    _writers.clear()


if hasattr(os, "register_at_fork"):  # a forked process has none of DuckDB's threads, and would wait for them
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
