"""SQL for people: anything that reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError, WarehouseError
from ballast.warehouse.names import quoted
from ballast.warehouse.tables import commits, layouts
from ballast.warehouse.tables.frames import VERSION_COLUMN, pandas_frame

_READERS = frozenset(
    {
        "generate_series",
        "glob",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "parquet_bloom_probe",
        "parquet_file_metadata",
        "parquet_full_metadata",
        "parquet_kv_metadata",
        "parquet_metadata",
        "parquet_scan",
        "parquet_schema",
        "pg_timezone_names",
        "pragma_collations",
        "pragma_database_size",
        "pragma_metadata_info",
        "pragma_platform",
        "pragma_show",
        "pragma_storage_info",
        "pragma_table_info",
        "pragma_user_agent",
        "pragma_version",
        "query_table",
        "range",
        "read_blob",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_json_objects",
        "read_json_objects_auto",
        "read_ndjson",
        "read_ndjson_auto",
        "read_ndjson_objects",
        "read_parquet",
        "read_text",
        "repeat",
        "repeat_row",
        "sniff_csv",
        "summary",
        "test_all_types",
        "unnest",
    }
)
"""The functions that may stand in FROM, beside DuckDB's macros and those on its catalog, which begin with duckdb_."""

_NEVER = frozenset({"nextval", "write_log", "setseed", "query", "json_execute_serialized_sql"})
"""Functions that change something, or run a query out of a text that nobody has looked at."""

_ALLOWED = "sql takes one SELECT, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of one"

# Set last: until the connection is closed, nothing can be set any more.
_SETTINGS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET arrow_lossless_conversion = false",
    "SET lock_configuration = true",
)


def answer(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] | Mapping[str, object] | None
) -> pd.DataFrame:
    """Gives the answer to a query on a read-only connection that is closed after it.

    Its types are those of `pandas_frame`; sums of whole numbers are whole numbers, and intervals without months
    durations.

    Raises
    ------
    WarehouseError
        The query is wrong, empty, would do anything but read, or has an answer that pandas cannot hold.
    """
    try:
        for setting in _SETTINGS:
            con.execute(setting)
        _check_reads(con, query)
        con.execute(_at_versions(con, query), parameters)
        described = con.description or []
        table = con.to_arrow_table()
    except (duckdb.Error, TypeError, ValueError, OverflowError, UnicodeError, RuntimeError) as error:
        raise WarehouseError(f"the query cannot be run: {error}") from error
    return _answer_frame(table, [str(kind) for _, kind, *_ in described])


def _check_reads(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Refuses what is not one statement that only reads."""
    statements = con.extract_statements(query)
    if not statements:
        raise WarehouseError("the query is empty; write for example: SELECT * FROM ballast.commits")
    kinds = [statement.type.name for statement in statements]
    if kinds == ["CREATE", "SELECT"] and re.search(r"\bPIVOT", query, re.IGNORECASE):
        raise _refused("PIVOT makes a type of the values it finds; name them: PIVOT ... ON column IN (values)")
    if other := [kind for kind in kinds if kind not in ("SELECT", "EXPLAIN")]:
        raise _refused(other[0])
    if len(statements) > 1:
        raise _refused(f"{len(statements)} statements; give them one at a time")
    if kinds == ["EXPLAIN"]:
        _check_reads(con, _explained(query))
        return
    (text,) = con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    tree = json.loads(text)
    if tree["error"]:  # such as a PRAGMA, which DuckDB turns into a SELECT
        raise _refused(query.split(maxsplit=1)[0].upper())
    macros = {name for (name,) in con.execute(_MACROS).fetchall()}
    for name in _functions(tree, in_from=False):
        if name in _NEVER:
            raise _refused(f"the function {name}")
    for name in _functions(tree, in_from=True):
        if name not in _READERS | macros and not name.startswith("duckdb_"):
            raise _refused(f"the table function {name}")


_MACROS = "SELECT lower(function_name) FROM duckdb_functions() WHERE function_type = 'table_macro'"


def _explained(query: str) -> str:
    """Gives what follows EXPLAIN, ANALYZE and the options in brackets."""
    tokens = [offset for offset, _ in duckdb.tokenize(query)]
    words = [query[start:end].strip() for start, end in zip(tokens, [*tokens[1:], len(query)], strict=True)]
    skipped = 1
    if words[1:2] and words[1].split(maxsplit=1)[0].upper() in ("ANALYZE", "ANALYSE"):
        skipped = 2
    elif words[1:2] == ["("] and words[2:3] and words[2].upper() in ("ANALYZE", "FORMAT"):
        skipped = words.index(")") + 1
    return query[tokens[skipped] :] if skipped < len(tokens) else ""


def _functions(tree: Any, *, in_from: bool) -> Iterator[str]:
    """Gives the names of the functions in a query's tree: those that stand in FROM, or all."""
    if isinstance(tree, dict):
        found = tree.get("function") if in_from else tree
        if isinstance(found, dict) and "function_name" in found and (not in_from or tree["type"] == "TABLE_FUNCTION"):
            yield found["function_name"].lower()
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _functions(part, in_from=in_from)


def _answer_frame(table: pa.Table, kinds: list[str]) -> pd.DataFrame:
    names: list[str] = []
    for name in table.column_names:
        names.append(name if name not in names else next(n for k in count(1) if (n := f"{name}_{k}") not in names))
    try:
        columns = [_answer_column(column, kind) for column, kind in zip(table.columns, kinds, strict=True)]
        return pandas_frame(pa.table(columns, names=names))
    except (DataError, pa.ArrowException) as error:
        raise WarehouseError(
            f"the answer cannot be a table of pandas: {error}; cast the column to VARCHAR in the query"
        ) from error


def _answer_column(column: pa.ChunkedArray, kind: str) -> pa.ChunkedArray | pa.Array:
    """Gives a column of an answer in the type that people expect of it, where all its values are of that."""
    if kind in ("HUGEINT", "UHUGEINT"):  # such as any sum of whole numbers
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            return column
    if kind == "INTERVAL" and not any(value and value.months for value in column.to_pylist()):
        spans = [
            None if value is None else value.days * _DAY + value.nanoseconds // 1000 for value in column.to_pylist()
        ]
        return pa.array(spans, pa.duration("us"))
    if kind == "UUID" and hasattr(pa, "uuid"):
        bare = pa.array([None if text is None else UUID(text).bytes for text in column.to_pylist()], pa.binary(16))
        return pa.ExtensionArray.from_storage(pa.uuid(), bare)
    return column


_DAY = 24 * 60 * 60 * 10**6  # microseconds


def _at_versions(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """Gives a query in which every `schema.view AT (VERSION => n)` is a view of that version's rows.

    DuckDB parses the clause but has such versions of no table of its own; its parser's tree is what is changed here.
    """
    if not re.search(r"\bAT\s*\(", query, re.IGNORECASE):
        return query
    (text,) = con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    tree = json.loads(text)
    if tree["error"]:
        raise WarehouseError(f"the query cannot be run: {tree['error_message']}")
    changed = 0
    for node in _tables_at(tree):
        changed += 1
        name = f"at {changed}"
        con.execute(f"CREATE TEMP VIEW {quoted(name)} AS {_version_query(con, node)}")
        node["alias"] = node["alias"] or node["table_name"]
        node |= {"catalog_name": "temp", "schema_name": "main", "table_name": name, "at_clause": None}
    return (
        con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0] if changed else query
    )


def _tables_at(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if tree.get("at_clause"):
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _tables_at(part)


def _version_query(con: duckdb.DuckDBPyConnection, node: dict[str, Any]) -> str:
    shown = f"{node['schema_name']}.{node['table_name']}"
    clause = node["at_clause"]
    value = clause["expr"].get("value", {}).get("value")
    if value is None:
        raise WarehouseError(f"{shown} AT ({clause['unit']} => ...): write a number or a time there, not an expression")
    asset = layouts.asset_of_view(con, node["schema_name"], node["table_name"])
    if asset is None:
        raise WarehouseError(f"{shown} AT (...): there is no step with that name; AT reads the versions of steps")
    if clause["unit"].upper() == "VERSION":
        chosen: dict[str, Any] = {"version": value}
        if not isinstance(value, int):
            raise WarehouseError(f"{shown} AT (VERSION => {value!r}): a version is a whole number")
    else:
        try:
            moment = datetime.fromisoformat(str(value))
            chosen = {"as_of": moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment}
        except ValueError as error:
            raise WarehouseError(f"{shown} AT (TIMESTAMP => {value!r}): {error}; write it in UTC") from error
    places = layouts.held(con, asset, **chosen)
    if not places:
        raise commits.not_found(con, "the warehouse", asset, **chosen)
    return f"SELECT * EXCLUDE ({quoted(VERSION_COLUMN)}) FROM ({layouts.rows_query(con, asset, places)})"


def _refused(what: str) -> WarehouseError:
    return WarehouseError(f"sql only reads, and this query would write or set something ({what}); {_ALLOWED}")
