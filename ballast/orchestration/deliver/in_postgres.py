"""A table of a Postgres database: a lock of the transaction's own keeps others of Ballast's from the same table.

By psycopg, not by DuckDB's extension: that ends the whole process where the server goes away within a transaction, and
cannot add a column of doubles.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv

from ballast.orchestration.deliver.delivery import Delivery
from ballast.orchestration.deliver.tables import Kind
from ballast.warehouse.homes.urls import secrets
from ballast.warehouse.names import quoted
from ballast.words import one_line

if TYPE_CHECKING:
    import psycopg

_TURN = 0x544F  # the first half of the advisory lock's key; the other is of the table's name
_BATCH = 65_536
_ANSWER = 30.0  # seconds in which a server must answer
_WHOLE = ("smallint", "integer", "bigint", "numeric")
_KINDS: Mapping[pa.DataType, Kind] = {
    pa.string(): Kind("text", frozenset({"text", "character varying"})),
    pa.int64(): Kind("bigint", frozenset(_WHOLE)),
    pa.decimal128(20, 0): Kind("numeric(20)", frozenset(_WHOLE)),
    pa.float64(): Kind("double precision", frozenset({"double precision"})),
    pa.bool_(): Kind("boolean", frozenset({"boolean"})),
}


class _Table:
    kinds: Mapping[pa.DataType, Kind] = _KINDS
    longest = 63

    def __init__(self, con: psycopg.Connection, table: str) -> None:
        self.con = con
        self.name = quoted(*table.split("."))

    def columns(self) -> dict[str, str]:
        found = self.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
            "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [self.name],
        )
        return {str(name): str(kind) for name, kind in found}

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        done = self.con.execute(sql.encode(), values or None)
        return done.fetchall() if done.description else []

    def insert(self, rows: pa.Table) -> None:
        names = ", ".join(map(quoted, rows.column_names))
        with self.con.cursor().copy(f"COPY {self.name} ({names}) FROM STDIN (FORMAT csv)".encode()) as copy:
            for batch in rows.to_batches(max_chunksize=_BATCH):
                text = io.BytesIO()  # in which a blank is a text in quotes, and what is missing is not
                csv.write_csv(batch, text, csv.WriteOptions(include_header=False))
                copy.write(text.getvalue())


@contextmanager
def postgres_table(delivery: Delivery) -> Iterator[_Table]:
    """Gives the table within a transaction, which ends with the block; TargetError where that cannot be had."""
    try:
        import psycopg
    except ImportError as error:
        raise delivery.error("that needs psycopg; pip install 'dagster-ballast[ducklake]'") from error
    address, table = str(delivery.target.postgres), str(delivery.target.table)
    busy = False
    try:
        with psycopg.connect(
            address, cursor_factory=psycopg.RawCursor, connect_timeout=max(2, int(min(delivery.timeout, _ANSWER)))
        ) as con:
            con.isolation_level = (
                psycopg.IsolationLevel.READ_COMMITTED
            )  # to see what was written before the lock was had
            found = _Table(con, table)
            found.execute(f"SET LOCAL lock_timeout = {max(1, int(1000 * delivery.timeout)):d}")
            found.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", [_TURN, table.split(".")[-1]])
            yield found
        return
    except psycopg.errors.LockNotAvailable:
        busy = True
        why = f"others have held the table for longer than {delivery.timeout:g} s; end their transaction"
    except psycopg.OperationalError as error:
        busy = True
        why = f"{_told(error, address)}; see that the server answers, and that the address in `to:` is right"
    except psycopg.Error as error:
        remedy = "see that the schema is there, and that its owner and the table's constraints let these rows in"
        why = f"{_told(error, address)}; {remedy}"
    raise delivery.error(why, busy=busy)


def _told(error: Exception, address: str) -> str:
    """Gives what Postgres says, without the passwords of the address and the statement that it quotes."""
    text = str(error).partition("\nLINE ")[0]
    for secret in secrets(address):
        text = text.replace(secret, "***")
    return one_line(" ".join(text.split()), 300)
