"""The user's own query: one SELECT that only reads, whose text stays out of every message."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from ballast.errors import DataError, nearest
from ballast.given.engine import said
from ballast.orchestration.read.files import FORMATS, connected, is_remote, located
from ballast.orchestration.read.own_store import check_open
from ballast.warehouse import attach_beside
from ballast.warehouse.names import literal, quoted
from ballast.words import one_line

_READING = {
    "glob", "generate_series", "range", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "sniff_csv",
    "summary", "query_table", "which_secret", "icu_calendar_names", "pg_timezone_names",
}  # fmt: skip
_NEVER = {"write_log", "getenv", "nextval", "sleep_ms", "current_query", "pandas_scan", "arrow_scan", "arrow_scan_dumb"}
_OF_FILES = re.compile(r"(read_|parquet_|sniff_csv$|glob$)")
_WAIT = 120.0
"""Seconds to wait for whoever writes in a database that a query reads, Ballast's own runs among them."""
_ENDINGS = tuple(ending + packed for ending in FORMATS for packed in ("", ".gz", ".zst"))


def prepared(
    query: str,
    database: str | None,
    databases: Mapping[str, str],
    where: str,
    folder: Path,
    *,
    streaming: bool = False,
) -> tuple[duckdb.DuckDBPyConnection, str]:
    """Gives a connection that can only read, and the query with its relative files counted from `folder`.

    Raises DataError for a database that is not there, and for all but one SELECT.
    """
    named = [*([(_stem(database), database, "database")] if database is not None else [])]
    named += [(name, file, f"databases.{name}") for name, file in databases.items()]
    files = {name: _database(file, key, where, folder) for name, file, key in named}
    con = connected(re.findall(r"\w+://", query), where, streaming=streaming)
    try:
        for name, file in files.items():
            _attach(con, file, name, where)
        if database is not None:
            con.execute(f"USE {quoted(named[0][0])}")
        if not set(str(folder)) & set(",*?["):
            con.execute(f"SET file_search_path = {literal(str(folder.absolute()))}")
        con.execute("SET lock_configuration = true")
        return con, _read_only(con, query, where, folder.absolute(), files)
    except BaseException:
        con.close()
        raise


def _attach(con: duckdb.DuckDBPyConnection, file: Path, name: str, where: str) -> None:
    try:
        attach_beside(con, file, name, _WAIT)
    except duckdb.Error as error:
        raise DataError(f"{where}: cannot open the database: {said(error, '')}") from None


def executed(
    con: duckdb.DuckDBPyConnection,
    statement: str,
    where: str,
    what: str,
    query: str = "",
    values: Sequence[Any] = (),
) -> Any:
    """Runs a statement; DataError says what DuckDB says, without the query's text and the values in it."""
    try:
        return con.execute(statement, values)
    except duckdb.Error as error:
        message = said(error, query)
    raise DataError(f"{where}: {what}: {message}")  # outside the handler: the query must not be in its context


def _stem(database: str) -> str:
    stem = Path(database).stem
    return stem if stem.casefold() not in ("memory", "temp", "system", "") else "source"


def _database(file: str, key: str, where: str, folder: Path) -> Path:
    try:
        target = located(file, folder)
        missing = not target.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where}: `{key}:` is not a path: {one_line(str(error), 120)}") from error
    if missing:
        raise DataError(
            f"{where}: there is no database {one_line(repr(file), 120)} (looked for {one_line(str(target), 200)}); "
            f"correct `{key}:`"
        )
    return target


def _read_only(con: duckdb.DuckDBPyConnection, query: str, where: str, folder: Path, databases: Iterable[str]) -> str:
    """Gives the query where it is one SELECT that calls nothing that writes, its files' names made absolute."""
    kinds, text, message = [], "", ""
    try:
        kinds = [statement.type.name for statement in con.extract_statements(query)]
        text = con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0] if kinds == ["SELECT"] else ""
    except duckdb.Error as error:
        message = said(error, query)
    if message:
        raise DataError(f"{where}: the query failed: {message}")
    tree = json.loads(text) if text else {"error": True}
    if tree["error"]:
        held = ", ".join(kinds) or "nothing"
        raise DataError(f"{where}: a query is read-only: exactly one SELECT is needed, and it holds {held}")
    builtin = {name for (name,) in con.execute(_TABLE_FUNCTIONS).fetchall()}
    check_open(con, databases, _nodes(tree), where)
    changed = False
    for node in _nodes(tree):
        _refuse_function(node, builtin, where)
        changed |= _made_absolute(node, folder)
    if not changed:
        return query.strip().rstrip(";")
    return con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0]


_TABLE_FUNCTIONS = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'pragma')"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def parquet_files(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Gives the Parquet files, or patterns of them, that a query names."""
    found: dict[str, None] = {}
    for node in _nodes(json.loads(con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])):
        if node.get("type") == "BASE_TABLE" and node["table_name"].casefold().endswith(".parquet"):
            found[node["table_name"]] = None
        function = node.get("function") or {} if node.get("type") == "TABLE_FUNCTION" else {}
        if function.get("function_name", "").casefold() in ("read_parquet", "parquet_scan"):
            values = (part.get("value") for part in _nodes(function["children"][:1]) if part.get("class") == "CONSTANT")
            texts = (value["value"] for value in values if isinstance(value, dict) and "value" in value)
            found |= {text: None for text in texts if isinstance(text, str)}
    return list(found)


def _refuse_function(node: dict[str, Any], builtin: set[str], where: str) -> None:
    """Raises DataError where a node calls a function that writes, or that runs text as a statement."""
    function = node.get("function") if node.get("type") == "TABLE_FUNCTION" else node
    name = str((function or {}).get("function_name", "")).casefold()
    table = function is not node
    reads = name in _READING or name.startswith(("read_", "parquet_", "duckdb_")) or name.endswith("_scan")
    if name in _NEVER or (table and name in builtin and not reads):
        raise DataError(
            f"{where}: a query is read-only, and {name}() may write or run other text{nearest(name, _READING)}"
        )


def _made_absolute(node: dict[str, Any], folder: Path) -> bool:
    """Makes the names of files in a node absolute; gives whether there was one."""
    if node.get("type") == "BASE_TABLE" and not node.get("schema_name") and not node.get("catalog_name"):
        name = node["table_name"]
        if not name.casefold().endswith(_ENDINGS):
            return False
        node["alias"] = node["alias"] or Path(name).name.split(".")[0]
        node["table_name"] = _absolute(name, folder)
        return node["table_name"] != name
    if node.get("type") != "TABLE_FUNCTION" or not _OF_FILES.match(node["function"]["function_name"].casefold()):
        return False
    before = json.dumps(node)
    for part in _nodes(node["function"]["children"][:1]):
        value = part.get("value")
        if part.get("class") == "CONSTANT" and isinstance(value, dict) and isinstance(value.get("value"), str):
            value["value"] = _absolute(value["value"], folder)
    return json.dumps(node) != before


def _absolute(name: str, folder: Path) -> str:
    if is_remote(name) or name.startswith(("/", "~")) or Path(name).is_absolute():
        return name
    return f"{glob.escape(str(folder))}/{name}"
