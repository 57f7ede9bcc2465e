"""JSON fields, on whatever level, that hold values of several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb

from ballast.errors import DataError
from ballast.orchestration.read.files import Files
from ballast.orchestration.read.query import executed
from ballast.warehouse.names import literal, quoted
from ballast.words import one_line

_KINDS = {"BIGINT": "numbers", "UBIGINT": "numbers", "DOUBLE": "numbers", "HUGEINT": "numbers", "VARCHAR": "texts",
          "BOOLEAN": "truths", "OBJECT": "objects", "ARRAY": "lists"}  # fmt: skip


def refuse_mixed(con: duckdb.DuckDBPyConnection, files: Files, name: str, kind: str, where: str) -> None:
    """Raises DataError where a column, or a field within it, holds values of several kinds, and not only none.

    `kind` is DuckDB's type of it, in which JSON stands for what has no type of its own.
    """
    for path in _untyped(con.sql(f"SELECT CAST(NULL AS {kind})").types[0]):
        examples = _examples(con, files, name, path, where)
        if len(examples) > 1:
            said = " and ".join(f"{what} (such as {value})" for what, value in examples.items())
            within = f" holds a field, {path[1:].removeprefix('.')}, that" if path != "$" else ""
            raise DataError(
                f"{where}: column {name!r}{within} mixes {said}; give it one type in the file, or name one with "
                f"`types:`, such as `types: {{{name}: text}}`"
            )


def _untyped(kind: Any, path: str = "$") -> Iterator[str]:
    """Gives the paths within a column whose type is JSON."""
    if kind.id == "list":
        yield from _untyped(kind.children[0][1], f"{path}[*]")
    elif kind.id == "map":
        yield from _untyped(kind.children[1][1], f"{path}.*")
    elif kind.id == "struct":
        for key, inner in kind.children:
            yield from _untyped(inner, f"{path}.{quoted(key)}")
    elif str(kind) == "JSON":
        yield path


def _examples(con: duckdb.DuckDBPyConnection, files: Files, name: str, path: str, where: str) -> dict[str, str]:
    """Gives the first value of each kind at a path, with its file and row."""
    found: dict[str, str] = {}
    for file in files.names:
        call = f"read_json({files.one(file).listing}, columns = {{{literal(name)}: 'JSON'}})"
        values = f"json_extract(j, {literal(path)})"
        values = f"unnest({values if '*' in path else f'[{values}]'})"
        rows = f"SELECT r, {values} AS v FROM (SELECT row_number() OVER () AS r, {quoted(name)} AS j FROM {call})"
        sql = f"SELECT json_type(v), min(r), arg_min(CAST(v AS VARCHAR), r) FROM ({rows}) GROUP BY 1 ORDER BY 2, 1"
        for kind, row, value in executed(con, sql, where, f"cannot read {files.shown(file)!r}").fetchall():
            if kind in _KINDS:
                found.setdefault(_KINDS[kind], f"{one_line(value, 60)} in {files.shown(file)!r}, row {row}")
    return found
