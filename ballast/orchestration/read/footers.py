"""What the footers of Parquet files say of their columns, and the type of each that holds the values of all files."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby

import duckdb
import pyarrow as pa

from ballast.errors import DataError
from ballast.given.kinds import holds_duration
from ballast.orchestration.read.files import Files
from ballast.orchestration.read.folders import keys_of
from ballast.orchestration.read.query import executed
from ballast.orchestration.read.united import united
from ballast.warehouse.names import literal, quoted
from ballast.words import in_words, listed

_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}
_WHOLE = {*_BITS, *_UNSIGNED}
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20, 128: 38}
_FLOATS = {"FLOAT", "DOUBLE"}
_MOMENTS = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS")
_TEXTS = {"VARCHAR", "UUID", "JSON"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass(frozen=True)
class Footers:
    """Parquet files as one table.

    Attributes
    ----------
    sql : the SQL of all their rows, in the order of the files.
    absent : the files without a column, by the columns that not every file has.
    hints : the types of Arrow of the columns that are durations, or hold some, where the files remember it.
    told : the columns of which some files have another type, each with why.
    """

    sql: str
    absent: Mapping[str, tuple[str, ...]]
    hints: Mapping[str, pa.DataType]
    told: Mapping[str, str]


@dataclass(frozen=True)
class _Kind:
    """A column's type in DuckDB, and its type in Arrow where durations tell it from whole numbers."""

    sql: str
    arrow: pa.DataType | None = None

    def __str__(self) -> str:
        return self.sql if self.arrow is None else str(self.arrow)


def footers(
    con: duckdb.DuckDBPyConnection, files: Files, keys: Mapping[str, str], wanted: Mapping[str, str], where: str
) -> Footers:
    """Gives Parquet files as one table; DataError where no type of a column holds its values in all of them.

    `keys` are the columns that the folders' names make, each with its type, and `wanted` the columns' types in the
    training rows, where another role is read.
    """
    described = {name: _described(con, files.one(name), where) for name in files.names}
    _refuse_same_names(con, files, described, where)
    hints = _hints(con, files, where)
    kinds = {
        file: {name: _Kind(kind, _with_duration(hints[file].get(name))) for name, kind in columns.items()}
        for file, columns in described.items()
    }
    columns = united(files, {file: list(found) for file, found in kinds.items()}, where)
    kept, told = {}, {}
    for column in columns.names:
        if column not in keys:  # which stands in the folder's name as well, and that counts
            by_file = {file: found[column] for file, found in kinds.items() if column in found}
            kept[column], others = _common(con, files, by_file, column, wanted.get(column, ""), where)
            told |= {column: f"converted: {others} to {kept[column]}"} if others else {}
    absent = {name: without for name, without in columns.absent.items() if name in kept}
    durations = {name: kind.arrow for name, kind in kept.items() if kind.arrow is not None}
    return Footers(_together(files, kinds, kept, keys), absent, durations, told)


def parquet_call(files: Files, keys: Mapping[str, str]) -> str:
    """Gives the SQL of some files' rows; `keys` are the columns that their folders' names make, each with its type."""
    union = ", union_by_name = true" if len(files.names) > 1 else ""
    typed = ", ".join(f"{literal(key)}: {kind}" for key, kind in keys.items())
    hive = f"true, hive_types = {{{typed}}}" if keys else "false"
    return f"read_parquet({files.listing}{union}, hive_partitioning = {hive})"


def _described(con: duckdb.DuckDBPyConnection, file: Files, where: str) -> dict[str, str]:
    what = f"cannot read {file.shown(file.names[0])!r}"
    rows = executed(con, f"DESCRIBE FROM {parquet_call(file, {})}", where, what).fetchall()
    return {name: kind for name, kind, *_ in rows}


def _refuse_same_names(
    con: duckdb.DuckDBPyConnection, files: Files, described: Mapping[str, Mapping[str, str]], where: str
) -> None:
    """Raises DataError for columns of a file that differ in capitals alone, which DuckDB gives other names."""
    sql = f"SELECT file_name, list(name) FROM parquet_schema({files.listing}) GROUP BY 1"
    there = dict(executed(con, sql, where, "cannot read the files").fetchall())
    for file, columns in described.items():
        if renamed := [name for name in columns if name not in there[file]]:
            raise DataError(
                f"{where}: columns of {files.shown(file)!r} have the same name in SQL, which ignores case "
                f"({listed(renamed)} would be new names); rename them"
            )


def _hints(con: duckdb.DuckDBPyConnection, files: Files, where: str) -> dict[str, dict[str, pa.DataType]]:
    """Gives the Arrow types of the columns, by file, of the files that remember them."""
    sql = f"SELECT file_name, value FROM parquet_kv_metadata({files.listing}) WHERE key = 'ARROW:schema'"
    rows = executed(con, sql, where, "cannot read the files").fetchall()
    found: dict[str, dict[str, pa.DataType]] = {name: {} for name in files.names}
    for file, value in rows:
        for column in pa.ipc.read_schema(pa.py_buffer(base64.b64decode(value))):
            if pa.types.is_decimal256(column.type) and column.type.precision > 38:
                raise DataError(
                    f"{where}: column {column.name!r} of {files.shown(file)!r} is {column.type}: more than 38 digits "
                    "are not kept; make it text"
                )
            found[file][column.name] = column.type
    return found


def _with_duration(kind: pa.DataType | None) -> pa.DataType | None:
    return kind if kind is not None and holds_duration(kind) else None


def folder_keys(con: duckdb.DuckDBPyConnection, files: Files, where: str) -> dict[str, str]:
    """Gives the columns that the folders' names make, and DuckDB's types of them over all files."""
    call = f"read_parquet({files.listing}, hive_partitioning = true)"
    described = executed(con, f"DESCRIBE FROM {call}", where, "cannot read the files").fetchall()
    named = keys_of(files.names[0])
    return {name: kind for name, kind, *_ in described if name in named}


def _together(
    files: Files, kinds: Mapping[str, Mapping[str, _Kind]], kept: Mapping[str, _Kind], keys: Mapping[str, str]
) -> str:
    """Gives the SQL of all files' rows in their order, every column in its type, and blank where a file lacks it."""

    def of_some(names: Sequence[str]) -> str:
        there, columns = kinds[names[0]], []
        for name, kind in kept.items():
            if name in there and there[name].sql == kind.sql:
                columns.append(quoted(name))
            else:
                value = quoted(name) if name in there else "NULL"
                columns.append(f"CAST({value} AS {kind.sql}) AS {quoted(name)}")
        call = parquet_call(Files(files.format, tuple(names), files.folder), keys)
        return f"SELECT {', '.join([*columns, *map(quoted, keys)])} FROM {call}"

    runs = groupby(files.names, key=lambda name: {column: kind.sql for column, kind in kinds[name].items()})
    return " UNION ALL ".join(of_some(list(run)) for _, run in runs)


def _common(
    con: duckdb.DuckDBPyConnection, files: Files, kinds: Mapping[str, _Kind], column: str, wanted: str, where: str
) -> tuple[_Kind, str]:
    """Gives the type of a column that keeps every value of all files, and which have another, in words.

    What a column without values is in a file means nothing. `wanted` is the training rows' type. Raises DataError
    where there is no such type.
    """
    of_kind = {kind: [file for file in kinds if kinds[file] == kind] for kind in sorted(set(kinds.values()), key=str)}
    if len(of_kind) == 1:
        return next(iter(of_kind)), ""

    def first_with(kind: _Kind, condition: str) -> str | None:
        return _first_with(con, files, of_kind[kind], f"{quoted(column)} IS NOT NULL AND ({condition})", where)

    first = {kind: file for kind in of_kind if (file := first_with(kind, "true")) is not None}
    there = list(first or of_kind)
    common = _wider(there) or (_Kind("VARCHAR") if not first or _are_words(there, wanted) else None)
    if common is None:
        ours, theirs = next((pair for pair in combinations(there, 2) if _wider(pair) is None), there[:2])
        raise DataError(
            f"{where}: column {column!r} is {ours} in {files.shown(first[ours])!r} and {theirs} in "
            f"{files.shown(first[theirs])!r}; give it one type in all files"
        )
    for kind in first:
        beyond = _beyond(kind.sql, common.sql, quoted(column))
        if beyond is not None and (file := first_with(kind, beyond)) is not None:
            other = next((k for k in first if _wider([kind, k]) == common != kind), common)
            raise DataError(
                f"{where}: column {column!r} is {kind} in {files.shown(file)!r} and {other} in "
                f"{files.shown(first.get(other, file))!r}, and {common} cannot hold all of its values; give it one "
                "type in all files"
            )
    return common, in_words(f"{kind} in {files.shown(first[kind])!r}" for kind in first if kind.sql != common.sql)


def _first_with(
    con: duckdb.DuckDBPyConnection, files: Files, names: Sequence[str], condition: str, where: str
) -> str | None:
    """Gives the first of some files that has a row of which a condition holds."""
    call = f"read_parquet({replace(files, names=tuple(names)).listing}, filename = '_ballast_file')"
    sql = f"SELECT _ballast_file FROM {call} WHERE {condition} LIMIT 1"
    found = executed(con, sql, where, "cannot read the files").fetchall()
    return found[0][0] if found else None


def _are_words(kinds: Sequence[_Kind], wanted: str) -> bool:
    """Gives whether the whole numbers among texts are texts to the training rows."""
    return wanted == "VARCHAR" and all(kind.sql in {*_TEXTS, *_WHOLE} and not kind.arrow for kind in kinds)


def _wider(kinds: Sequence[_Kind]) -> _Kind | None:
    """Gives the type that has room for what several types say, for some of their values at least; None for none."""
    if len(set(kinds)) == 1:
        return kinds[0]
    made = None if any(kind.arrow for kind in kinds) else _wider_sql({kind.sql for kind in kinds})
    return None if made is None else _Kind(made)


def _wider_sql(kinds: set[str]) -> str | None:
    if all(kind.endswith("[]") for kind in kinds):
        inner = {kind.removesuffix("[]") for kind in kinds}
        made = _wider_sql(inner)
        return f"{made}[]" if made is not None and all(_beyond(kind, made, "") is None for kind in inner) else None
    if kinds <= _TEXTS:
        return "VARCHAR"
    if kinds <= set(_MOMENTS):
        return max(kinds - {"DATE"}, key=_MOMENTS.index)
    whole, decimals = kinds & _WHOLE, [found for kind in kinds if (found := _DECIMAL.fullmatch(kind))]
    if kinds & _FLOATS and kinds <= _FLOATS | _WHOLE:
        return "DOUBLE"
    if len(whole) + len(decimals) < len(kinds):
        return None
    if not decimals:
        return _wider_whole(whole)
    scale = max(int(found.group(2)) for found in decimals)
    return f"DECIMAL({min(max(map(_digits, kinds)) + scale, 38)},{scale})"


def _wider_whole(kinds: set[str]) -> str:
    unsigned = max((_UNSIGNED[kind] for kind in kinds if kind in _UNSIGNED), default=0)
    signed = max((_BITS[kind] for kind in kinds if kind in _BITS), default=0)
    if not signed:
        return next(kind for kind, bits in _UNSIGNED.items() if bits == unsigned)
    return next(kind for kind, bits in _BITS.items() if bits >= signed and bits > unsigned)


def _digits(kind: str) -> int:
    """Gives how many digits the numbers of a type have before the point."""
    found = _DECIMAL.fullmatch(kind)
    return _DIGITS[_BITS.get(kind) or _UNSIGNED[kind]] if found is None else int(found.group(1)) - int(found.group(2))


def _beyond(kind: str, common: str, column: str) -> str | None:
    """Gives the SQL of whether a value of a type has no equal in the wider one; None where all have."""
    if common == "DOUBLE" and max(_BITS.get(kind, 0), _UNSIGNED.get(kind, 0)) > 32:
        return f"{column} NOT BETWEEN -{2**53} AND {2**53}"
    if (found := _DECIMAL.fullmatch(common)) and _digits(kind) > int(found.group(1)) - int(found.group(2)):
        return f"TRY_CAST({column} AS {common}) IS NULL"
    if common == "TIMESTAMP_NS" != kind:
        return f"{column} NOT BETWEEN TIMESTAMP '1677-09-22' AND TIMESTAMP '2262-04-11'"
    return None
