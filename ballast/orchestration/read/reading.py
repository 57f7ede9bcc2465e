"""Sources that are open for reading: their columns and types, and their rows, all or those of a partition."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from ballast.errors import DataError, nearest
from ballast.given.kinds import pc
from ballast.given.kinds import said as said_kind
from ballast.orchestration.plan.partitions import Split
from ballast.orchestration.read import dialect
from ballast.orchestration.read.files import Files
from ballast.orchestration.read.query import executed
from ballast.orchestration.read.sniff import Typed, guessed, kind_of, widened
from ballast.orchestration.read.text import Written
from ballast.orchestration.read.words import in_duckdb
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.names import literal, quoted
from ballast.words import in_words, listed

BATCH = 131_072
"""Rows of a batch."""

_DOUBTFUL, _ROW = "_ballast_doubtful", "_ballast_row"


@dataclass(kw_only=True)
class Source(ABC):
    """A source that is open; `where` ("defs.yaml: data.train") opens every message.

    `told` is what becomes of columns that are not read as they are, for the run's end and the report to say, and
    `absent` the files without a column, by the columns that not every file has: their rows have no value there.
    `files` are those that are read, and `everywhere` the names of all that there are, of any partition.
    """

    con: duckdb.DuckDBPyConnection
    spec: DataSpec
    where: str
    told: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Files | None = None
    everywhere: Sequence[str] = ()

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
        """Gives the Arrow type that a column has in its file, which DuckDB may read as another."""
        return None

    @property
    def is_whole(self) -> bool:
        """Whether all files are read, of whatever partition."""
        return self.files is None or len(self.files.names) == len(self.everywhere)

    @property
    def by_file(self) -> Mapping[str, str]:
        """The SQL of the rows of each file, in the order of the files; none of what is not read from files."""
        return {}

    def rows_of(self, file: str) -> int:
        return self._executed(f"SELECT count(*) FROM {self.by_file[file]}").fetchall()[0][0]

    def counts(self, column: str, conditions: Sequence[str], values: Sequence[str]) -> Sequence[int]:
        """Gives the number of rows, and of those that meet each condition on a column, whose values are bound."""
        keys = f"SELECT {quoted(column)}, count(*) AS n FROM ({self._rows([column])}) GROUP BY 1"
        counted = ", ".join(f"coalesce(sum(n){met}, 0)" for met in ["", *(f" FILTER (WHERE {c})" for c in conditions)])
        return self._executed(f"SELECT {counted} FROM ({keys})", values).fetchall()[0]

    def _in_files(self, position: int) -> str:
        """Gives the file and row of a position in all files' rows."""
        assert self.files is not None
        for name in self.by_file:
            count = self.rows_of(name)
            if position < count:
                return f"{self.files.shown(name)!r}, row {position + 1}"
            position -= count
        return f"row {position + 1}"

    @property
    def query(self) -> str:
        """The user's own SQL, whose text is kept out of messages."""
        return ""

    def raw(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.Table:
        """Gives the rows as DuckDB's Arrow has them, those of a partition where one is given."""
        return self._run(columns, partition).to_arrow_table()

    def raw_batches(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.RecordBatchReader:
        """Gives what ``raw`` does, a batch at a time; the source must stay open meanwhile."""
        return self.as_read(columns, partition)

    def as_read(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.RecordBatchReader:
        """Gives what ``raw_batches`` does, whether or not every text is a value of its column's type."""
        return self._run(columns, partition).to_arrow_reader(BATCH)

    def empty(self) -> pa.Table:
        """Gives the columns without their rows."""
        return self._executed(f"FROM ({self._rows(None)}) LIMIT 0").to_arrow_table()

    def _run(self, columns: Sequence[str] | None, partition: Split | None) -> Any:
        if partition is None:
            return self._executed(self._rows(columns))
        wanted = list(self.kinds if columns is None else columns)
        within = self._rows(list(dict.fromkeys([*wanted, *partition])))
        condition, values = self._condition(partition)
        return self._executed(f"SELECT {', '.join(map(quoted, wanted))} FROM ({within}) WHERE {condition}", values)

    def _executed(self, sql: str, values: Sequence[str] = ()) -> Any:
        return executed(self.con, sql, self.where, self.failed, self.query, values)

    failed = "it cannot be read"

    def _condition(self, partition: Split, sql: Callable[[str], str] = quoted) -> tuple[str, list[str]]:
        """Gives the SQL of whether a row is of a partition, and its values; `sql` gives that of a column."""
        conditions, values = [], []
        for column, part in partition.items():
            if column not in self.kinds:
                raise DataError(
                    f"{self.where}: the partition column {column!r} is missing{nearest(column, self.kinds)} "
                    f"(columns: {listed(self.kinds, most=12)})"
                )
            condition, bound = part.condition(sql(column), self.kinds[column], self.where)
            conditions.append(f"({condition})")
            values += bound
        return " AND ".join(conditions), values

    def without_rows(self, partition: Split | None, columns: Iterable[str]) -> DataError:
        """Gives the error of a source without rows, or of a partition that no row is of."""
        if partition is None:
            return DataError(
                f"{self.where}: the source is empty (0 rows, columns {listed(columns, most=12)}); check what feeds it, "
                "or allow it with the gate `expect_row_count_at_least: {rows: 0}`"
            )
        for column, part in partition.items():
            if len(partition) == 1 or not len(self.raw([column], {column: part})):
                return self._without_key(column, part.key)
        both = in_words(f"{part.key!r} in column {column!r}" for column, part in partition.items())
        return DataError(f"{self.where}: the partition has no rows: there are some with either, but none with {both}")

    def _without_key(self, column: str, key: str) -> DataError:
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
        self.files, self.absent = self.text.files, self.text.absent

    def _explicit(self, name: str) -> str:
        word, digits = self.spec.types[name], 0
        if word == "decimal":
            point = literal(self.spec.options.get("decimal", "."))
            sql = f"SELECT max(length(split_part({quoted(name)}, {point}, 2))) FROM {self.text.sql}"
            digits = min(self._executed(sql).fetchall()[0][0] or 0, 38)
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
        values = ", ".join(f"{self._value(name)} AS {quoted(name)}" for name in names)
        return f"SELECT {values} FROM {self.text.together}"

    def _value(self, name: str) -> str:
        return self._typed.value(name, self.text.text(name))

    def raw(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.Table:
        names = list(self.text.names if columns is None else columns)
        if partition is not None:
            self._check_keys(partition)
        if self._typed.unseen.intersection(names):
            self.settle()
        table = self._flagged(names, partition)
        if table is None:
            self.settle()
            table = self._flagged(names, partition)
        if table is None:
            self._refuse(names, partition)
        assert table is not None
        return table

    def raw_batches(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.RecordBatchReader:
        self.settle()
        names = list(self.text.names if columns is None else columns)
        if partition is not None:
            self._check_keys(partition)
        if self._broken(names, partition):
            self._refuse(names, partition)
        return super().raw_batches(columns, partition)

    def _check_keys(self, partition: Split) -> None:
        """Makes sure of the types, which are those of all rows, and that every row is of some partition or of none."""
        self.settle()
        self._condition(partition)
        if self._broken([*partition]):
            self._refuse([*partition])

    def _flagged(self, names: Sequence[str], partition: Split | None) -> pa.Table | None:
        """Gives the rows; None where some text is not a value of its column's type.

        They are read file by file, for DuckDB mixes the rows of files that are read at once.
        """
        columns, checks = [], []
        quick = self._quick(names)
        for i, name in enumerate(names):
            text = quoted(name) if name in quick else self.text.text(name)
            columns.append(f"{text} AS t{i}, {self._typed.value(name, text)} AS v{i}")
            if name in quick:
                checks.append(self._typed.doubtful(name, f"t{i}", f"v{i}", self.text.missing[name]))
            else:
                checks.append(self._typed.unfit(name, f"t{i}", f"v{i}"))
        values = ", ".join(f"v{i} AS {quoted(name)}" for i, name in enumerate(names))
        doubt = f"CASE WHEN {' OR '.join(checks)} THEN true ELSE false END AS {_DOUBTFUL}"  # sooner done than the OR
        tables = []
        for written in self.text.written.values():
            rows, parameters = self._within(written, partition)
            sql = f"SELECT {values}, {doubt} FROM (SELECT {', '.join(columns)} FROM {rows})"
            tables.append(self._executed(sql, parameters).to_arrow_table())
        table = pa.concat_tables(tables)
        doubted = pc.any(table.column(_DOUBTFUL)).as_py()
        return None if doubted and self._broken(names, partition) else table.drop_columns([_DOUBTFUL])

    def _quick(self, names: Sequence[str]) -> set[str]:
        """Gives the columns that can be read before it is known where a value is missing, whose tokens are no value."""
        quick = [name for name in names if self._typed.is_quick(name)]
        values = {(name, self._typed.value(name, literal(t))) for name in quick for t in self.text.missing[name]}
        asked = sorted({value for _, value in values})
        if not asked:
            return set(quick)
        none = "coalesce(CAST({} AS VARCHAR), 'nan') = 'nan'"  # NaN is missing in any case
        answers = self._executed(f"SELECT {', '.join(map(none.format, asked))}").fetchall()[0]
        is_none = dict(zip(asked, answers, strict=True))
        return set(quick) - {name for name, value in values if not is_none[value]}

    def _within(self, written: str, partition: Split | None) -> tuple[str, list[str]]:
        """Gives the SQL of the rows of a partition, or all, and the parameters in it."""
        if partition is None:
            return written, []
        condition, parameters = self._condition(partition, self._value)
        return f"(FROM {written} WHERE {condition})", parameters

    def _broken(self, names: Sequence[str], partition: Split | None = None) -> list[str]:
        """Gives the columns in which some text is not a value of the column's type."""
        rows, parameters = self._within(self.text.together, partition)
        columns = [f"{self.text.text(name)} AS t{i}, {self._value(name)} AS v{i}" for i, name in enumerate(names)]
        checks = [f"bool_or({self._typed.unfit(name, f't{i}', f'v{i}')})" for i, name in enumerate(names)]
        sql = f"SELECT {', '.join(checks)} FROM (SELECT {', '.join(columns)} FROM {rows})"
        found = self._executed(sql, parameters).fetchall()[0]
        return [name for name, flag in zip(names, found, strict=True) if flag]

    @property
    def failed(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"cannot read {listed(map(self.text.files.shown, self.text.files.names), most=3)}"

    def _refuse(self, names: Sequence[str], partition: Split | None = None) -> None:
        """Raises DataError with the file, row and value of the first text that is not a value of its column's type."""
        name = self._broken(names, partition)[0]
        check = self._typed.unfit(name, "t", "v")
        count, first, value = 0, "", ""
        for file, written in self.text.written.items():
            rows, parameters = self._within(f"(SELECT row_number() OVER () AS {_ROW}, * FROM {written})", partition)
            columns = f"{_ROW}, {self.text.text(name)} AS t, {self._value(name)} AS v"
            sql = f"SELECT {_ROW}, t FROM (SELECT {columns} FROM {rows}) WHERE {check} ORDER BY 1"
            found = self._executed(sql, parameters).fetchall()
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
        return f"{self.where}: {self._in_files(position)}"

    @property
    def by_file(self) -> Mapping[str, str]:
        return self.text.written


@dataclass(kw_only=True)
class Given(Source):
    """The table of a loader or an asset."""

    table: pa.Table

    def __post_init__(self) -> None:
        self._described: dict[str, str] = dict.fromkeys(self.table.column_names, "")

    @property
    def kinds(self) -> Mapping[str, str]:
        return self._described

    def raw(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.Table:
        table = self.table
        if partition is not None:
            condition, values = self._condition(partition)
            sql = f"SELECT {condition} FROM ({self._rows([*partition])})"
            table = table.filter(self.con.execute(sql, values).to_arrow_table().column(0))
        return table if columns is None else table.select(list(columns))

    def raw_batches(self, columns: Sequence[str] | None = None, partition: Split | None = None) -> pa.RecordBatchReader:
        return self.raw(columns, partition).to_reader(BATCH)

    def _condition(self, partition: Split, sql: Callable[[str], str] = quoted) -> tuple[str, list[str]]:
        if there := [column for column in partition if column in self._described]:
            self.con.register("given", self.table.select(there))
            self._described |= {row[0]: row[1] for row in self.con.execute("DESCRIBE FROM given").fetchall()}
        return super()._condition(partition, sql)

    def _rows(self, columns: Sequence[str] | None) -> str:
        return "FROM given"

    def place(self, name: str, position: int) -> str:
        return f"{self.where}: row {position + 1}"
