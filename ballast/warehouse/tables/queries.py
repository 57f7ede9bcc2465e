"""SQL for people: anything that reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError, WarehouseError
from ballast.warehouse.names import literal, quoted
from ballast.warehouse.tables import commits, kept_files, layouts, reading
from ballast.warehouse.tables.frames import VERSION_COLUMN, pandas_frame

_FILE_READERS = frozenset(
    {
        "glob",
        "parquet_bloom_probe",
        "parquet_file_metadata",
        "parquet_full_metadata",
        "parquet_kv_metadata",
        "parquet_metadata",
        "parquet_scan",
        "parquet_schema",
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
        "sniff_csv",
    }
)
"""The functions in FROM that read files."""

_READERS = frozenset(
    {
        "generate_series",
        "icu_calendar_names",
        "json_each",
        "json_tree",
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
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "unnest",
    }
)
"""The other functions that may stand in FROM, beside DuckDB's macros and those on its catalog (duckdb_...)."""

_NEVER = frozenset({"nextval", "write_log", "setseed", "query", "json_execute_serialized_sql"})
"""Functions that change something, or run a query out of a text that nobody has looked at."""

_ALLOWED = "sql takes one SELECT, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of one"
_FILES = "sql reads files only when asked to: --files, or files=True in Python"

_SETTINGS = (
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET python_enable_replacements = false",
    "SET arrow_lossless_conversion = false",
)
_LOCKED = "SET lock_configuration = true"  # until the connection is closed


def answer(
    con: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] | Mapping[str, object] | None,
    *,
    files: bool,
    own: Sequence[str] = (),
) -> pd.DataFrame:
    """Gives the answer to a query on a read-only connection that is closed after it.

    Its types are those of `pandas_frame`; sums of whole numbers are whole numbers, and intervals without months
    durations. Without `files` it reads no file but those in the folders `own`, where the warehouse keeps its rows.

    Raises
    ------
    WarehouseError
        The query is wrong, empty, would do anything but read, or has an answer that pandas cannot hold.
    """
    try:
        for setting in (*_SETTINGS, *(() if files else _without_files(own)), _LOCKED):
            con.execute(setting)
        explain, asked = _explain_and_asked(con, _with_names_quoted(query))
        tree = _tree(con, asked)
        _check_reads(con, tree, files=files)
        _check_kept_files(con, tree)
        con.execute(explain + _at_versions(con, asked, tree), parameters)
        described = con.description or []
        table = con.to_arrow_table()
    except duckdb.PermissionException as error:
        raise WarehouseError(f"the query reads a file ({str(error).splitlines()[0]}); {_FILES}") from error
    except (duckdb.Error, TypeError, ValueError, OverflowError, UnicodeError, RuntimeError) as error:
        raise WarehouseError(f"the query cannot be run: {error}") from error
    return _answer_frame(table, [str(kind) for _, kind, *_ in described])


def _without_files(own: Sequence[str]) -> Iterator[str]:
    folders = ", ".join(literal(f"{folder.rstrip('/')}/") for folder in own)
    yield f"SET allowed_directories = [{folders}]"
    yield "SET enable_external_access = false"


def _tokens(query: str) -> list[str]:
    """Gives the words and signs of a query, each with the blanks and comments behind it."""
    text = query.encode()
    starts = [offset for offset, _ in duckdb.tokenize(query)]  # of bytes
    return [text[start:end].decode() for start, end in pairwise([*starts, len(text)])]


def _word(token: str) -> str:
    """Gives a token in capitals without what is behind it; a quoted name keeps its quotes."""
    found = re.match(r"\w+|\W", token)
    return found[0].upper() if found else ""


def _with_names_quoted(query: str) -> str:
    """Quotes the name ``at``, which DuckDB takes for a keyword even where only a column can be meant."""
    tokens = _tokens(query)
    words = [_word(token) for token in tokens]
    for place, word in enumerate(words):
        behind = words[place + 1 : place + 3]
        if word == "AT" and behind not in (["(", "VERSION"], ["(", "TIMESTAMP"], ["TIME", "ZONE"]):
            tokens[place] = quoted(tokens[place][:2]) + tokens[place][2:]
    return "".join(tokens)


def _explain_and_asked(con: duckdb.DuckDBPyConnection, query: str) -> tuple[str, str]:
    """Gives EXPLAIN with its options, empty where there is none, and the one statement that is asked.

    Raises WarehouseError where there are none or several, or it is not one that reads.
    """
    kinds = [statement.type.name for statement in con.extract_statements(query)]
    if not kinds:
        raise WarehouseError("the query is empty; write for example: SELECT * FROM ballast.commits")
    if kinds == ["CREATE", "SELECT"] and re.search(r"\bPIVOT", query, re.IGNORECASE):
        raise _refused("PIVOT makes a type of the values it finds; name them: PIVOT ... ON column IN (values)")
    if other := [kind for kind in kinds if kind not in ("SELECT", "EXPLAIN")]:
        raise _refused(other[0])
    if len(kinds) > 1:
        raise _refused(f"{len(kinds)} statements; give them one at a time")
    if kinds == ["SELECT"]:
        return "", query
    tokens = _tokens(query)
    words = [_word(token) for token in tokens]
    begins = words.index(")") + 1 if words[1] == "(" and words[2] in ("ANALYZE", "ANALYSE", "FORMAT") else 1
    if {"ANALYZE", "ANALYSE"} & set(words[1 : max(begins, 2)]):
        raise _refused("EXPLAIN ANALYZE runs what it explains; leave ANALYZE out")
    asked = "".join(tokens[begins:])
    if (kind := con.extract_statements(asked)[0].type.name) != "SELECT":
        raise _refused(f"EXPLAIN of {kind}")
    return "".join(tokens[:begins]), asked


def _tree(con: duckdb.DuckDBPyConnection, query: str) -> Any:
    """Gives a statement as DuckDB's parser has read it."""
    (text,) = con.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    tree = json.loads(text)
    if tree["error"]:  # such as a PRAGMA, which DuckDB turns into a SELECT
        raise _refused(query.split(maxsplit=1)[0].upper())
    return tree


def _check_reads(con: duckdb.DuckDBPyConnection, tree: Any, *, files: bool) -> None:
    """Refuses a statement that calls what changes something, or reads files that it may not."""
    macros = {name for (name,) in con.execute(_MACROS).fetchall()}
    for name in _functions(tree, in_from=False):
        if name in _NEVER:
            raise _refused(f"the function {name}")
    for name in _functions(tree, in_from=True):
        if name in _FILE_READERS and not files:
            raise WarehouseError(f"the query reads a file ({name}); {_FILES}")
        if name not in _READERS | _FILE_READERS | macros and not name.startswith("duckdb_"):
            raise _refused(f"the table function {name}")
    for table in () if files else _nodes(tree, lambda node: node.get("type") == "BASE_TABLE"):
        if not table["schema_name"] and re.search(r"[./\\]", table["table_name"]):
            raise WarehouseError(f"the query reads a file ({table['table_name']!r}); {_FILES}")


def _check_kept_files(con: duckdb.DuckDBPyConnection, tree: Any) -> None:
    """Refuses a statement on steps whose rows are in files that are missing or were changed."""
    for table in _nodes(tree, lambda node: node.get("type") == "BASE_TABLE") if kept_files.any_kept(con) else ():
        asset = layouts.asset_of_view(con, table["schema_name"], table["table_name"])
        if asset is None:
            continue
        for place in layouts.shown(layouts.latest(con, asset)):
            if place.layout < 0:
                kept_files.check_files(asset, place.version, kept_files.files_of(con, asset, place.version))


_MACROS = "SELECT lower(function_name) FROM duckdb_functions() WHERE function_type = 'table_macro'"


def _nodes(tree: Any, wanted: Callable[[dict[str, Any]], Any]) -> Iterator[dict[str, Any]]:
    """Gives the parts of a query's tree that are wanted."""
    if isinstance(tree, dict):
        if wanted(tree):
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part, wanted)


def _functions(tree: Any, *, in_from: bool) -> Iterator[str]:
    """Gives the names of the functions in a query's tree: those that stand in FROM, or all."""
    if in_from:
        calls = (node["function"] for node in _nodes(tree, lambda node: node.get("type") == "TABLE_FUNCTION"))
    else:
        calls = _nodes(tree, lambda node: "function_name" in node)
    return (call["function_name"].lower() for call in calls if "function_name" in call)


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


def _at_versions(con: duckdb.DuckDBPyConnection, query: str, tree: Any) -> str:
    """Gives a query in which every `schema.view AT (VERSION => n)` is a view of that version's rows.

    DuckDB parses the clause but has such versions of no table of its own; its parser's tree is what is changed here.
    """
    dated = list(_nodes(tree, lambda node: node.get("at_clause")))
    for number, node in enumerate(dated, 1):
        name = f"at {number}"
        con.execute(f"CREATE TEMP VIEW {quoted(name)} AS {_version_query(con, node)}")
        node["alias"] = node["alias"] or node["table_name"]
        node |= {"catalog_name": "temp", "schema_name": "main", "table_name": name, "at_clause": None}
    return con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0] if dated else query


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
    return f"SELECT * EXCLUDE ({quoted(VERSION_COLUMN)}) FROM ({reading.rows_query(con, asset, places)})"


def _refused(what: str) -> WarehouseError:
    return WarehouseError(f"sql only reads, and this query would write or set something ({what}); {_ALLOWED}")
