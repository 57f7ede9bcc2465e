"""SQL for people: anything that reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd

from ballast.errors import WarehouseError
from ballast.warehouse.names import quoted
from ballast.warehouse.tables import commits, layouts
from ballast.warehouse.tables.frames import VERSION_COLUMN

_WRITES = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "ALTER", "DROP", "COPY", "EXPORT", "ATTACH", "COPY_DATABASE", "VACUUM"}
)


def answer(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] | Mapping[str, object] | None
) -> pd.DataFrame:
    """Gives the answer to a query on a read-only connection.

    Raises
    ------
    WarehouseError
        The query is wrong, empty, or would write.
    """
    try:
        statements = con.extract_statements(query)
        if not statements:
            raise WarehouseError("the query is empty; write for example: SELECT * FROM ballast.commits")
        for statement in statements:
            if statement.type.name in _WRITES:
                raise _refused(statement.type.name)
        return con.execute(_at_versions(con, query), parameters).df()
    except duckdb.Error as error:
        if "read-only mode" in str(error):  # what no list of statements foresees, the read-only file refuses
            raise _refused(str(error)) from error
        raise WarehouseError(f"the query cannot be run: {error}") from error


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
    return WarehouseError(
        f"sql only reads, and this query would write ({what}); only Warehouse.commit writes tables of the warehouse"
    )
