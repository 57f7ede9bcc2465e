"""Versions that do not fit in memory: their rows batch by batch, and the files that they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from ballast.errors import WarehouseError
from ballast.warehouse.homes.home import new_engine
from ballast.warehouse.locks.leases import leased
from ballast.warehouse.names import quoted
from ballast.warehouse.tables import commits, layouts, reading
from ballast.warehouse.tables.frames import PARTITION_COLUMN, VERSION_COLUMN
from ballast.warehouse.tables.kept_files import STAGING, check_files, files_of
from ballast.warehouse.tables.layouts import Place
from ballast.warehouse.tables.storing import stored_column, stored_type
from ballast.words import listed

if TYPE_CHECKING:
    from ballast.warehouse.warehouse import Warehouse

_BATCH = 2**16  # rows
_COMPARED = {"=": "=", "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_AMONG = {"in": "IN", "not in": "NOT IN"}


@contextmanager
def read_batches(
    self: Warehouse,
    asset: str,
    *,
    version: int | None = None,
    partition: str | None = None,
    columns: Sequence[str] | None = None,
    where: Sequence[tuple[str, str, Any]] = (),
) -> Iterator[pa.RecordBatchReader]:
    """Gives the rows of a version batch by batch, in the order they were committed in; types as ``read_arrow``.

    Nothing of the warehouse is held meanwhile. Only the columns asked for are read, and of files only the row groups
    that may have rows wanted. Memory: some batches of a version that is kept as files, all that is wanted of others.

    Parameters
    ----------
    version, partition
        Which; default the latest, of an asset with partitions that of all of them, with a first column `partition`.
    columns
        Only these, in this order.
    where
        Only rows for which all of these hold: ("age", ">=", 18), with =, !=, <, <=, > and >=, or ("site", "in",
        ["a", "b"]) and "not in". A missing value meets none.

    Raises
    ------
    VersionNotFoundError
        There is no such asset, version or partition.
    WarehouseError
        There is no such column, a value is not of its type, or a file is missing or was changed.

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from ballast import Warehouse
    >>> warehouse = Warehouse(f"duckdb:///{tempfile.mkdtemp()}/warehouse.duckdb")
    >>> made = warehouse.commit("churn/train", pa.table({"id": [1, 2, 3], "x": [0.5, 1.5, 2.5]}))
    >>> with warehouse.read_batches("churn/train", columns=["id"], where=[("x", ">", 1)]) as batches:
    ...     [batch["id"].to_pylist() for batch in batches]
    [[2, 3]]
    """
    with ExitStack() as stack:
        with self._reading() as con:
            con, places = _places(self, con, asset, version, partition)
            types = reading.Types(con, asset, places)
            if any(place.layout < 0 for place in places) and self.home.files is not None:
                with suppress(OSError, WarehouseError):  # who may not write there may still read
                    stack.enter_context(leased(self.home.files / STAGING))
            chosen = "*" if columns is None else ", ".join(map(quoted, [VERSION_COLUMN, *types.known(columns)]))
            condition, values = _condition(types, where)
            engine = stack.enter_context(closing(new_engine()))
            rows = reading.rows_query(con, asset, places, sources=_apart(con, engine, asset, places))
        finished = _finished(types, places if version is None and partition is None else [])
        with reading.said_of_types(asset):
            found = engine.execute(f"SELECT {chosen} FROM ({rows}) WHERE {condition}", values).to_arrow_reader(_BATCH)
        schema = finished(pa.Table.from_batches([], found.schema)).schema
        yield pa.RecordBatchReader.from_batches(schema, _batches(asset, found, finished))


def files(
    self: Warehouse, asset: str, *, version: int | None = None, partition: str | None = None
) -> list[Path] | None:
    """Gives the Parquet files that a version is kept as, in the order of its rows; None where it is kept otherwise.

    Any process may read them, without the warehouse, for as long as nobody prunes the version; types are those that the
    store has (a category is its values there). Within ``with warehouse.staging(...)`` no prune removes them.

    Raises
    ------
    VersionNotFoundError
        There is no such asset, version or partition.
    WarehouseError
        The asset has partitions and none is named, or a file is missing or was changed.
    """
    with self._reading() as con:
        con, places = _places(self, con, asset, version, partition)
        if len(places) > 1 or (version is None and partition is None and places[0].partition is not None):
            named = listed([place.partition or "" for place in places])
            raise WarehouseError(f"{asset} has partitions ({named}), each with files of its own: name one")
        if places[0].layout > 0:
            return None
        found = files_of(con, asset, places[0].version)
    check_files(asset, places[0].version, found)
    return [file.path for file in found]


def _places(
    warehouse: Warehouse,
    con: duckdb.DuckDBPyConnection | None,
    asset: str,
    version: int | None,
    partition: str | None,
) -> tuple[duckdb.DuckDBPyConnection, list[Place]]:
    """Gives where the rows are that are asked for, and the connection that there is then."""
    places = layouts.held(con, asset, version=version, partition=partition) if con else []
    if con is None or not places:
        raise commits.not_found(con, warehouse.url, asset, version=version, partition=partition)
    return con, places


def _apart(
    con: duckdb.DuckDBPyConnection, engine: duckdb.DuckDBPyConnection, asset: str, places: Sequence[Place]
) -> dict[int, str]:
    """Gives what stands for the rows of each layout in a DuckDB that does not have the store.

    Of files that is a call that reads them; rows of the store's own tables are few, and are taken over.
    """
    sources: dict[int, str] = {}
    for layout in {place.layout for place in places}:
        if layout < 0:
            sources[layout] = reading.source_apart(con, asset, layout)
        else:
            versions = [place.version for place in places if place.layout == layout]
            query = (
                f"SELECT * FROM {layouts.rows_table(asset, layout)} WHERE list_contains(?, {quoted(VERSION_COLUMN)})"
            )
            engine.register(f"rows {layout}", con.execute(query, [versions]).to_arrow_table())
            sources[layout] = quoted(f"rows {layout}")
    return sources


def _condition(types: reading.Types, where: Sequence[tuple[str, str, Any]]) -> tuple[str, list[Any]]:
    """Gives a condition in SQL with the values bound to it."""
    said, values = ["TRUE"], []
    for column, sign, value in where:
        (name,) = types.known([column])
        if sign in _COMPARED:
            said.append(f"{quoted(name)} {_COMPARED[sign]} ?")
            values.append(_stored_value(types, name, value))
        elif sign in _AMONG:
            among = [_stored_value(types, name, each) for each in value]
            said.append(
                f"{quoted(name)} {_AMONG[sign]} ({', '.join('?' * len(among))})" if among else str(sign != "in")
            )
            values += among
        else:
            raise WarehouseError(f"where {column!r} {sign!r}: compare with one of {listed([*_COMPARED, *_AMONG])}")
    return " AND ".join(said), values


def _stored_value(types: reading.Types, name: str, value: Any) -> Any:
    """Gives a value as the store holds those of a column."""
    kind = types.field(name)[0].type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    value = value.item() if isinstance(value, np.generic) else value
    if value is None:
        raise WarehouseError(f"where {name!r}: no row meets a comparison with None; leave it out")
    stored = stored_type(kind, arrays=True)
    if stored == kind:
        return value
    try:
        return stored_column(pa.chunked_array([pa.array([value], kind)]), stored)[0].as_py()
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise WarehouseError(f"where {name!r}: {value!r} is not a value of {kind} ({error})") from error


def _finished(types: reading.Types, places: Sequence[Place]) -> Callable[[pa.Table], pa.Table]:
    """Gives what makes stored rows of those that are handed out; of `places` with partitions these are named."""
    named = {place.version: place.partition for place in places if place.partition is not None}

    def finished(stored: pa.Table) -> pa.Table:
        table = types.restored(stored)
        rows = table.drop_columns([VERSION_COLUMN])
        return rows.add_column(0, PARTITION_COLUMN, partitions_of(table[VERSION_COLUMN], named)) if named else rows

    return finished


def partitions_of(versions: pa.ChunkedArray, named: Mapping[int, str | None]) -> pa.Array:
    """Gives the partition of each row by its version."""
    return pa.array(versions.to_pandas().map(named), pa.string())


def _batches(
    asset: str, found: pa.RecordBatchReader, finished: Callable[[pa.Table], pa.Table]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in found:
            yield from finished(pa.Table.from_batches([batch])).combine_chunks().to_batches()
    except (pa.ArrowException, duckdb.Error, OSError) as error:
        raise WarehouseError(f"asset {asset!r} cannot be read to its end: {error}") from error
