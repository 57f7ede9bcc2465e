"""Whose transaction a call belongs to: every task has its own, which the calls within its block share."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.homes.home import Home

_FORKED = (
    "this process was forked within a block `with warehouse.reading()` or `writing()`, whose connection is its "
    "parent's; leave the block before you fork, or start processes with multiprocessing's 'spawn'"
)


@dataclass
class _Held:
    """The transaction of a block: whose it is, and the error that spoilt it."""

    connection: duckdb.DuckDBPyConnection | None
    writes: bool
    process: int
    owner: tuple[int, object]
    spoilt: BaseException | None = None


_held: ContextVar[Mapping[str, _Held]] = ContextVar("_held", default={})  # noqa: B039 (it is only ever replaced)


@dataclass
class _Numbers:
    """The versions given within the transactions that are open, which do not see each other's."""

    open: int = 0
    highest: dict[str, int] = field(default_factory=dict)


_numbers: dict[str, _Numbers] = {}
_Action = Callable[[], object] | None
_following: WeakKeyDictionary[duckdb.DuckDBPyConnection, list[tuple[_Action, _Action]]] = WeakKeyDictionary()
"""What is to be done once the transaction on a connection is stored, and what once it is undone."""


class Sessions:
    """The transactions on one home.

    Within a block the calls of its task share one transaction, whichever Warehouse they are made on. Another thread or
    task has its own, one that was started within the block too.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._key = f"{type(home).__name__} {home}"

    @contextmanager
    def reading(self, timeout: float, *, private: bool = False) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """Gives a connection in a transaction, or None while there is no store."""
        held = self._mine()
        if held is not None:
            if private:
                raise WarehouseError("sql opens the store for itself; call it before or after the block, not within")
            yield held.connection
            return
        if not self.home.exists():
            yield None
            return
        with self.home.reading(timeout, private=private) as con, _transaction(con):
            yield con

    @contextmanager
    def writing(self, timeout: float, widest: pa.Table | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives a connection in a transaction that ends with the block: written, or undone by an error.

        Within another block it is that block's, and an error spoils it: what was half written can be undone only with
        the rest.
        """
        held = self._mine()
        if held is None:
            with self.home.writing(timeout, widest) as con, self._numbered(), _transaction(con):
                yield con
            return
        if not held.writes or held.connection is None:
            raise WarehouseError("nothing can be written within `with warehouse.reading()`; write after it")
        _check_whole(held)
        try:
            yield held.connection
        except BaseException as error:
            held.spoilt = error
            raise

    @contextmanager
    def holding(self, con: duckdb.DuckDBPyConnection | None, *, writes: bool) -> Iterator[None]:
        """Makes the calls of this task in the block share a connection."""
        held = _Held(con, writes, os.getpid(), _task())
        before = _held.get()
        _held.set({**before, self._key: held})
        try:
            yield
            _check_whole(held)
        finally:
            _held.set(before)

    @staticmethod
    def afterwards(
        con: duckdb.DuckDBPyConnection,
        *,
        stored: Callable[[], object] | None = None,
        undone: Callable[[], object] | None = None,
    ) -> None:
        """Has something done, still in this turn to write, once the transaction on a connection is stored, or undone.

        Nothing where that cannot be told, for the connection was lost while it was being stored.
        """
        _following[con].append((stored, undone))

    def next_version(self, asset: str, latest: int) -> int:
        """Gives the number after the latest version, and after those in transactions of this thread's other tasks."""
        numbers = _numbers[self._key]
        numbers.highest[asset] = 1 + max(latest, numbers.highest.get(asset, 0))
        return numbers.highest[asset]

    def _mine(self) -> _Held | None:
        held = _held.get().get(self._key)
        if held is None:
            return None
        if held.process != os.getpid():
            raise WarehouseError(_FORKED)
        return held if held.owner == _task() else None

    @contextmanager
    def _numbered(self) -> Iterator[None]:
        numbers = _numbers.setdefault(self._key, _Numbers())
        numbers.open += 1
        try:
            yield
        finally:
            numbers.open -= 1
            if not numbers.open:
                _numbers.pop(self._key, None)


def _task() -> tuple[int, object]:
    """Gives the thread and the task of its event loop that are at work."""
    try:
        return threading.get_ident(), asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return threading.get_ident(), None


def _check_whole(held: _Held) -> None:
    if held.spoilt is not None:
        raise WarehouseError(
            f"nothing of this block `with warehouse.writing()` is stored: a call in it failed ({held.spoilt}); let the "
            "error leave the block, or make the call before or after it"
        ) from held.spoilt


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    process = os.getpid()
    con.begin()
    following = _following[con] = []
    try:
        try:
            yield
            if os.getpid() != process:
                raise WarehouseError(_FORKED)
        except BaseException:
            if os.getpid() == process:
                for _, undone in reversed(following):
                    if undone is not None:
                        undone()
            raise
        con.commit()
    except BaseException:
        if os.getpid() == process:
            with suppress(duckdb.Error):  # the first error is the one to tell
                con.rollback()
        raise
    for stored, _ in following:
        if stored is not None:
            stored()
