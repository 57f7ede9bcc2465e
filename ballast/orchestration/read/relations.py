"""What a SELECT gives as a source: the user's own, or one of Parquet files, whose types have to agree."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ballast.errors import DataError
from ballast.orchestration.read import dialect
from ballast.orchestration.read.files import Files, is_remote
from ballast.orchestration.read.kinds import holds_cut, refuse_finer, selected
from ballast.orchestration.read.query import executed
from ballast.orchestration.read.reading import Source, placed
from ballast.orchestration.spec.pipeline import DataSpec
from ballast.warehouse.names import quoted
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
    _refuse_nanoseconds(files, spec, where)
    sql = f"FROM {_parquet(files, spec)}"
    return Query(con=con, spec=spec, where=where, sql=sql, files=files, hints=_hints(con, files, where))


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
    for field in schema:
        if pa.types.is_decimal256(field.type) and field.type.precision > 38:
            raise DataError(
                f"{where}: column {field.name!r} of {files.shown(files.names[0])!r} is {field.type}: more than 38 "
                "digits are not kept; make it text"
            )
    return {field.name: field.type for field in schema}


def _refuse_nanoseconds(files: Files, spec: DataSpec, where: str) -> None:
    """Raises DataError for times that DuckDB would cut to microseconds; a file at an address is not looked at."""
    for name in files.names:
        if is_remote(name):
            continue
        try:
            with pq.ParquetFile(name) as file:
                cut = [f.name for f in file.schema_arrow if holds_cut(f.type) and f.name not in spec.drop]
                for batch in file.iter_batches(columns=cut) if cut else ():
                    for column in cut:
                        refuse_finer(column, batch.column(column), f"{where}: {files.shown(name)!r}")
        except (pa.ArrowException, OSError):  # not a type of Arrow's: DuckDB says what it makes of the file
            continue
