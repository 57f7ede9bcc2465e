"""Rows that answer questions in SQL without being loaded: Parquet files, or an Arrow table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from ballast.compute.rows import Rows
from ballast.errors import DataError
from ballast.warehouse.names import literal, quoted
from ballast.warehouse.tables.frames import pandas_frame

if TYPE_CHECKING:
    import pandas as pd

MEMORY = "1GiB"
"""What the connection may hold where nothing else is said; what is beyond it goes to a folder that is removed."""


class AskedRows:
    """A table that gates judge without loading it; see ``ballast.gates.rows.table.RowTable``.

    Parameters
    ----------
    rows : the table as parts. files : the Parquet files that hold just these rows, in their order; without, the table
    that does. memory : what the connection may hold. DataError for a column of a type that SQL lacks.

    Notes
    -----
    A context manager: its end closes the connection and removes what was spilt. Not for several threads.
    """

    def __init__(self, rows: Rows, *, files: Sequence[str] = (), table: pa.Table | None = None, memory: str = MEMORY):
        self._rows, self._files, self._table = rows, files, table
        self._spilt = tempfile.TemporaryDirectory(prefix="ballast-asked-")
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": self._spilt.name,
                "threads": 1,
                "preserve_insertion_order": True,
            }
        )
        self._show(self._connection, "rows")

    @classmethod
    def of_files(cls, files: Iterable[str | Path], schema: pa.Schema | None = None, memory: str = MEMORY) -> AskedRows:
        """Gives the rows of Parquet files, one after the other; see ``Rows.of_files``."""
        names = list(map(str, files))
        return cls(Rows.of_files(names, schema), files=names, memory=memory)

    @classmethod
    def of_table(cls, table: pa.Table, memory: str = MEMORY) -> AskedRows:
        """Gives the rows of a table in memory."""
        return cls(Rows.of_table(table), table=_in_sql(table), memory=memory)

    def __enter__(self) -> AskedRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._spilt.cleanup()

    @property
    def schema(self) -> pa.Schema:
        return self._rows.schema

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Gives some columns of all rows, in order, a batch at a time."""
        rows = self._rows.select(columns)
        for part in rows.parts:
            yield from rows.batches(part)

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """Gives a few of the rows as the warehouse gives tables."""
        return pandas_frame(table)

    def ask(
        self,
        sql: str,
        columns: Mapping[str, str] = MappingProxyType({}),
        values: Sequence[Any] = (),
        others: Mapping[str, AskedRows] = MappingProxyType({}),
    ) -> pa.Table:
        """Gives the answer to a SELECT over ``rows``; ``{key}`` is the name of a column, ``?`` a value."""
        for name, other in others.items():
            other._show(self._connection, name)
        try:
            asked = sql.format_map({key: quoted(name) for key, name in columns.items()})
            return self._connection.execute(asked, list(values)).to_arrow_table()
        except duckdb.Error as error:
            raise DataError(f"{len(self)} rows cannot be asked for this: {error}") from error

    def _show(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Makes the rows a view of a connection."""
        if self._files:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {self._select()}")
        else:
            connection.register(name, self._table)

    def _select(self) -> str:
        """Gives the SELECT of the files' rows, in the schema's types; durations are whole numbers in Parquet."""
        files = ", ".join(map(literal, self._files))
        source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
        found = self._connection.sql(f"SELECT * FROM {source} LIMIT 0")
        there = dict(zip(found.columns, found.types, strict=True))
        wanted = self._connection.from_arrow(_in_sql(self.schema.empty_table()))
        columns = []
        for name, kind in zip(wanted.columns, wanted.types, strict=True):
            value = quoted(name) if name in there else "NULL"
            value = value if there.get(name) == kind else f"CAST({value} AS {kind})"
            columns.append(f"{value} AS {quoted(name)}")
        chosen = ", ".join(columns)
        return f"SELECT {chosen} FROM {source}"


def _in_sql(table: pa.Table) -> pa.Table:
    """Gives a table without the types that SQL lacks: ticks for durations, values for dictionaries, floats for halves.

    DataError for Decimals that SQL would not hold.
    """
    for place, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_decimal256(kind):
            raise DataError(f"column {field.name!r} ({kind}) has more than the 38 digits of SQL; give it another type")
        if pa.types.is_duration(kind):
            table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
        elif pa.types.is_dictionary(kind):
            table = table.set_column(place, field.name, table.column(place).cast(kind.value_type))
        elif pa.types.is_float16(kind):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float32()))
    return table
