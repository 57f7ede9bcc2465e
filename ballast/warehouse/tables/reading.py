"""Reading what was stored: one query over all the places where some versions lie, and back in their own types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.names import quoted
from ballast.warehouse.tables.categories import merged
from ballast.warehouse.tables.frames import VERSION_COLUMN
from ballast.warehouse.tables.kept_files import is_lake, source_of
from ballast.warehouse.tables.layouts import Place, levels_of, rows_table, schemas_of
from ballast.warehouse.tables.storing import restored_column
from ballast.warehouse.tables.unions import common_type, selected
from ballast.words import listed

_VERSION = quoted(VERSION_COLUMN)


def rows_query(
    con: duckdb.DuckDBPyConnection,
    asset: str,
    places: list[Place],
    *,
    one_in: int = 1,
    sources: Mapping[int, str] | None = None,
) -> str:
    """Gives a query for the rows of some versions, `_version` in front; of one row in about so many, ever the same.

    `sources` are what stands for each layout's rows in another DuckDB than the store's.
    """
    layouts = sorted({place.layout for place in places}, key=lambda layout: (layout < 0, abs(layout)))
    if len(layouts) == 1:
        columns = {layouts[0]: f"* EXCLUDE ({_VERSION})"}
    else:
        columns = selected(con, schemas_of(con, asset, layouts))
    selects = []
    for layout in layouts:
        source = sources[layout] if sources is not None else _source(con, asset, layout)
        number = "rowid" if layout > 0 else "row_number() OVER ()"
        thinned = f" {'AND' if layout > 0 else 'QUALIFY'} hash({number}) % {int(one_in)} = 0" if one_in > 1 else ""
        versions = ", ".join(str(int(place.version)) for place in places if place.layout == layout)
        selects.append(
            f"SELECT {_VERSION}, {columns[layout]} FROM {source} AS held WHERE {_VERSION} IN ({versions}){thinned}"
        )
    return " UNION ALL BY NAME ".join(selects)


def _source(con: duckdb.DuckDBPyConnection, asset: str, layout: int) -> str:
    """Gives what stands for a layout's rows in FROM; of files only once these are as they were committed."""
    if layout > 0:
        return rows_table(asset, layout)
    read = source_apart(con, asset, layout)
    return rows_table(asset, layout) if is_lake(con) else read


def source_apart(con: duckdb.DuckDBPyConnection, asset: str, layout: int) -> str:
    """Gives what stands in FROM for the rows of a version that is kept as files, in any DuckDB."""
    return source_of(con, asset, -layout, schemas_of(con, asset, [layout])[layout])


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
        No type holds the values of all the versions, or there is no such column, or a file is missing or was changed.
    """
    types = Types(con, asset, places)
    chosen = "*" if only is None else ", ".join([_VERSION, *map(quoted, types.known(only))])
    with said_of_types(asset):
        table = con.execute(f"SELECT {chosen} FROM ({rows_query(con, asset, places, one_in=one_in)})").to_arrow_table()
    return types.restored(table)


@contextmanager
def said_of_types(asset: str) -> Iterator[None]:
    """Says of an error of DuckDB's what to do where versions have types that cannot stand under one another."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException) as error:
        raise WarehouseError(
            f"asset {asset!r}: no type holds a column's values of all partitions ({error}); read one partition at a "
            "time, or commit them with one type"
        ) from error


class Types:
    """The types that the columns of some versions were committed with, and of categories the levels."""

    def __init__(self, con: duckdb.DuckDBPyConnection, asset: str, places: Sequence[Place]) -> None:
        self._asset = asset
        schemas = schemas_of(con, asset, {place.layout for place in places}).values()
        names = [{field.name.casefold(): field for field in schema} for schema in schemas]
        self._kept = names  # SQL merges them by these names
        self._names = {name: field.name for fields in names for name, field in fields.items()}
        self._versions = sorted(place.version for place in places)
        self._levels = {
            (field.casefold(), version): found
            for (field, version), found in levels_of(con, asset, self._versions).items()
        }

    def known(self, columns: Iterable[str]) -> list[str]:
        """Gives columns as they are written in the store, which ignores case; WarehouseError of one that is not."""
        for column in columns:
            if column.casefold() not in self._names:
                told = listed(self._names.values(), 20)
                raise WarehouseError(f"asset {self._asset!r} has no column {column!r}: it has {told}")
        return [self._names[column.casefold()] for column in columns]

    def field(self, name: str) -> tuple[pa.Field, pa.Array | None]:
        """Gives the field of a column, and if it is a category its levels."""
        name = name.casefold()
        wanted = [fields[name] for fields in self._kept if name in fields]
        found = [self._levels.get((name, version)) for version in self._versions]
        return _common_field(wanted, [each for each in found if each is not None])

    def restored(self, table: pa.Table) -> pa.Table:
        """Gives stored rows, `_version` in front, in the types they were committed with."""
        fields, columns = [table.schema.field(0)], [table.column(0)]
        for name, column in zip(table.column_names[1:], table.columns[1:], strict=True):
            field, levels = self.field(name)
            fields.append(field)
            columns.append(restored_column(column, field, levels))
        return pa.table(columns, schema=pa.schema(fields))


def _common_field(wanted: list[pa.Field], levels: list[pa.Array]) -> tuple[pa.Field, pa.Array | None]:
    """Gives the field of a column that some layouts have, and if it is a category its levels."""
    first = wanted[0]
    kind = common_type([field.type for field in wanted])
    known = None
    if pa.types.is_dictionary(kind) and levels:
        kind, known = merged(kind, levels)
    metadata = first.metadata if all(field.equals(first, check_metadata=True) for field in wanted) else None
    return pa.field(first.name, kind, metadata=metadata), known
