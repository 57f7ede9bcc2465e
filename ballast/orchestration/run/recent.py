"""The tables that this process has just stored or read, so that the next step need not fetch them again."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pyarrow as pa

from ballast.warehouse import Commit, Warehouse

LIMIT = 64 * 2**20
"""Bytes kept at most; the tables used longest ago go first."""

_tables: OrderedDict[str, pa.Table] = OrderedDict()
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


def stored_table(warehouse: Warehouse, commit: Commit) -> pa.Table:
    """Gives the rows of a stored version, from memory where this process has just had them."""
    with _lock:
        found = _tables.get(commit.content_hash)
    if found is None:
        found = warehouse.read_arrow(commit.asset, version=commit.version)
        remember(commit, found)
    return found
