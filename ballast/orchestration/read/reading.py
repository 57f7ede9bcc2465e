"""Sources that are open for reading: their columns and types, and their rows, all or those of a partition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ballast.errors import DataError, nearest
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read import dialect
from ballast.orchestration.read.files import Files
from ballast.orchestration.read.kinds import pc
from ballast.orchestration.read.kinds import said as said_kind
from ballast.orchestration.read.query import executed, said
from ballast.orchestration.read.sniff import Typed, guessed, kind_of, widened
from ballast.orchestration.read.text import Written
from ballast.orchestration.read.words import in_duckdb
from ballast.orchestration.spec.pipeline import DataSpec
from ballast.warehouse.names import literal, quoted
from ballast.words import listed

BATCH = 131_072
"""Rows of a batch."""

_DOUBTFUL = "_ballast_doubtful"


@dataclass(kw_only=True)
class Source(ABC):
    """A source that is open; `where` ("defs.yaml: data.train") opens every message."""

    con: duckdb.DuckDBPyConnection
    spec: DataSpec
    where: str

    @property
    @abstractmethod
    def kinds(self) -> Mapping[str, str]:
        """The columns, and DuckDB's type of each as it is read."""

    @abstractmethod
    def _rows(self, columns: Sequence[str] | None) -> str:
        """Gives the SQL of some columns, or all, as Arrow is to have them."""

    @abstractmethod
    def place(self, name: str, position: int) -> str:
        """Gives the file and row of a position in the whole of what was read."""

    def hint(self, name: str) -> pa.DataType | None:
        """Gives the type that a column has in its file where DuckDB reads it as another."""
        return None

    @property
    def query(self) -> str:
        """The user's own SQL, whose text is kept out of messages."""
        return ""

    def raw(self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None) -> pa.Table:
        """Gives the rows as DuckDB's Arrow has them, those of the `partition` of a column where one is given."""
        return self._run(columns, partition).to_arrow_table()

    def raw_batches(
        self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None
    ) -> pa.RecordBatchReader:
        """Gives what ``raw`` does, a batch at a time; the source must stay open meanwhile."""
        return self._run(columns, partition).to_arrow_reader(BATCH)

    def empty(self) -> pa.Table:
        """Gives the columns without their rows."""
        try:
            return self.con.execute(f"FROM ({self._rows(None)}) LIMIT 0").to_arrow_table()
        except duckdb.Error as error:
            message = said(error, self.query)
        raise DataError(f"{self.where}: {self.failed}: {message}")

    def _run(self, columns: Sequence[str] | None, partition: tuple[str, Partition] | None) -> Any:
        sql, values = self._rows(columns), []
        if partition is not None:
            condition, values = self._condition(*partition)
            wanted = list(self.kinds if columns is None else columns)
            within = self._rows(list(dict.fromkeys([*wanted, partition[0]])))
            sql = f"SELECT {', '.join(map(quoted, wanted))} FROM ({within}) WHERE {condition}"
        try:
            return self.con.execute(sql, values)
        except duckdb.Error as error:
            message = said(error, self.query)
        raise DataError(f"{self.where}: {self.failed}: {message}")

    failed = "it cannot be read"

    def _condition(self, column: str, partition: Partition) -> tuple[str, list[str]]:
        if column not in self.kinds:
            raise DataError(
                f"{self.where}: the partition column {column!r} is missing{nearest(column, self.kinds)} "
                f"(columns: {listed(self.kinds, most=12)})"
            )
        return partition.condition(quoted(column), self.kinds[column], self.where)

    def without_rows(self, column: str, key: str) -> DataError:
        """Gives the error of a partition that no row is of."""
        rows = self._rows([column])
        sql = f"SELECT CAST({quoted(column)} AS VARCHAR), count(*) FROM ({rows}) GROUP BY 1 ORDER BY 1"
        there = self.con.execute(sql).fetchall()
        return DataError(
            f"{self.where}: partition {key!r} has no rows: none of {sum(n for _, n in there)} has it in column "
            f"{column!r} (values there: {listed((v for v, _ in there), most=12)})"
        )

    def close(self) -> None:
        self.con.close()


def placed(con: duckdb.DuckDBPyConnection, files: Files, calls: Mapping[str, str], position: int) -> str:
    """Gives the file and row of a position in all files' rows."""
    for name, call in calls.items():
        count = con.execute(f"SELECT count(*) FROM {call}").fetchall()[0][0]
        if position < count:
            return f"{files.shown(name)!r}, row {position + 1}"
        position -= count
    return f"row {position + 1}"


@dataclass(kw_only=True)
class Text(Source):
    """CSV or JSON files. `wanted` are the DuckDB types that their columns are read with; what it lacks is sniffed."""

    text: dialect.TextFiles
    wanted: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        options = self.spec.options
        how = Written(comma=options.get("decimal") == ",", date_format=options.get("date_format"))
        kinds = {name: kind for name, kind in (self.wanted or {}).items() if name in self.text.names}
        explicit = {name: self._explicit(name) for name in self.spec.types if name in self.text.names}
        ids = {self.spec.id: "VARCHAR"} if self.spec.id in self.text.names else {}  # see ``ids.of_file``
        known = {**kinds, **ids, **explicit}
        self._typed = guessed(self.con, self.text, Typed(known, how, explicit=frozenset(explicit)), self.where)
        self._certain = False
        self._rows_sql = self.text.sql

    def _explicit(self, name: str) -> str:
        word, digits = self.spec.types[name], 0
        if word == "decimal":
            point = literal(self.spec.options.get("decimal", "."))
            sql = f"SELECT max(length(split_part({quoted(name)}, {point}, 2))) FROM {self.text.sql}"
            digits = min(executed(self.con, sql, self.where, "cannot be read").fetchall()[0][0] or 0, 38)
        return in_duckdb(word, digits)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {name: self._typed.kinds[name] for name in self.text.names}

    def settle(self) -> None:
        """Makes sure of the sniffed types by every row."""
        if not self._certain:
            self._typed = widened(self.con, self.text, self._typed, self.where)
            self._certain = True

    def _rows(self, columns: Sequence[str] | None) -> str:
        names = list(self.text.names if columns is None else columns)
        return f"SELECT {', '.join(f'v{i} AS {quoted(n)}' for i, n in enumerate(names))} FROM {self._values(names)}"

    def _values(self, names: Sequence[str]) -> str:
        inner = [
            f"{quoted(name)} AS t{i}, {self._typed.value(name, quoted(name))} AS v{i}" for i, name in enumerate(names)
        ]
        return f"(SELECT {', '.join(inner)} FROM {self._rows_sql})"

    def raw(self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None) -> pa.Table:
        table = self._flagged(columns, partition)
        if table is None:
            self.settle()
            table = self._flagged(columns, partition)
        if table is None:
            self._refuse(list(self.text.names if columns is None else columns))
        assert table is not None
        empty = [n for n in table.column_names if n in self._typed.sniffed and table[n].null_count == len(table)]
        if empty and not self._certain:  # nothing has said yet what these are
            self.settle()
            return self.raw(columns, partition)
        return table

    def raw_batches(
        self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None
    ) -> pa.RecordBatchReader:
        self.settle()
        names = list(self.text.names if columns is None else columns)
        if self._broken(names):
            self._refuse(names)
        return super().raw_batches(columns, partition)

    def _flagged(self, columns: Sequence[str] | None, partition: tuple[str, Partition] | None) -> pa.Table | None:
        """Gives the rows; None where some text is not a value of its column's type."""
        names = list(self.text.names if columns is None else columns)
        if partition is not None:
            self.settle()
            broken = self._broken(names)
            return None if broken else self._in_order(lambda: super(Text, self).raw(columns, partition))
        checks = [self._typed.doubtful(name, f"t{i}", f"v{i}") for i, name in enumerate(names)]
        values = ", ".join(f"v{i} AS {quoted(n)}" for i, n in enumerate(names))

        def checked() -> pa.Table:
            sql = f"SELECT {values}, {' OR '.join(checks)} AS {_DOUBTFUL} FROM {self._values(names)}"
            return executed(self.con, sql, self.where, self.failed).to_arrow_table()

        table = self._in_order(checked)
        doubt = pc.any(table.column(_DOUBTFUL)).as_py()
        return None if doubt and self._broken(names) else table.drop_columns([_DOUBTFUL])

    def _in_order(self, read: Callable[[], pa.Table]) -> pa.Table:
        """Gives what is read of each file, one after the other, for DuckDB mixes the rows of files read at once."""
        tables = []
        try:
            for sql in self.text.by_file.values():
                self._rows_sql = sql
                tables.append(read())
        finally:
            self._rows_sql = self.text.sql
        return pa.concat_tables(tables)

    def _broken(self, names: Sequence[str]) -> list[str]:
        """Gives the columns in which some text is not a value of the column's type."""
        checks = [f"bool_or({self._typed.unfit(name, f't{i}', f'v{i}')})" for i, name in enumerate(names)]
        sql = f"SELECT {', '.join(checks)} FROM {self._values(names)}"
        found = executed(self.con, sql, self.where, self.failed).fetchall()[0]
        return [name for name, flag in zip(names, found, strict=True) if flag]

    @property
    def failed(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"cannot read {listed(map(self.text.files.shown, self.text.files.names), most=3)}"

    def _refuse(self, names: Sequence[str]) -> None:
        """Raises DataError with the file, row and value of the first text that is not a value of its column's type."""
        name = self._broken(names)[0]
        made = self._typed.value(name, "t")
        check = self._typed.unfit(name, "t", "v")
        count, first, value = 0, "", ""
        for file, call in self.text.by_file.items():
            rows = f"(SELECT row_number() OVER () AS r, {quoted(name)} AS t, FROM {call})"
            sql = f"SELECT r, t FROM (SELECT r, t, {made} AS v FROM {rows}) WHERE {check} ORDER BY r"
            found = self.con.execute(sql).fetchall()
            count += len(found)
            if found and not first:
                value = found[0][1]
                first = f"{self.text.files.shown(file)!r}, column {name!r}, row {found[0][0]}: {value!r}"
        why = "by `types:`" if name in self._typed.explicit else "in the training rows"
        kind = kind_of(self.con, value, self.where)
        more = f" (and {count - 1} more such values)" if count > 1 else ""
        raise DataError(
            f"{self.where}: {first} is {said_kind(kind)}, and the column is {self._typed.kinds[name]} {why}{more}; "
            "correct the file, "
            f"name what stands for a missing value with `missing:`, or give the column another type with `types: "
            f"{{{name}: text}}`"
        )

    def place(self, name: str, position: int) -> str:
        return f"{self.where}: {placed(self.con, self.text.files, self.text.by_file, position)}"


@dataclass(kw_only=True)
class Given(Source):
    """The table of a loader or an asset."""

    table: pa.Table

    def __post_init__(self) -> None:
        self._described: dict[str, str] = dict.fromkeys(self.table.column_names, "")

    @property
    def kinds(self) -> Mapping[str, str]:
        return self._described

    def raw(self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None) -> pa.Table:
        table = self.table
        if partition is not None:
            name = partition[0]
            condition, values = self._condition(name, partition[1])
            sql = f"SELECT {condition} FROM ({self._rows([name])})"
            table = table.filter(self.con.execute(sql, values).to_arrow_table().column(0))
        return table if columns is None else table.select(list(columns))

    def raw_batches(
        self, columns: Sequence[str] | None = None, partition: tuple[str, Partition] | None = None
    ) -> pa.RecordBatchReader:
        return self.raw(columns, partition).to_reader(BATCH)

    def _condition(self, column: str, partition: Partition) -> tuple[str, list[str]]:
        if column in self._described:
            self.con.register("given", self.table.select([column]))
            self._described[column] = self.con.execute("DESCRIBE FROM given").fetchall()[0][1]
        return super()._condition(column, partition)

    def _rows(self, columns: Sequence[str] | None) -> str:
        return "FROM given"

    def place(self, name: str, position: int) -> str:
        return f"{self.where}: row {position + 1}"
