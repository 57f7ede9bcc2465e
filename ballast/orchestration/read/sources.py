"""Reads the raw rows of a data role, from wherever the spec says, and checks them against it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ballast.errors import DataError, nearest
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.spec.pipeline import DataSpec
from ballast.words import listed, one_line

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".parquet": "read_parquet",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
COLUMN_KEYS = ("id", "label", "groups", "time", "treatment", "outcome", "observed", "true_weight")


def read_source(spec: DataSpec, *, where: str, folder: Path, given: Any = None) -> pd.DataFrame:
    """Gives the rows of a data role as a DataFrame whose columns are those the spec names, and more.

    `where` ("pipelines/x/defs.yaml: data.train") opens every message; relative paths start from `folder`;
    `given` is the value of the Dagster asset where the source is one.

    Raises DataError for a source that is missing, unreadable, empty, or lacks a column that the spec names.
    """
    if spec.path:
        table = read_path(spec.path, f"{where}.path", folder)
    elif spec.query:
        table = _read_query(spec.query, spec.database, f"{where}.query", folder)
    elif spec.loader:
        table = _as_frame(_call(spec.loader, spec.params, f"{where}.loader"), f"{where}.loader")
    else:
        table = _as_frame(given, f"{where}.asset")
    if len(table) == 0:
        raise DataError(
            f"{where}: the source is empty (0 rows, columns {listed(table.columns, most=12)}); check what feeds it"
        )
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique()
        raise DataError(f"{where}: columns occur more than once: {listed(twice)}; rename them")
    table = table.rename(columns=str)
    for key in COLUMN_KEYS:
        _check_column(table, getattr(spec, key), f"{where}.{key}")
    for name in spec.drop:
        _check_column(table, name, f"{where}.drop")
    return table


def read_role(
    plan: Plan,
    node: Node,
    *,
    folder: Path,
    partition: Partition | None,
    spec: DataSpec | None = None,
    given: Any = None,
) -> pd.DataFrame:
    """Gives the rows of a source's data role as ``read_source`` does, those of the partition where it is split.

    `spec` stands in for the role's own.
    """
    where = f"{plan.where}: data.{node.name}"
    table = read_source(spec or plan.spec.data[node.name], where=where, folder=folder, given=given)
    if node.partitioned and partition is not None and plan.spec.partitions is not None:
        return partition.rows(table, plan.spec.partitions, where)
    return table


def _check_column(table: pd.DataFrame, name: str | None, where: str) -> None:
    if name is not None and name not in table:
        raise DataError(
            f"{where}: column {name!r} is not among the {table.shape[1]} columns of the {len(table)} rows"
            f"{nearest(name, table.columns)} (columns: {listed(table.columns, most=12)})"
        )


def feature_columns(spec: DataSpec, columns: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """Gives the columns that describe a row: all but id, label, the other declared ones, those dropped and `others`."""
    declared = {getattr(spec, key) for key in COLUMN_KEYS} | {*spec.drop, *others}
    return [c for c in columns if c not in declared]


def read_path(path: str, where: str, folder: Path) -> pd.DataFrame:
    """Gives the rows of a CSV, Parquet or JSON file, or of all that a glob names; DataError where that fails."""
    import duckdb

    try:
        full = _located(path, folder)
        is_glob = any(c in path for c in "*?[")
        missing = not (any(full.parent.glob(full.name)) if is_glob and "**" not in path else full.exists() or is_glob)
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, no such home folder
        raise DataError(f"{where}: {one_line(repr(path), 120)} is not a path: {one_line(str(error), 120)}") from error
    suffixes = [s.lower() for s in full.suffixes if s.lower() not in (".gz", ".zst")]
    reader = _READERS.get(suffixes[-1] if suffixes else "")
    if reader is None:
        raise DataError(f"{where}: {path!r} has no ending that says its format (known: {', '.join(_READERS)})")
    if missing:
        what = "no file matches" if is_glob else "there is no file"
        raise DataError(f"{where}: {what} {path!r} (looked in {full.parent}); correct the path")
    if not is_glob and not (full.is_file() or full.is_dir()):
        raise DataError(f"{where}: {path!r} is a pipe or a device, not a file; write the rows into one first")
    try:
        with duckdb.connect() as connection:
            return connection.execute(f"SELECT * FROM {reader}(?)", [str(full)]).df()
    except duckdb.Error as error:
        raise DataError(f"{where}: cannot read {path!r}: {_first_lines(error)}") from error


def _located(path: str, folder: Path) -> Path:
    """Gives a path as it is, or from `folder` on where it is relative; ``~`` is the user's home."""
    return folder / Path(path).expanduser()


def _read_query(query: str, database: str | None, where: str, folder: Path) -> pd.DataFrame:
    import duckdb

    try:
        target = ":memory:" if database is None else str(_located(database, folder))
        missing = database is not None and not Path(target).exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where}: `database:` is not a path: {one_line(str(error), 120)}") from error
    if missing:
        raise DataError(f"{where}: there is no database {database!r} (looked for {target}); correct `database:`")
    try:
        with duckdb.connect(target, read_only=database is not None) as connection:
            return connection.execute(query).df()
    except duckdb.Error as error:
        raise DataError(f"{where}: the query failed: {_first_lines(error)}") from error


def _call(path: str, parameters: dict[str, Any], where: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a module of the user's may raise or do anything
        shown_error = one_line(f"{type(error).__name__}: {error}", 250)
        raise DataError(
            f"{where}: cannot import {one_line(repr(path), 120)}: {shown_error}; give it as package.module.function"
        ) from error
    try:
        return function(**parameters)
    except Exception as error:
        raise DataError(f"{where}: {path} failed: {type(error).__name__}: {error}") from error


def _as_frame(value: Any, where: str) -> pd.DataFrame:
    for convert in ("to_pandas", "df"):
        if not isinstance(value, pd.DataFrame) and callable(getattr(value, convert, None)):
            value = getattr(value, convert)()
    if not isinstance(value, pd.DataFrame):
        raise DataError(
            f"{where}: a table is needed (pandas, Polars, Arrow or a DuckDB relation), got {type(value).__name__}"
        )
    return value.reset_index(drop=True)


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).strip().splitlines()[:3])
