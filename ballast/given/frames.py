"""Tables of loaders and assets, as Arrow: pandas, Polars, Arrow, or a DuckDB relation."""

from __future__ import annotations

import importlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd
import pyarrow as pa

from ballast.errors import DataError, LoaderError
from ballast.given.engine import said
from ballast.given.kinds import narrowed, selected
from ballast.warehouse.tables.objects import is_nested, unmasked
from ballast.words import listed, one_line


def function_at(path: str, where: str) -> Callable[..., Any]:
    """Gives the user's function at an import path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a module of the user's may raise or do anything
        shown_error = one_line(f"{type(error).__name__}: {error}", 250)
        raise DataError(
            f"{where}: cannot import {one_line(repr(path), 120)}: {shown_error}; give it as package.module.function"
        ) from error


def called(path: str, parameters: dict[str, Any], where: str) -> Any:
    """Gives what the user's function at an import path returns."""
    function = function_at(path, where)
    try:
        return function(**parameters)
    except Exception as error:
        raise LoaderError(f"{where}: {path} failed: {type(error).__name__}: {error}") from error


def as_arrow(value: Any, where: str) -> pa.Table:
    """Gives a table of any library as Arrow, without its index; DataError for anything else, and for mixed types."""
    if isinstance(value, pd.DataFrame):
        return _from_pandas(value, where)
    if value is None:
        raise DataError(
            f"{where}: there is no value: what makes it returns none (as with MaterializeResult), or its IO manager "
            "keeps none; say where the rows are with `query:` or `path:` beside `asset:`"
        )
    if isinstance(value, Mapping):
        return _of_partitions(value, where)
    if isinstance(value, pa.RecordBatch):
        value = pa.table(value)
    if type(value).__name__ == "LazyFrame" and type(value).__module__.startswith("polars."):
        try:
            value = value.collect()
        except Exception as error:  # of its many, and of the functions that it calls
            raise DataError(f"{where}: the LazyFrame cannot be collected: {one_line(str(error), 200)}") from error
    if type(value).__name__ == "DuckDBPyRelation":
        return _from_relation(value, where)
    if not isinstance(value, pa.Table):
        for convert in ("to_arrow", "to_arrow_table", "to_pandas"):
            if callable(getattr(value, convert, None)):
                made = _converted(value, convert, where)
                if isinstance(made, pa.Table | pd.DataFrame):
                    return as_arrow(made, where)
        if hasattr(value, "__arrow_c_stream__"):
            with suppress(pa.ArrowException):  # a stream of something else than rows
                return as_arrow(pa.table(value), where)
        lazy = "; collect it first" if callable(getattr(value, "collect", None)) else ""
        raise DataError(
            f"{where}: a table is needed (pandas, Polars, Arrow or a DuckDB relation), got {type(value).__name__}{lazy}"
        )
    _refuse_repeated(value.column_names, where)
    return value.replace_schema_metadata(None)


def _of_partitions(values: Mapping[Any, Any], where: str) -> pa.Table:
    """Gives the rows of several partitions of an asset, by their keys, one after another."""
    if not values:
        raise DataError(f"{where}: no partition was handed; make those of the asset first")
    tables = [as_arrow(value, f"{where}, partition {one_line(str(key), 80)}") for key, value in values.items()]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        why = one_line(str(error), 200)
        raise DataError(f"{where}: the {len(tables)} partitions have columns of different types: {why}") from error


def _converted(value: Any, convert: str, where: str) -> Any:
    """Gives what a table's own method makes of it; DataError with the column that it cannot make anything of."""
    kinds = dict(getattr(value, "schema", None) or {}) if type(value).__module__.startswith("polars.") else {}
    if objects := [name for name, kind in kinds.items() if str(kind) == "Object"]:
        raise DataError(f"{where}: column {objects[0]!r} holds Python objects; write them as numbers, times or text")
    try:
        return getattr(value, convert)()
    except Exception as error:
        name = next((f"column {n!r} is {kind}, which" for n, kind in kinds.items() if _fails(value, n)), "the table")
        why = one_line(str(error), 120)
        raise DataError(f"{where}: {name} cannot be brought to Arrow; give it another type: {why}") from error


def _fails(frame: Any, name: str) -> bool:
    try:
        frame.select(name).to_arrow()
    except Exception:
        return True
    return False


def _from_relation(relation: Any, where: str) -> pa.Table:
    import duckdb

    _refuse_repeated(relation.columns, where)
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    columns = {name: selected(name, kind, where) for name, kind in kinds.items()}
    try:
        table = relation.project(", ".join(columns.values())).to_arrow_table()
    except duckdb.Error as error:
        of_any = (f"column {name!r}" for name in columns if _is_refused(relation, columns[name]))
        raise DataError(f"{where}: {next(of_any, 'the relation')} cannot be read: {said(error, '')}") from error
    whole = {name: table[name] for name, kind in kinds.items() if kind in ("HUGEINT", "UHUGEINT")}
    return pa.table({name: narrowed(name, table[name], where) if name in whole else table[name] for name in kinds})


def _is_refused(relation: Any, column: str) -> bool:
    import duckdb

    try:
        relation.project(column).to_arrow_table()
    except duckdb.Error:
        return True
    return False


def _from_pandas(frame: pd.DataFrame, where: str) -> pa.Table:
    names = [str(name) for name in frame.columns]
    _refuse_repeated(names, where)
    return pa.table({name: _column(frame.iloc[:, i], name, where) for i, name in enumerate(names)})


def _refuse_repeated(names: list[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{where}: columns occur more than once: {listed(twice)}; rename them")


def _column(series: pd.Series, name: str, where: str) -> pa.Array | pa.ChunkedArray:
    if series.dtype == object and any(map(is_nested, series)):
        series = pd.Series([unmasked(value) for value in series], dtype=object, index=series.index)
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
        made = _of_objects(series)
        if made is not None:
            return made
        kinds = listed(dict.fromkeys(_examples(series)))
        raise DataError(
            f"{where}: column {name!r} mixes types or holds objects ({kinds}); give it one type, for example with "
            f"frame.astype: {one_line(str(error), 120)}"
        ) from error


def _of_objects(series: pd.Series) -> pa.Array | None:
    """Gives UUIDs as text, integers beyond 64 bits as decimals, beyond 38 digits as text; None of anything else."""
    there = series.dropna()
    kinds = set(map(type, there))
    values = [None if missing else value for value, missing in zip(series, series.isna(), strict=True)]
    if kinds == {uuid.UUID}:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    if kinds == {int}:
        wide = max(map(abs, there)) >= 10**38
        return (
            pa.array([None if v is None else str(v) for v in values])
            if wide
            else pa.array(values, pa.decimal128(38, 0))
        )
    return None


def _examples(series: pd.Series) -> Iterator[str]:
    seen: set[type] = set()
    for value in series.dropna():
        if type(value) not in seen:
            seen.add(type(value))
            yield f"{type(value).__name__} such as {one_line(repr(value), 60)}"
