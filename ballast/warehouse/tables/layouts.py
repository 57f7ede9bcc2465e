"""Where the rows of all versions lie: one append-only table for each set of columns an asset has had.

A table a version would make every open of the file slower than the last; so versions share a table and tell
their rows by a column `_version`. When an asset's columns change it gets a further table. The view that
people read shows, of all these tables, the rows of the latest version of every partition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.names import INLINED_ROWS, STORE, literal, quoted, view_of
from ballast.warehouse.tables.aliases import ALIASES
from ballast.warehouse.tables.categories import bare, dictionary_parts, merged
from ballast.warehouse.tables.commits import COMMITS, JUDGED, RETIRED, fetched, replace_retired, retired
from ballast.warehouse.tables.frames import PARTITION_COLUMN, VERSION_COLUMN
from ballast.warehouse.tables.objects import UnstorableError
from ballast.warehouse.tables.owners import OWNERS
from ballast.warehouse.tables.storing import check_kept, holds_structs, kept_schema, restored_column, written_schema
from ballast.warehouse.tables.unions import common_type, selected
from ballast.words import listed, plural

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
        con.execute(f"SELECT 1 FROM {_LEVELS}, {JUDGED}, {RETIRED}, {OWNERS}, {ALIASES} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def rows_table(asset: str, layout: int) -> str:
    """Gives the quoted name of the table that holds an asset's rows of one layout."""
    return quoted(STORE, f"{asset}#{layout}")


def write_rows(con: duckdb.DuckDBPyConnection, asset: str, version: int, table: pa.Table, stored: pa.Table) -> int:
    """Appends the rows of a version, in the types that the store has, and gives the layout they went into.

    Raises
    ------
    WarehouseError
        DuckDB would not keep a column as it is.
    """
    blob = written_schema(table.schema)
    columns = hashlib.sha256(blob).hexdigest()
    known = con.execute(f"SELECT layout, columns FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall()
    layout = next((number for number, key in known if key == columns), None)
    limit = _inlined(con) if any(map(holds_structs, stored.schema.types)) else 0
    try:
        _inline(con, limit, 0)
        con.register("incoming", stored)
        incoming = quoted("temp", "incoming")
        check_kept(con, incoming, table)
        if layout is None:
            if not known:
                _claim_view(con, asset)
            layout = len(known) + 1
            con.execute(
                f"CREATE TABLE {rows_table(asset, layout)} AS SELECT 0::BIGINT AS {_VERSION}, * FROM {incoming} LIMIT 0"
            )
            con.execute(f"INSERT INTO {_LAYOUTS} VALUES (?, ?, ?, ?)", [asset, layout, columns, blob])
        con.execute(f"INSERT INTO {rows_table(asset, layout)} SELECT ?::BIGINT, * FROM {incoming}", [version])
        con.unregister("incoming")
        _inline(con, limit, limit)
    except (UnstorableError, duckdb.NotImplementedException, duckdb.InvalidInputException) as error:
        raise WarehouseError(f"asset {asset!r} ({plural(table.num_rows, 'row')}) cannot be stored: {error}") from error
    _write_levels(con, asset, version, table)
    return layout


def _inlined(con: duckdb.DuckDBPyConnection) -> int:
    """Gives how many rows a lake puts into its catalog rather than into a file, 0 elsewhere."""
    kind = con.execute("SELECT type FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return INLINED_ROWS if kind == ("ducklake",) else 0


def _inline(con: duckdb.DuckDBPyConnection, limit: int, rows: int) -> None:
    """Lets a lake that has a limit inline so many rows; the catalog changes values of structs, which a file keeps."""
    if limit:
        con.execute(f"SET ducklake_default_data_inlining_row_limit = {rows:d}")


def _write_levels(con: duckdb.DuckDBPyConnection, asset: str, version: int, table: pa.Table) -> None:
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_dictionary(field.type):
            levels = pa.table({"levels": bare(dictionary_parts(column)[1])})
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, levels.schema) as writer:
                writer.write_table(levels)
            content = sink.getvalue().to_pybytes()
            con.execute(f"INSERT INTO {_LEVELS} VALUES (?, ?, ?, ?)", [asset, version, field.name, content])


def _levels(con: duckdb.DuckDBPyConnection, asset: str, versions: list[int]) -> dict[tuple[str, int], pa.Array]:
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
        columns = selected(con, _schemas(con, asset, layouts))
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
        selects = [
            f"SELECT * EXCLUDE ({_VERSION}) FROM {rows_table(asset, layouts[0])} "
            f"WHERE {_VERSION} = (SELECT max(version) {commits})"
        ]
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    con.execute(f"CREATE OR REPLACE VIEW {quoted(schema, view)} AS " + " UNION ALL BY NAME ".join(selects))


def _schemas(con: duckdb.DuckDBPyConnection, asset: str, layouts: Collection[int]) -> dict[int, pa.Schema]:
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


def rows_query(con: duckdb.DuckDBPyConnection, asset: str, places: list[Place], *, one_in: int = 1) -> str:
    """Gives a query for the rows of some versions, `_version` in front; of one row in about so many, ever the same."""
    thinned = f" AND hash(rowid) % {int(one_in)} = 0" if one_in > 1 else ""
    layouts = sorted({place.layout for place in places})
    if len(layouts) == 1:
        columns = {layouts[0]: f"* EXCLUDE ({_VERSION})"}
    else:
        columns = selected(con, _schemas(con, asset, layouts))
    selects = []
    for layout in layouts:
        versions = ", ".join(str(int(place.version)) for place in places if place.layout == layout)
        selects.append(
            f"SELECT {_VERSION}, {columns[layout]} FROM {rows_table(asset, layout)} AS held "
            f"WHERE {_VERSION} IN ({versions}){thinned}"
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
    chosen = [asset, list(versions)]
    con.execute(f"DELETE FROM {_LEVELS} WHERE asset = ? AND version IN (SELECT unnest(?))", chosen)
    for (layout,) in con.execute(f"SELECT layout FROM {_LAYOUTS} WHERE asset = ?", [asset]).fetchall():
        con.execute(f"DELETE FROM {rows_table(asset, layout)} WHERE {_VERSION} IN (SELECT unnest(?))", [list(versions)])


def read_rows(
    con: duckdb.DuckDBPyConnection,
    asset: str,
    places: list[Place],
    *,
    only: Sequence[str] | None = None,
    one_in: int = 1,
) -> pa.Table:
    """Gives the rows of some versions in the types they were committed with, `_version` in front.

    `only` are the columns wanted, `one_in` thins the rows as in `rows_query`.

    Raises
    ------
    WarehouseError
        No type holds the values of all the versions, or there is no such column.
    """
    chosen = "*" if only is None else ", ".join([_VERSION, *map(quoted, _known(con, asset, places, only))])
    try:
        table = con.execute(f"SELECT {chosen} FROM ({rows_query(con, asset, places, one_in=one_in)})").to_arrow_table()
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        raise WarehouseError(
            f"asset {asset!r}: no type holds a column's values of all partitions ({error}); read one partition at a "
            "time, or commit them with one type"
        ) from error
    schemas = _schemas(con, asset, {place.layout for place in places}).values()
    kept = [{field.name.casefold(): field for field in schema} for schema in schemas]  # SQL merges them by these names
    levels = {
        (field.casefold(), version): found
        for (field, version), found in _levels(con, asset, [place.version for place in places]).items()
    }
    fields, columns = [table.schema.field(0)], [table.column(0)]
    for stored, column in zip(list(table.schema)[1:], table.columns[1:], strict=True):
        name = stored.name.casefold()
        wanted = [fields_of[name] for fields_of in kept if name in fields_of]
        found = [levels.get((name, place.version)) for place in sorted(places, key=lambda place: place.version)]
        field, known = _common_field(wanted, [each for each in found if each is not None])
        fields.append(field)
        columns.append(restored_column(column, field, known))
    return pa.table(columns, schema=pa.schema(fields))


def _known(con: duckdb.DuckDBPyConnection, asset: str, places: list[Place], columns: Iterable[str]) -> list[str]:
    """Gives columns as they are written in the store, which ignores case."""
    schemas = _schemas(con, asset, {place.layout for place in places})
    names = {name.casefold(): name for schema in schemas.values() for name in schema.names}
    for column in columns:
        if column.casefold() not in names:
            raise WarehouseError(f"asset {asset!r} has no column {column!r}: it has {listed(names.values(), 20)}")
    return [names[column.casefold()] for column in columns]


def _common_field(wanted: list[pa.Field], levels: list[pa.Array]) -> tuple[pa.Field, pa.Array | None]:
    """Gives the field of a column that some layouts have, and if it is a category its levels."""
    first = wanted[0]
    kind = common_type([field.type for field in wanted])
    known = None
    if pa.types.is_dictionary(kind) and levels:
        kind, known = merged(kind, levels)
    metadata = first.metadata if all(field.equals(first, check_metadata=True) for field in wanted) else None
    return pa.field(first.name, kind, metadata=metadata), known
