"""Where the rows of all versions lie: one append-only table for each set of columns an asset has had.

A table a version would make every open of the file slower than the last; so versions share a table and tell
their rows by a column `_version`. When an asset's columns change it gets a further table. A version that is kept as
Parquet files has a relation of its own instead, whose number is the version's, negative. The view that people read
shows, of all these, the rows of the latest version of every partition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.names import INLINED_ROWS, STORE, literal, quoted, view_of
from ballast.warehouse.tables.aliases import ALIASES
from ballast.warehouse.tables.categories import bare, dictionary_parts
from ballast.warehouse.tables.commits import COMMITS, JUDGED, RETIRED, fetched, replace_retired, retired
from ballast.warehouse.tables.frames import PARTITION_COLUMN, VERSION_COLUMN
from ballast.warehouse.tables.kept_files import (
    FILES,
    Moved,
    forget_files,
    is_lake,
    moved_since,
    point_views,
    write_files,
)
from ballast.warehouse.tables.objects import UnstorableError
from ballast.warehouse.tables.owners import OWNERS
from ballast.warehouse.tables.parts import Parts
from ballast.warehouse.tables.storing import check_kept, holds_structs, kept_schema, written_schema
from ballast.warehouse.tables.unions import selected
from ballast.words import plural

_LAYOUTS = quoted(STORE, "layouts")
_VERSION = quoted(VERSION_COLUMN)
_PARTITION = quoted(PARTITION_COLUMN)
_LEVELS = quoted(STORE, "levels")

TABLES = (
    f"CREATE TABLE IF NOT EXISTS {_LAYOUTS} (asset VARCHAR, layout BIGINT, columns VARCHAR, schema BLOB)",
    f"CREATE TABLE IF NOT EXISTS {_LEVELS} (asset VARCHAR, version BIGINT, field VARCHAR, content BLOB)",
)


class Place(NamedTuple):
    """Where a version's rows lie."""

    partition: str | None
    version: int
    layout: int


def prepared(con: duckdb.DuckDBPyConnection) -> bool:
    """Gives whether the file has all the tables of a warehouse; one that an older Ballast made lacks the last ones."""
    try:
        con.execute(f"SELECT 1 FROM {_LEVELS}, {FILES}, {JUDGED}, {RETIRED}, {OWNERS}, {ALIASES} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def rows_table(asset: str, layout: int) -> str:
    """Gives the quoted name of what holds an asset's rows of one layout: a table, or what stands for files."""
    return quoted(STORE, f"{asset}#{layout}")


def write_rows(
    con: duckdb.DuckDBPyConnection,
    asset: str,
    version: int,
    table: pa.Table,
    stored: pa.Table,
    hashes: Mapping[str, str],
) -> int:
    """Appends the rows of a version, in the types that the store has, and gives the layout they went into.

    Raises
    ------
    WarehouseError
        DuckDB would not keep a column as it is.
    """
    blob = written_schema(table.schema)
    columns = hashlib.sha256(blob).hexdigest()
    known = con.execute(f"SELECT layout, columns FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()
    tables = sum(number > 0 for number, _ in known)
    layout = next((number for number, key in known if key == columns), None)
    limit = _inlined(con) if any(map(holds_structs, stored.schema.types)) else 0
    try:
        _inline(con, limit, 0)
        con.register("incoming", stored)
        incoming = quoted("temp", "incoming")
        check_kept(con, incoming, table.schema, hashes)
        if layout is None:
            if not known:
                _claim_view(con, asset)
            layout = tables + 1
            con.execute(
                f"CREATE TABLE {rows_table(asset, layout)} AS SELECT 0::BIGINT AS {_VERSION}, * FROM {incoming} LIMIT 0"
            )
            con.execute(f"INSERT INTO {_LAYOUTS} VALUES (?, ?, ?, ?)", [asset, layout, columns, blob])
        con.execute(f"INSERT INTO {rows_table(asset, layout)} SELECT ?::BIGINT, * FROM {incoming}", [version])
        con.unregister("incoming")
        _inline(con, limit, limit)
    except (UnstorableError, duckdb.NotImplementedException, duckdb.InvalidInputException) as error:
        raise WarehouseError(f"asset {asset!r} ({plural(table.num_rows, 'row')}) cannot be stored: {error}") from error
    of = {f.name: dictionary_parts(table[f.name])[1] for f in table.schema if pa.types.is_dictionary(f.type)}
    _write_levels(con, asset, version, of)
    return layout


def write_parts(con: duckdb.DuckDBPyConnection, asset: str, version: int, parts: Parts, moved: Moved) -> int:
    """Makes files that were put in place the rows of a version, and gives its layout.

    Raises
    ------
    WarehouseError
        DuckDB would not read a column back as it was.
    """
    if not con.execute(f"SELECT 1 FROM {_LAYOUTS} WHERE asset = ? LIMIT 1", [asset]).fetchall():
        _claim_view(con, asset)
    try:
        write_files(con, asset, version, rows_table(asset, -version), parts, moved)
        check_kept(con, rows_table(asset, -version), parts.schema, parts.column_hashes)
    except (UnstorableError, duckdb.NotImplementedException, duckdb.InvalidInputException) as error:
        raise WarehouseError(f"asset {asset!r} ({plural(parts.rows, 'row')}) cannot be stored: {error}") from error
    blob = written_schema(parts.schema)
    con.execute(f"INSERT INTO {_LAYOUTS} VALUES (?, ?, ?, ?)", [asset, -version, "files", blob])
    _write_levels(con, asset, version, parts.levels)
    if moved_since(con):
        refresh_files(con)
    return -version


def refresh_files(con: duckdb.DuckDBPyConnection) -> None:
    """Has what stands for files read them beside the DuckDB file, whose folder has moved."""
    kept = con.execute(f"SELECT asset, layout, schema FROM {_LAYOUTS} WHERE layout < 0").fetchall()
    point_views(con, {(a, -layout): (rows_table(a, layout), kept_schema(blob)) for a, layout, blob in kept})


def _inlined(con: duckdb.DuckDBPyConnection) -> int:
    """Gives how many rows a lake puts into its catalog rather than into a file, 0 elsewhere."""
    return INLINED_ROWS if is_lake(con) else 0


def _inline(con: duckdb.DuckDBPyConnection, limit: int, rows: int) -> None:
    """Lets a lake that has a limit inline so many rows; the catalog changes values of structs, which a file keeps."""
    if limit:
        con.execute(f"SET ducklake_default_data_inlining_row_limit = {rows:d}")


def _write_levels(con: duckdb.DuckDBPyConnection, asset: str, version: int, of: Mapping[str, pa.Array]) -> None:
    for name, found in of.items():
        levels = pa.table({"levels": bare(found)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, levels.schema) as writer:
            writer.write_table(levels)
        con.execute(f"INSERT INTO {_LEVELS} VALUES (?, ?, ?, ?)", [asset, version, name, sink.getvalue().to_pybytes()])


def levels_of(con: duckdb.DuckDBPyConnection, asset: str, versions: list[int]) -> dict[tuple[str, int], pa.Array]:
    """Gives the levels of the categories of some versions, by column and version; none of an older Ballast's."""
    rows = fetched(
        con,
        f"SELECT field, version, content FROM {_LEVELS} WHERE asset = $1 AND version IN (SELECT unnest($2::BIGINT[]))",
        [asset, versions],
    )
    return {
        (field, version): pa.ipc.open_stream(content).read_all()["levels"].combine_chunks()
        for field, version, content in rows
    }


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


def shown(places: list[Place], gone: Collection[str] = ()) -> list[Place]:
    """Leaves of the latest places those that people see: the partitions not gone, or a newer commit that has none."""
    newest = max(places, key=lambda place: place.version, default=None)
    if newest is None or newest.partition is None:
        return [newest] if newest else []
    return [place for place in places if place.partition is not None and place.partition not in gone]


def point_view(con: duckdb.DuckDBPyConnection, asset: str, before: list[Place], new: Place) -> None:
    """Redefines the view of an asset whose latest places were `before`, if a new one changes the tables it reads."""
    after = [*(place for place in before if place.partition != new.partition), new]
    gone = retired(con, asset)
    if new.partition in gone:
        con.execute(f"DELETE FROM {RETIRED} WHERE asset = ? AND partition = ?", [asset, new.partition])
    sources = _sources(shown(after, gone - {new.partition}))
    if _sources(shown(before, gone)) != sources:
        _define_view(con, asset, *sources)


def retire(con: duckdb.DuckDBPyConnection, assets: Sequence[str], partitions: Sequence[tuple[str, str]]) -> None:
    """Hides these (asset, partition) from views and from reads of all partitions; others of the assets are shown."""
    replace_retired(con, assets, partitions)
    refresh_views(con, assets)


def refresh_views(con: duckdb.DuckDBPyConnection, assets: Iterable[str]) -> None:
    """Defines the views of assets anew, by what is stored of them now."""
    for asset in assets:
        if places := shown(latest(con, asset), retired(con, asset)):
            _define_view(con, asset, *_sources(places))


def _places(con: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> list[Place]:
    return [Place(*row) for row in fetched(con, query, values)]


def _sources(places: list[Place]) -> tuple[bool, list[int]]:
    """Gives whether there are partitions, and the layouts in use."""
    return any(place.partition is not None for place in places), sorted({place.layout for place in places})


def _define_view(con: duckdb.DuckDBPyConnection, asset: str, partitioned: bool, layouts: list[int]) -> None:
    schema, view = view_of(asset)
    commits = f"FROM {COMMITS} WHERE asset = {literal(asset)}"
    if partitioned:
        columns = selected(con, schemas_of(con, asset, layouts))
        gone = f"SELECT partition FROM {RETIRED} WHERE asset = {literal(asset)}"
        newest = (
            f"(SELECT partition, max(version) AS version {commits} AND partition IS NOT NULL "
            f"AND partition NOT IN ({gone}) GROUP BY partition)"
        )
        selects = [
            f"SELECT newest.{_PARTITION}, {columns[layout]} FROM {rows_table(asset, layout)} AS held "
            f"JOIN {newest} AS newest ON newest.version = held.{_VERSION}"
            for layout in layouts
        ]
    else:
        latest = f" WHERE {_VERSION} = (SELECT max(version) {commits})" if layouts[0] > 0 else ""
        selects = [f"SELECT * EXCLUDE ({_VERSION}) FROM {rows_table(asset, layouts[0])}{latest}"]
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    con.execute(f"CREATE OR REPLACE VIEW {quoted(schema, view)} AS " + " UNION ALL BY NAME ".join(selects))


def schemas_of(con: duckdb.DuckDBPyConnection, asset: str, layouts: Collection[int]) -> dict[int, pa.Schema]:
    """Gives the schemas that the rows of some layouts were committed with."""
    kept = con.execute(f"SELECT layout, schema FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()
    return {layout: kept_schema(blob) for layout, blob in sorted(kept) if layout in layouts}


def define_views(con: duckdb.DuckDBPyConnection) -> None:
    """Defines the views anew that an older Ballast made over partitions."""
    for (asset,) in con.execute(f"SELECT DISTINCT asset FROM {_LAYOUTS}").fetchall():
        partitioned, layouts = _sources(shown(latest(con, asset)))
        if partitioned:
            _define_view(con, asset, partitioned, layouts)


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
    if partition is not None:
        return [place for place in places if place.partition == partition]
    return shown(places, () if as_of or run else retired(con, asset))  # of a time or a run, as it was then


def asset_of_view(con: duckdb.DuckDBPyConnection, schema: str, view: str) -> str | None:
    """Gives the asset that people read as schema.view."""
    wanted = (schema.casefold(), view.casefold())
    for (asset,) in fetched(con, f"SELECT DISTINCT asset FROM {_LAYOUTS}"):
        if tuple(name.casefold() for name in view_of(asset)) == wanted:
            return asset
    return None


def delete_rows(con: duckdb.DuckDBPyConnection, asset: str, versions: Sequence[int]) -> list[str]:
    """Removes the rows of some versions, and gives the folders of files that nothing names from now on."""
    chosen = [asset, list(versions)]
    con.execute(f"DELETE FROM {_LEVELS} WHERE asset = ? AND version IN (SELECT unnest(?))", chosen)
    layouts = [row[0] for row in con.execute(f"SELECT layout FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()]
    gone = [layout for layout in layouts if layout < 0 and -layout in versions]
    folders = forget_files(con, asset, {-layout: rows_table(asset, layout) for layout in gone})
    for layout in set(layouts) - set(gone):
        if layout > 0:
            con.execute(
                f"DELETE FROM {rows_table(asset, layout)} WHERE {_VERSION} IN (SELECT unnest(?))", [list(versions)]
            )
    if gone:
        con.execute(f"DELETE FROM {_LAYOUTS} WHERE asset = ? AND layout IN (SELECT unnest(?))", [asset, gone])
    if set(layouts) == set(gone):
        con.execute(f"DROP VIEW IF EXISTS {quoted(*view_of(asset))}")
    return folders
