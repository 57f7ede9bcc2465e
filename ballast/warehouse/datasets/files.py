"""Rows as a file: Parquet, Arrow or CSV by its suffix, whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from ballast.errors import BallastError, DataError
from ballast.files import whole
from ballast.warehouse.datasets.dataset import Dataset
from ballast.words import listed

_MARK = b"ballast"  # the key in a file's metadata that says which step it is of


class DataFileError(BallastError, OSError):
    """Rows cannot be written to a file."""


@dataclass(frozen=True)
class _Kind:
    """A format: how it is written, whether a file is one that may be replaced, and what it makes of types."""

    write: Callable[[pa.Table, Path], Any]
    is_ours: Callable[[Path, pa.Table], bool]
    types: Callable[[Path], pa.Schema] | None = None
    fitted: Callable[[pa.Table], tuple[pa.Table, list[str]]] = lambda table: (table, [])


def is_file(path: str | Path) -> bool:
    """Says whether a name ends as that of a file of rows does; a model goes into a folder."""
    return Path(path).suffix.lower() in _KINDS


def write(dataset: Dataset, path: str | Path) -> list[str]:
    """Writes a dataset's rows to a file and gives what it does not hold of them, a line each.

    Types survive in ``.parquet``, ``.arrow`` and ``.feather``. A file that Ballast wrote (a CSV: one of the same
    columns) is replaced.

    Raises
    ------
    DataFileError
        The file is there and something else, or cannot be written.
    DataError
        The suffix is none of these, or a column is more than the format can hold.
    """
    path = Path(path).expanduser().absolute()
    if (kind := _KINDS.get(path.suffix.lower())) is None:
        raise DataError(f"{path.name} ends in none of {listed(_KINDS)}, by which the format is chosen")
    about = {"name": dataset.name, "version": dataset.version, "partition": dataset.partition}
    mark = {_MARK: json.dumps(about), **({b"notes": json.dumps(dataset.notes)} if dataset.notes else {})}
    bare = pa.schema([field.remove_metadata() for field in dataset.arrow.schema])
    table, told = kind.fitted(pa.table(dataset.arrow.columns, schema=bare))
    if path.exists() and not (path.is_file() and kind.is_ours(path, table)):
        raise DataFileError(f"{path} is there and is not of `ballast export`; name another file, or remove it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as fresh:
            kind.write(table.replace_schema_metadata(mark), fresh)
            told += _changed(bare, kind.types(fresh)) if kind.types is not None else []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path.name} cannot hold the rows of {dataset.name}: {error}; write .arrow") from error
    except OSError as error:
        raise DataFileError(f"cannot write {path}: {error}; check the folder and the room on it") from error
    return told


def _changed(before: pa.Schema, after: pa.Schema) -> list[str]:
    """Gives the columns whose type a file holds as another."""
    pairs = ((field, after.field(field.name).type) for field in before)
    found = [f"{field.name} ({field.type} as {there})" for field, there in pairs if field.type != there]
    return [f"the file holds {listed(found)}; .arrow keeps these types"] if found else []


def _marked(schema: Callable[[Path], pa.Schema]) -> Callable[[Path, pa.Table], bool]:
    def is_ours(path: Path, _: pa.Table) -> bool:
        try:
            return _MARK in (schema(path).metadata or {})
        except (pa.ArrowInvalid, OSError):
            return False

    return is_ours


def _arrow_types(path: Path) -> pa.Schema:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).schema


# -- CSV ---------------------------------------------------------------------------------------------------------


def _as_text(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Gives a table as CSV can hold it, and what of it is text there, or not told apart."""
    columns: dict[str, Any] = {}
    texts, alike = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
            values = [None if v is None else _json(v) for v in column.to_pylist()]
            column = pa.chunked_array([pa.array(values, pa.string())])
        if _is_bytes(column.type):
            raise DataError(f"CSV cannot hold column {name!r} ({kind}), which is bytes; write .parquet or .arrow")
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or _is_text(kind) or pa.types.is_boolean(kind)):
            texts.append(f"{name} ({kind})")
        if _is_text(column.type) and column.null_count and "" in column.unique().to_pylist():
            alike.append(name)
        columns[name] = column
    told = [f"CSV holds no types: {listed(texts)} are text there; .parquet and .arrow keep them"] if texts else []
    if alike:
        told.append(f'in {listed(alike)} an empty text is "" and a missing value nothing, which many readers mix up')
    return pa.table(columns), told


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False).strip('"')


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _has_header(path: Path, table: pa.Table) -> bool:
    """Says whether a file begins with the names of a table's columns, as a CSV of the same step does."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), None) == table.column_names
    except (OSError, ValueError, csv.Error):
        return False


_ARROW = _Kind(pyarrow.feather.write_feather, _marked(_arrow_types))
_KINDS = {
    ".parquet": _Kind(pyarrow.parquet.write_table, _marked(pyarrow.parquet.read_schema), pyarrow.parquet.read_schema),
    ".csv": _Kind(pyarrow.csv.write_csv, _has_header, fitted=_as_text),
    ".arrow": _ARROW,
    ".feather": _ARROW,
}
