"""Dagster's records of runs in SQLite, written without opening the file anew for every event."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine

_MOST = 4
"""Files kept open at most: one a run, and the index of them all."""


def keep_connections(storage: SqliteEventLogStorage) -> None:
    """Makes a storage keep its connections: Dagster's own makes an engine for each, more than 80 of them a step.

    For a process of one command, whose records nobody else serves: a file is opened again when it was replaced.
    """
    engines: OrderedDict[str, tuple[int, Engine]] = OrderedDict()
    lock, initialised = storage._db_lock, storage._initialized_dbs

    def engine_of(shard: str) -> Engine:
        file = Path(storage.path_for_shard(shard))
        inode = file.stat().st_ino if file.exists() else 0
        known, engine = engines.pop(shard, (0, None))
        if engine is None or known != inode or not inode:
            if engine is not None:
                engine.dispose()
            given = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}  # the lock keeps threads apart
            engine = create_engine(storage.conn_string_for_shard(shard), connect_args=given)
        if not inode or shard not in initialised:
            storage._initdb(engine)
            initialised.add(shard)
        engines[shard] = file.stat().st_ino, engine
        while len(engines) > _MOST:
            engines.popitem(last=False)[1][1].dispose()
        return engine

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with lock, engine_of(shard).begin() as connection:
            yield connection

    storage._connect = connect
