"""Sources that are open for reading: their columns and types, and their rows, all or those of a partition."""

from __future__ import annotations

import base64
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
from ballast.orchestration.read.kinds import pc, selected
from ballast.orchestration.read.kinds import said as said_kind
from ballast.orchestration.read.query import said, told
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


@dataclass(kw_only=True)
class Query(Source):
    """What a SELECT gives: the user's own, or one of the Parquet files of a path."""

    sql: str = ""
    own: str = ""
    files: Files | None = None
    hints: Mapping[str, pa.DataType] | None = None

    def __post_init__(self) -> None:
        described = self._told(f"DESCRIBE {self.sql}").fetchall()
        self._kinds = {name: kind for name, kind, *_ in described}

    @property
    def kinds(self) -> Mapping[str, str]:
        return self._kinds

    @property
    def query(self) -> str:
        return self.own

    @property
    def failed(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        if self.files is None:
            return "the query failed"
        return f"cannot read {listed(map(self.files.shown, self.files.names), most=3)}"

    def _told(self, sql: str) -> Any:
        return told(self.con, sql, self.where, self.failed, self.own)

    def hint(self, name: str) -> pa.DataType | None:
        return (self.hints or {}).get(name)

    def _rows(self, columns: Sequence[str] | None) -> str:
        wanted = self._kinds if columns is None else columns
        return f"SELECT {', '.join(selected(n, self._kinds[n], self.where) for n in wanted)} FROM ({self.sql})"

    def place(self, name: str, position: int) -> str:
        if self.files is None:
            return f"{self.where}: row {position + 1} of the query"
        return f"{self.where}: {_placed(self.con, self.files, _parquet_of(self.files, self.spec), position)}"


def _placed(con: duckdb.DuckDBPyConnection, files: Files, calls: Mapping[str, str], position: int) -> str:
    """Gives the file and row of a position in all files' rows."""
    for name, call in calls.items():
        count = con.execute(f"SELECT count(*) FROM {call}").fetchall()[0][0]
        if position < count:
            return f"{files.shown(name)!r}, row {position + 1}"
        position -= count
    return f"row {position + 1}"


def _parquet_of(files: Files, spec: DataSpec) -> dict[str, str]:
    return {name: _parquet(files.one(name), spec) for name in files.names}


def _parquet(files: Files, spec: DataSpec) -> str:
    union = ", union_by_name = true" if len(files.names) > 1 else ""
    return f"read_parquet({files.listing}{union}, hive_partitioning = {str(spec.hive).lower()})"


def parquet(con: duckdb.DuckDBPyConnection, files: Files, spec: DataSpec, where: str) -> Query:
    """Gives Parquet files as a source; DataError where their columns differ, or no type holds the values of all."""
    if len(files.names) > 1:
        described = {}
        for name, call in _parquet_of(files, spec).items():
            rows = told(con, f"DESCRIBE FROM {call}", where, f"cannot read {files.shown(name)!r}").fetchall()
            described[name] = {column: kind for column, kind, *_ in rows}
        dialect.same_columns(files, described, where)
        for column in described[files.names[0]]:
            _common_type(con, files, {name: kinds[column] for name, kinds in described.items()}, column, where)
    _refuse_same_names(con, files, where)
    sql = f"FROM {_parquet(files, spec)}"
    return Query(con=con, spec=spec, where=where, sql=sql, files=files, hints=_hints(con, files, where))


def _refuse_same_names(con: duckdb.DuckDBPyConnection, files: Files, where: str) -> None:
    """Raises DataError for columns that differ in capitals alone, which DuckDB would give other names."""
    first = files.one(files.names[0])
    what = f"cannot read {files.shown(first.names[0])!r}"
    there = {n for (n,) in told(con, f"SELECT name FROM parquet_schema({first.listing[1:-1]})", where, what).fetchall()}
    described = told(con, f"DESCRIBE FROM read_parquet({first.listing}, hive_partitioning = false)", where, what)
    if renamed := [name for name, *_ in described.fetchall() if name not in there]:
        raise DataError(
            f"{where}: columns of {files.shown(first.names[0])!r} have the same name in SQL, which ignores case "
            f"({listed(renamed)} would be new names); rename them"
        )


def _common_type(
    con: duckdb.DuckDBPyConnection, files: Files, kinds: Mapping[str, str], column: str, where: str
) -> None:
    """Raises DataError where a column's types in several files have none in common that keeps every value."""
    if len(set(kinds.values())) == 1:
        return
    families = {kind: _family(kind) for kind in kinds.values()}
    if len(set(families.values())) > 1 or next(iter(families.values())) == "other":
        first, *others = kinds.items()
        name, kind = next(((n, k) for n, k in others if families[k] != families[first[1]]), others[0])
        raise DataError(
            f"{where}: column {column!r} is {first[1]} in {files.shown(first[0])!r} and {kind} in "
            f"{files.shown(name)!r}; give it one type in all files"
        )
    if any(kind in ("DOUBLE", "FLOAT") for kind in families):
        for name, kind in kinds.items():
            if kind in ("DOUBLE", "FLOAT"):
                continue
            sql = f"SELECT max(abs({quoted(column)})) FROM read_parquet({files.one(name).listing})"
            largest = told(con, sql, where, f"cannot read {files.shown(name)!r}").fetchall()[0][0]
            if kind.startswith("DECIMAL") or (largest is not None and largest > 2**53):
                raise DataError(
                    f"{where}: column {column!r} is {kind} in {files.shown(name)!r} and a float in another file, "
                    "which cannot hold all of its values; give it one type in all files"
                )


def _family(kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL") or kind.removeprefix("U").endswith("INT") or (
        kind in ("INTEGER", "UINTEGER")
    ):  # fmt: skip
        return "number"
    if kind.startswith("TIMESTAMP"):
        return "zoned" if kind.endswith("ZONE") else "moment"
    return "moment" if kind == "DATE" else "other"


def _hints(con: duckdb.DuckDBPyConnection, files: Files, where: str) -> dict[str, pa.DataType]:
    """Gives the columns whose Arrow type, which a Parquet file remembers, is not what DuckDB makes of them."""
    first = files.one(files.names[0])
    sql = f"SELECT value FROM parquet_kv_metadata({first.listing[1:-1]}) WHERE key = 'ARROW:schema'"
    rows = told(con, sql, where, f"cannot read {files.shown(files.names[0])!r}").fetchall()
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(rows[0][0]))) if rows else pa.schema([])
    for field in schema:
        if pa.types.is_decimal256(field.type) and field.type.precision > 38:
            raise DataError(
                f"{where}: column {field.name!r} of {files.shown(files.names[0])!r} is {field.type}: more than 38 "
                "digits are not kept; make it text"
            )
    return {field.name: field.type for field in schema if pa.types.is_duration(field.type)}


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
            digits = min(told(self.con, sql, self.where, "cannot be read").fetchall()[0][0] or 0, 38)
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
            return told(self.con, sql, self.where, self.failed).to_arrow_table()

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
        found = told(self.con, sql, self.where, self.failed).fetchall()[0]
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
        return f"{self.where}: {_placed(self.con, self.text.files, self.text.by_file, position)}"


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
