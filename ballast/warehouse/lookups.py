"""What was looked up over a connection while nothing could change: every gate asks for the same few versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import duckdb

Rows = list[tuple[Any, ...]]
_known: WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[tuple[str, str], Rows]] = WeakKeyDictionary()


def hold(con: duckdb.DuckDBPyConnection) -> None:
    """Says that nothing changes what this connection reads, until `forget`: nobody else can write, and it does not."""
    _known.setdefault(con, {})


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Says that what this connection reads may change from now on."""
    _known.pop(con, None)


def remembered(con: duckdb.DuckDBPyConnection, question: tuple[str, str], ask: Callable[[], Rows]) -> Rows:
    """Gives the answer to a question: the one of before where nothing has changed since, else what `ask` gives."""
    known = _known.get(con)
    if known is None:
        return ask()
    if question not in known:
        known[question] = ask()
    return list(known[question])
