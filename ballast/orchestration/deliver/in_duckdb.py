"""A table of a DuckDB file: whoever has attached the file to write has it alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from ballast.given.engine import said
from ballast.orchestration.deliver.delivery import Delivery
from ballast.orchestration.deliver.files import place_of
from ballast.orchestration.deliver.tables import Kind
from ballast.warehouse import attach_beside
from ballast.warehouse.homes.embedded import holder_of
from ballast.warehouse.homes.home import new_engine
from ballast.warehouse.names import STORE, literal, quoted

_CATALOG, _GIVEN = "ballast_target", "ballast_rows"
_SIGNED = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_WHOLE = frozenset({*_SIGNED, *(f"U{name}" for name in _SIGNED), "DECIMAL(20,0)"})
_KINDS: Mapping[pa.DataType, Kind] = {
    pa.string(): Kind("VARCHAR", frozenset({"VARCHAR"})),
    pa.int64(): Kind("BIGINT", _WHOLE),
    pa.decimal128(20, 0): Kind("DECIMAL(20,0)", _WHOLE),
    pa.float64(): Kind("DOUBLE", frozenset({"DOUBLE"})),
    pa.bool_(): Kind("BOOLEAN", frozenset({"BOOLEAN"})),
}


class _Table:
    kinds: Mapping[pa.DataType, Kind] = _KINDS
    longest = sys.maxsize

    def __init__(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        self.con = con
        self.schema, self.table = table.split(".") if "." in table else ("main", table)
        self.name = quoted(_CATALOG, self.schema, self.table)

    def columns(self) -> dict[str, str]:
        found = self.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = $1 "
            "AND lower(schema_name) = lower($2) AND lower(table_name) = lower($3) ORDER BY column_index",
            [_CATALOG, self.schema, self.table],
        )
        return dict(found)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(values)).fetchall()

    def insert(self, rows: pa.Table) -> None:
        names = ", ".join(map(quoted, rows.column_names))
        self.con.register(_GIVEN, rows)
        self.con.execute(f"INSERT INTO {self.name} ({names}) SELECT {names} FROM {quoted(_GIVEN)}")


@contextmanager
def duckdb_table(delivery: Delivery) -> Iterator[_Table]:
    """Gives the table within a transaction, which ends with the block; TargetError where that cannot be had."""
    path = place_of(str(delivery.target.database), delivery.folder)
    if not path.parent.is_dir():
        raise delivery.error(f"there is no folder {path.parent}; make it, or correct `to:`")
    con, busy = new_engine(), False
    try:
        if not path.exists():
            _make(con, path)
        attach_beside(con, path, _CATALOG, delivery.timeout, read_only=False)
        schemas = con.execute("SELECT schema_name FROM duckdb_schemas() WHERE database_name = ?", [_CATALOG]).fetchall()
        if (STORE,) in schemas:
            raise delivery.error("that is a warehouse of Ballast's, which keeps the table already; name another file")
        con.execute("BEGIN")
        yield _Table(con, str(delivery.target.table))
        con.execute("COMMIT")
        return
    except (duckdb.Error, OSError) as error:
        if holder := holder_of(error):
            busy = True
            why = f"{holder} holds the file, for longer than {delivery.timeout:g} s; end it, or let it close the file"
        elif isinstance(error, OSError | duckdb.IOException):
            why = f"{said(error, '')}; see that it is a DuckDB file, and that it and its folder can be written to"
        else:
            why = f"{said(error, '')}; see that the schema is there, and that the table's constraints let these rows in"
    finally:
        con.close()
    raise delivery.error(why, busy=busy)


def _make(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Makes an empty file where there is none, whole: DuckDB could not read what a killed process had begun."""
    fresh = path.with_name(f".{uuid4().hex}.unfinished")
    try:
        con.execute(f"ATTACH {literal(str(fresh))} AS {quoted(_CATALOG)}")
        con.execute(f"DETACH {quoted(_CATALOG)}")
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
