"""Where the rows of all versions lie: one append-only table for each set of columns an asset has had.

A table a version would make every open of the file slower than the last; so versions share a table and tell
their rows by a column `_version`. When an asset's columns change it gets a further table. The view that
people read shows, of all these tables, the rows of the latest version of every partition.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.names import STORE, literal, quoted, view_of
from ballast.warehouse.tables.commits import COMMITS, fetched
from ballast.warehouse.tables.frames import PARTITION_COLUMN, VERSION_COLUMN, restored

_LAYOUTS = quoted(STORE, "layouts")
_VERSION = quoted(VERSION_COLUMN)
_PARTITION = quoted(PARTITION_COLUMN)
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_NUMBERS = _INTEGERS | {"FLOAT", "DOUBLE"}

TABLES = (f"CREATE TABLE IF NOT EXISTS {_LAYOUTS} (asset VARCHAR, layout BIGINT, columns VARCHAR, schema BLOB)",)


class Place(NamedTuple):
    """Where a version's rows lie."""

    partition: str | None
    version: int
    layout: int


def prepared(con: duckdb.DuckDBPyConnection) -> bool:
    """Gives whether the file has the tables of a warehouse."""
    try:
        con.execute(f"SELECT 1 FROM {_LAYOUTS} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def rows_table(asset: str, layout: int) -> str:
    """Gives the quoted name of the table that holds an asset's rows of one layout."""
    return quoted(STORE, f"{asset}#{layout}")


def write_rows(con: duckdb.DuckDBPyConnection, asset: str, version: int, schema: pa.Schema, table: pa.Table) -> int:
    """Appends the rows of a version and gives the number of the layout they went into."""
    columns = hashlib.sha256(schema.serialize()).hexdigest()
    known = con.execute(f"SELECT layout, columns FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()
    layout = next((number for number, key in known if key == columns), None)
    con.register("incoming", table)
    incoming = quoted("temp", "incoming")
    if layout is None:
        if not known:
            _claim_view(con, asset)
        layout = len(known) + 1
        con.execute(
            f"CREATE TABLE {rows_table(asset, layout)} AS SELECT 0::BIGINT AS {_VERSION}, * FROM {incoming} LIMIT 0"
        )
        con.execute(
            f"INSERT INTO {_LAYOUTS} VALUES (?, ?, ?, ?)",
            [asset, layout, columns, schema.serialize().to_pybytes()],
        )
    con.execute(f"INSERT INTO {rows_table(asset, layout)} SELECT ?::BIGINT, * FROM {incoming}", [version])
    con.unregister("incoming")
    return layout


def _claim_view(con: duckdb.DuckDBPyConnection, asset: str) -> None:
    """Refuses a new asset whose view would hide another asset, or a table or view of somebody else."""
    mine = tuple(name.casefold() for name in view_of(asset))
    for (other,) in con.execute(f"SELECT DISTINCT asset FROM {_LAYOUTS}").fetchall():
        if tuple(name.casefold() for name in view_of(other)) == mine:
            raise WarehouseError(
                f"assets {asset!r} and {other!r} would both be the view {'.'.join(view_of(asset))} "
                "(SQL ignores case); rename one step"
            )
    taken = con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_catalog = current_database() "
        "AND lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
        view_of(asset),
    ).fetchone()
    if taken is not None:
        raise WarehouseError(
            f"asset {asset!r} would be the view {'.'.join(view_of(asset))}, but the file already has a "
            f"{taken[0].lower()} of that name which Ballast did not make; rename the step or that object"
        )


def latest(
    con: duckdb.DuckDBPyConnection, asset: str, *, as_of: datetime | None = None, run: str | None = None
) -> list[Place]:
    """Gives the place of the latest version of every partition an asset has had, None among them.

    Of those committed up to `as_of` (UTC, without a zone), or by `run`, where these are given.
    """
    return _places(
        con,
        f"SELECT partition, max(version), arg_max(layout, version) FROM {COMMITS} WHERE asset = $1 "
        "AND ($2 IS NULL OR created_at <= $2::TIMESTAMP) AND ($3 IS NULL OR run_id = $3) "
        "GROUP BY partition ORDER BY partition",
        [asset, as_of, run],
    )


def shown(places: list[Place]) -> list[Place]:
    """Leaves of the latest places those that people see: the partitions, or a newer commit that has none."""
    newest = max(places, key=lambda place: place.version, default=None)
    if newest is None or newest.partition is None:
        return [newest] if newest else []
    return [place for place in places if place.partition is not None]


def point_view(con: duckdb.DuckDBPyConnection, asset: str, before: list[Place], new: Place) -> None:
    """Redefines the view of an asset whose latest places were `before`, if a new one changes the tables it reads."""
    after = [*(place for place in before if place.partition != new.partition), new]
    if _sources(shown(before)) != _sources(shown(after)):
        _define_view(con, asset, *_sources(shown(after)))


def _places(con: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> list[Place]:
    return [Place(*row) for row in fetched(con, query, values)]


def _sources(places: list[Place]) -> tuple[bool, list[int]]:
    """Gives whether there are partitions, and the layouts in use."""
    return any(place.partition is not None for place in places), sorted({place.layout for place in places})


def _define_view(con: duckdb.DuckDBPyConnection, asset: str, partitioned: bool, layouts: list[int]) -> None:
    schema, view = view_of(asset)
    commits = f"FROM {COMMITS} WHERE asset = {literal(asset)}"
    if partitioned:
        columns = _common_types(con, asset, layouts)
        newest = f"(SELECT partition, max(version) AS version {commits} AND partition IS NOT NULL GROUP BY partition)"
        selects = [
            f"SELECT newest.{_PARTITION}, {columns[layout]} FROM {rows_table(asset, layout)} AS held "
            f"JOIN {newest} AS newest ON newest.version = held.{_VERSION}"
            for layout in layouts
        ]
    else:
        selects = [
            f"SELECT * EXCLUDE ({_VERSION}) FROM {rows_table(asset, layouts[0])} "
            f"WHERE {_VERSION} = (SELECT max(version) {commits})"
        ]
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    con.execute(f"CREATE OR REPLACE VIEW {quoted(schema, view)} AS " + " UNION ALL BY NAME ".join(selects))


def _common_types(con: duckdb.DuckDBPyConnection, asset: str, layouts: list[int]) -> dict[int, str]:
    """Gives the select list of each layout (as `held`) such that DuckDB can put them under one another.

    Columns of one type stay as they are; vectors of several widths become lists, other types text.
    """
    columns = {
        layout: [
            (name, kind)
            for name, kind, *_ in con.execute(f"DESCRIBE {rows_table(asset, layout)}").fetchall()
            if name != VERSION_COLUMN
        ]
        for layout in layouts
    }
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for name, kind in chain.from_iterable(columns.values()):
        kinds[name.casefold()].add(kind)
    return {
        layout: ", ".join(_selected(name, kinds[name.casefold()]) for name, _ in described)
        for layout, described in columns.items()
    }


def _selected(name: str, kinds: set[str]) -> str:
    column = quoted("held", name)
    if len(kinds) == 1 or kinds <= _NUMBERS:
        return column
    items = {kind.rpartition("[")[0] for kind in kinds}
    if len(items) == 1 and all(kind.endswith("]") for kind in kinds):
        return f"{column}::{items.pop()}[] AS {quoted(name)}"
    return f"{column}::VARCHAR AS {quoted(name)}"


def held(
    con: duckdb.DuckDBPyConnection,
    asset: str,
    *,
    version: int | None = None,
    partition: str | None = None,
    as_of: datetime | None = None,
    run: str | None = None,
) -> list[Place]:
    """Gives the place of one version, or of the latest, as of a time or of a run, of a partition or of all shown."""
    if version is not None:
        return _places(
            con,
            f"SELECT partition, version, layout FROM {COMMITS} WHERE asset = $1 AND version = $2 "
            "AND ($3 IS NULL OR partition = $3)",
            [asset, version, partition],
        )
    places = latest(con, asset, as_of=as_of, run=run)
    return shown(places) if partition is None else [place for place in places if place.partition == partition]


def rows_query(con: duckdb.DuckDBPyConnection, asset: str, places: list[Place]) -> str:
    """Gives a query for the rows of some versions, `_version` in front."""
    layouts = sorted({place.layout for place in places})
    if len(layouts) == 1:
        columns = {layouts[0]: f"* EXCLUDE ({_VERSION})"}
    else:
        columns = _common_types(con, asset, layouts)
    selects = []
    for layout in layouts:
        versions = ", ".join(str(int(place.version)) for place in places if place.layout == layout)
        selects.append(
            f"SELECT {_VERSION}, {columns[layout]} FROM {rows_table(asset, layout)} AS held "
            f"WHERE {_VERSION} IN ({versions})"
        )
    return " UNION ALL BY NAME ".join(selects)


def asset_of_view(con: duckdb.DuckDBPyConnection, schema: str, view: str) -> str | None:
    """Gives the asset that people read as schema.view."""
    wanted = (schema.casefold(), view.casefold())
    for (asset,) in fetched(con, f"SELECT DISTINCT asset FROM {_LAYOUTS}"):
        if tuple(name.casefold() for name in view_of(asset)) == wanted:
            return asset
    return None


def delete_rows(con: duckdb.DuckDBPyConnection, asset: str, versions: Sequence[int]) -> None:
    """Removes the rows of some versions."""
    for (layout,) in con.execute(f"SELECT layout FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall():
        con.execute(f"DELETE FROM {rows_table(asset, layout)} WHERE {_VERSION} IN (SELECT unnest(?))", [list(versions)])


def read_column(con: duckdb.DuckDBPyConnection, asset: str, places: list[Place], column: str) -> np.ndarray:
    """Gives one column of some versions."""
    try:
        table = con.execute(f"SELECT {quoted(column)} FROM ({rows_query(con, asset, places)})").to_arrow_table()
    except duckdb.BinderException as error:
        raise WarehouseError(f"asset {asset!r} has no column {column!r}: {error}") from error
    return table.column(0).to_numpy()


def read_rows(con: duckdb.DuckDBPyConnection, asset: str, places: list[Place]) -> pa.Table:
    """Gives the rows of some versions in the types they were committed with, `_version` in front."""
    layouts = {place.layout for place in places}
    table = con.execute(rows_query(con, asset, places)).to_arrow_table()
    kept = con.execute(f"SELECT layout, schema FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()
    return restored(table, [pa.ipc.read_schema(pa.py_buffer(blob)) for layout, blob in kept if layout in layouts])
