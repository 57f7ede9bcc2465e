"""What this process has just stored or read, tables and encoders, so that the next step need not fetch it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ballast.warehouse import Commit, Warehouse

LIMIT = 64 * 2**20
"""Bytes kept at most; the tables used longest ago go first."""

ENCODERS = 2
"""Encoders kept at most: loading one takes up to half a second, and every data role asks for it."""

_tables: OrderedDict[str, pa.Table] = OrderedDict()
_encoders: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


def remember(commit: Commit, table: pa.Table) -> None:
    """Keeps a table under the hash of its content, which no other content can have."""
    if table.nbytes > LIMIT // 4:
        return
    with _lock:
        _tables[commit.content_hash] = table
        _tables.move_to_end(commit.content_hash)
        while sum(t.nbytes for t in _tables.values()) > LIMIT:
            _tables.popitem(last=False)


def remember_encoder(sha256: str, encoder: Any) -> None:
    """Keeps a fitted encoder, which nobody changes, under the hash of its file."""
    with _lock:
        _encoders[sha256] = encoder
        _encoders.move_to_end(sha256)
        while len(_encoders) > ENCODERS:
            _encoders.popitem(last=False)


def stored_encoder(sha256: str, load: Callable[[], Any]) -> Any:
    """Gives an encoder by the hash of its file, loaded where this process has not just had it."""
    with _lock:
        found = _encoders.get(sha256)
    if found is None:
        found = load()
        remember_encoder(sha256, found)
    return found


def stored_table(warehouse: Warehouse, commit: Commit) -> pa.Table:
    """Gives the rows of a stored version, from memory where this process has just had them."""
    with _lock:
        found = _tables.get(commit.content_hash)
    if found is None:
        found = warehouse.read_arrow(commit.asset, version=commit.version)
        remember(commit, found)
    return found
