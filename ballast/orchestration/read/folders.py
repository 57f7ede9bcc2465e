"""Folders whose names are columns, as `day=2024-01-01`: which of their files may have rows of a partition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from ballast.orchestration.plan.partitions import Split, outside
from ballast.orchestration.read.files import Files
from ballast.orchestration.spec.occasions import PartitionsSpec


def keys_of(name: str) -> dict[str, str]:
    """Gives the columns that the folders in a file's name make, as `day` of "rows/day=2024-01-01/1.csv", as text."""
    return dict(re.findall(r"(?<=[/\\])([^/\\?=]+)=([^/\\]*)(?=[/\\])", name))


def with_rows_of(
    con: duckdb.DuckDBPyConnection, files: Files, partition: Split, kinds: Mapping[str, str], where: str
) -> Files:
    """Gives the files that may have rows of a partition, by their folders; all files where that would be none.

    `kinds` are the DuckDB types of the columns; a column that it lacks rules nothing out.
    """
    names: Sequence[str] = files.names
    for column, part in partition.items():
        if column in kinds and all(column in keys_of(name) for name in names):
            condition, values = part.condition("value", kinds[column], where)
            names = _with(con, names, column, kinds[column], f"value IS NULL OR {condition}", values)
    return replace(files, names=tuple(names) or files.names)


def none_outside(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], declared: PartitionsSpec, kinds: Mapping[str, str], where: str
) -> bool:
    """Gives whether the folders of all files say that their rows are in some partition, whatever the files hold."""
    for column, dimension in declared.dimensions.items():
        if not all(column in keys_of(name) for name in names):
            return False
        ways = outside(dimension, "value", kinds[column], where).values()
        condition = " OR ".join(f"({sql})" for sql, _ in ways)
        if _with(con, names, column, kinds[column], condition, [v for _, values in ways for v in values]):
            return False
    return True


def _with(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], column: str, kind: str, condition: str, values: Sequence[str]
) -> list[str]:
    """Gives the files of whose key in a folder's name, as `value` of a type, a condition holds.

    A key that is not of the type, or is written with escapes, has no value.
    """
    keys = [keys_of(name)[column] for name in names]
    known = [None if "%" in key or key.startswith("__HIVE_") else key for key in keys]
    rows = f"SELECT i, TRY_CAST(key AS {kind}) AS value FROM (SELECT unnest(?) AS i, unnest(?::VARCHAR[]) AS key)"
    sql = f"SELECT i FROM ({rows}) WHERE {condition}"
    found = {i for (i,) in con.execute(sql, [list(range(len(names))), known, *values]).fetchall()}
    return [name for i, name in enumerate(names) if i in found]
