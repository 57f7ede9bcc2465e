"""What a SELECT gives as a source: the user's own, or one of Parquet files, whose types have to agree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ballast.errors import DataError
from ballast.given.kinds import holds_cut, refuse_finer, selected
from ballast.orchestration.plan.partitions import Split
from ballast.orchestration.read.files import Files, is_remote
from ballast.orchestration.read.folders import with_rows_of
from ballast.orchestration.read.footers import folder_keys, footers, parquet_call
from ballast.orchestration.read.query import executed, parquet_files
from ballast.orchestration.read.reading import Source
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.names import literal
from ballast.words import listed


@dataclass(kw_only=True)
class Query(Source):
    """What a SELECT gives: the user's own, or one of the Parquet files of a path."""

    sql: str = ""
    own: str = ""
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
        return executed(self.con, sql, self.where, self.failed, self.own)

    def hint(self, name: str) -> pa.DataType | None:
        return (self.hints or {}).get(name)

    def _rows(self, columns: Sequence[str] | None) -> str:
        wanted = self._kinds if columns is None else columns
        return f"SELECT {', '.join(selected(n, self._kinds[n], self.where) for n in wanted)} FROM ({self.sql})"

    def place(self, name: str, position: int) -> str:
        if self.files is None:
            return f"{self.where}: row {position + 1} of the query"
        return f"{self.where}: {self._in_files(position)}"

    @property
    def by_file(self) -> Mapping[str, str]:
        names = self.files.names if self.files is not None else ()
        return {name: parquet_call(self.files.one(name), {}) for name in names if self.files is not None}


def parquet(
    con: duckdb.DuckDBPyConnection,
    files: Files,
    spec: DataSpec,
    wanted: Mapping[str, str],
    where: str,
    partition: Split | None = None,
) -> Query:
    """Gives Parquet files as a source, whose columns have one type each; DataError where one has none.

    `wanted` are the columns' types in the training rows, where another role is read. Files whose folders say that they
    have no rows of a `partition` are not opened, but for the first.
    """
    keys = folder_keys(con, files, where) if spec.hive else {}
    some = files if partition is None else with_rows_of(con, files, partition, keys, where)
    seen = footers(con, some, keys, wanted, where)
    made = Query(
        con=con, spec=spec, where=where, sql=seen.sql, files=some, everywhere=files.names, hints=seen.hints,
        absent=seen.absent, told=seen.told,
    )  # fmt: skip
    kept = {name: kind for name, kind in made.kinds.items() if name not in spec.drop}
    made.told = {**seen.told, **_nanoseconds(con, some, kept, where, by_name=True)}
    return made


def _nanoseconds(
    con: duckdb.DuckDBPyConnection, files: Files, kinds: Mapping[str, str], where: str, *, by_name: bool
) -> dict[str, str]:
    """Gives the columns of whose times DuckDB cuts nanoseconds where nobody looks whether it loses some, each with why.

    Those are the columns at an address, and, unless columns come `by_name`, all times of a query that has none of the
    name. Raises DataError for times in other files that it would change.
    """
    told = {}
    for name in files.names:
        cut = _cut_remote(con, files, name, where) if is_remote(name) else _cut(name)
        others = [] if by_name else [n for n, kind in kinds.items() if _TIME.search(kind) and n not in cut]
        for column, kind in cut.items():
            shown = [column] if column in kinds else others
            finer = None if is_remote(name) or not shown else _finer(files, name, column, where)
            if finer is not None and column in kinds:
                raise finer
            if finer is None and not is_remote(name):
                continue
            why = f"converted: {kind} of column {column!r} in {files.shown(name)!r} to microseconds"
            told = dict.fromkeys(shown, why) | told
    return told


_TIME = re.compile(r"(?<!WITH )\bTIME\b|WITH TIME ZONE")


def _cut(name: str) -> dict[str, str]:
    """Gives the columns of a file with times that DuckDB cuts, and their types."""
    try:
        with pq.ParquetFile(name) as file:
            return {field.name: str(field.type) for field in file.schema_arrow if holds_cut(field.type)}
    except (pa.ArrowException, OSError):  # not a type of Arrow's: DuckDB says what it makes of the file
        return {}


def _cut_remote(con: duckdb.DuckDBPyConnection, files: Files, name: str, where: str) -> dict[str, str]:
    sql = f"SELECT name, num_children, logical_type FROM parquet_schema({literal(name)})"
    rows = executed(con, sql, where, f"cannot read {files.shown(name)!r}").fetchall()
    found, left, column = {}, 0, ""
    for part, children, kind in rows[1:]:
        if not left:
            column, left = part, 1
        left += (children or 0) - 1
        if kind is not None and "NANOS=N" in kind and (kind.startswith("TimeType") or "isAdjustedToUTC=1" in kind):
            found[column] = "time64[ns]" if kind.startswith("TimeType") else "timestamp[ns, tz=UTC]"
    return found


def _finer(files: Files, name: str, column: str, where: str) -> DataError | None:
    """Gives the error of a column that holds nanoseconds."""
    try:
        with pq.ParquetFile(name) as file:
            for batch in file.iter_batches(columns=[column]):
                refuse_finer(column, batch.column(column), f"{where}: {files.shown(name)!r}")
    except DataError as error:
        return error
    return None


def asked(con: duckdb.DuckDBPyConnection, spec: DataSpec, sql: str, where: str, folder: Path) -> Query:
    """Gives what a query gives as a source; DataError for a Parquet file of whose times it would cut nanoseconds."""
    made = Query(con=con, spec=spec, where=where, sql=sql, own=spec.query or "")
    if any(_TIME.search(kind) for kind in made.kinds.values()):
        named = parquet_files(con, sql)
        local = con.execute("SELECT file FROM glob(?::VARCHAR[])", [[n for n in named if not is_remote(n)]]).fetchall()
        there = [*filter(is_remote, named), *(name for (name,) in local)]
        files = Files("parquet", tuple(there), folder.absolute())
        made.told = _nanoseconds(con, files, made.kinds, where, by_name=False)
    return made
