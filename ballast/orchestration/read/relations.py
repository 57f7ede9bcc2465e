"""What a SELECT gives as a source: the user's own, or one of Parquet files, whose types have to agree."""

from __future__ import annotations

import base64
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
from ballast.orchestration.read import dialect
from ballast.orchestration.read.files import Files, is_remote
from ballast.orchestration.read.query import executed, parquet_files
from ballast.orchestration.read.reading import Source, placed
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.names import literal, quoted
from ballast.words import listed


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
        return executed(self.con, sql, self.where, self.failed, self.own)

    def hint(self, name: str) -> pa.DataType | None:
        return (self.hints or {}).get(name)

    def _rows(self, columns: Sequence[str] | None) -> str:
        wanted = self._kinds if columns is None else columns
        return f"SELECT {', '.join(selected(n, self._kinds[n], self.where) for n in wanted)} FROM ({self.sql})"

    def place(self, name: str, position: int) -> str:
        if self.files is None:
            return f"{self.where}: row {position + 1} of the query"
        return f"{self.where}: {placed(self.con, self.files, _parquet_of(self.files, self.spec), position)}"


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
            rows = executed(con, f"DESCRIBE FROM {call}", where, f"cannot read {files.shown(name)!r}").fetchall()
            described[name] = {column: kind for column, kind, *_ in rows}
        dialect.same_columns(files, described, where)
        for column in described[files.names[0]]:
            _common_type(con, files, {name: kinds[column] for name, kinds in described.items()}, column, where)
    _refuse_same_names(con, files, where)
    sql = f"FROM {_parquet(files, spec)}"
    made = Query(con=con, spec=spec, where=where, sql=sql, files=files, hints=_hints(con, files, where))
    kept = {name: kind for name, kind in made.kinds.items() if name not in spec.drop}
    made.told = _nanoseconds(con, files, kept, where, by_name=True)
    return made


def _refuse_same_names(con: duckdb.DuckDBPyConnection, files: Files, where: str) -> None:
    """Raises DataError for columns that differ in capitals alone, which DuckDB would give other names."""
    first = files.one(files.names[0])
    what = f"cannot read {files.shown(first.names[0])!r}"
    there = {
        n for (n,) in executed(con, f"SELECT name FROM parquet_schema({first.listing[1:-1]})", where, what).fetchall()
    }
    described = executed(con, f"DESCRIBE FROM read_parquet({first.listing}, hive_partitioning = false)", where, what)
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
            largest = executed(con, sql, where, f"cannot read {files.shown(name)!r}").fetchall()[0][0]
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
    """Gives the Arrow types of the columns, where a Parquet file remembers them."""
    first = files.one(files.names[0])
    sql = f"SELECT value FROM parquet_kv_metadata({first.listing[1:-1]}) WHERE key = 'ARROW:schema'"
    rows = executed(con, sql, where, f"cannot read {files.shown(files.names[0])!r}").fetchall()
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(rows[0][0]))) if rows else pa.schema([])
    for column in schema:
        if pa.types.is_decimal256(column.type) and column.type.precision > 38:
            raise DataError(
                f"{where}: column {column.name!r} of {files.shown(files.names[0])!r} is {column.type}: more than 38 "
                "digits are not kept; make it text"
            )
    return {column.name: column.type for column in schema}


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
