"""Queries on a warehouse of Ballast's: a closed gate holds for them as for every other reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from ballast.errors import DataError, GateClosedError
from ballast.warehouse.names import STORE, literal, quoted, view_of

_CLOSED = """
SELECT gates.asset, gates.version, gates.gate, gates.message, gates.version = newest.version AND {shown}
FROM {gates} AS gates
JOIN (SELECT asset, partition, max(version) AS version FROM {commits} GROUP BY asset, partition) AS newest
ON gates.asset = newest.asset AND gates.partition IS NOT DISTINCT FROM newest.partition
WHERE NOT gates.passed AND gates.severity = 'error'
ORDER BY gates.asset, gates.version DESC, gates.gate
"""
_SHOWN = "NOT EXISTS (FROM {retired} AS r WHERE r.asset = gates.asset AND r.partition = gates.partition)"
"""What a view shows: all partitions but those that are retired."""


def check_open(
    con: duckdb.DuckDBPyConnection, databases: Iterable[str], nodes: Iterable[Mapping[str, Any]], where: str
) -> None:
    """Raises GateClosedError where a query reads what a gate is closed behind, and DataError where nobody can tell.

    `databases` are the names under which files are attached, `nodes` those of the query as DuckDB has parsed it. What
    is asked for as of some version or time must have passed its gates in every version.
    """
    stores = {name.casefold(): name for name in databases if _is_store(con, name)}
    if not stores:
        return
    closed = {name: _closed(con, store) for name, store in stores.items()}
    for node in nodes:
        if (node.get("function") or node).get("function_name") == "query_table":
            raise DataError(f"{where}: query_table() hides which steps are read; name each as pipeline.step")
        if node.get("type") != "BASE_TABLE":
            continue
        catalog, schema, table = (str(node.get(f"{k}_name") or "").casefold() for k in ("catalog", "schema", "table"))
        for name in stores if catalog not in stores else [catalog]:
            if schema == STORE:
                raise DataError(f"{where}: {STORE} is the store itself; read the views, each a pipeline.step")
            for version, gate, message, is_newest in closed[name].get((schema, table), ()):
                if is_newest or node.get("at_clause"):
                    raise GateClosedError(
                        f"{where}: the query reads {schema}.{table}, and the gate behind it (version {version}) is "
                        f"closed: {gate}: {message}. Fix the data or the step and run it again"
                    )


def _is_store(con: duckdb.DuckDBPyConnection, database: str) -> bool:
    return {"gates", "commits"} <= _tables(con, database)


def _tables(con: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    sql = f"SELECT table_name FROM duckdb_tables() WHERE database_name = {literal(database)} AND schema_name = ?"
    return {name for (name,) in con.execute(sql, [STORE]).fetchall()}


def _closed(con: duckdb.DuckDBPyConnection, database: str) -> dict[tuple[str, str], list[tuple[int, str, str, bool]]]:
    """Gives the verdicts that close a view, by the view's schema and name in small letters."""
    places = {name: quoted(database, STORE, name) for name in ("gates", "commits", "retired")}
    shown = _SHOWN.format(**places) if "retired" in _tables(con, database) else "true"  # older files have none
    found: dict[tuple[str, str], list[tuple[int, str, str, bool]]] = {}
    for asset, *verdict in con.execute(_CLOSED.format(**places, shown=shown)).fetchall():
        schema, view = view_of(asset)
        found.setdefault((schema.casefold(), view.casefold()), []).append(tuple(verdict))
    return found
