"""Columns of several types under one another: the type that holds all their values, and the SQL that makes it.

Versions and partitions of an asset may differ in their types. What is of one kind, numbers or times, stays so, and
compares, sorts and adds up as such; only columns of different kinds become text.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

import duckdb
import pyarrow as pa

from ballast.warehouse.names import literal, quoted
from ballast.warehouse.tables.storing import stored_type

_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EXACT_DIGITS = 15  # every decimal of so many digits comes back from a double
TEXT = pa.string()


def common_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    """Gives the type that holds the values of all the given ones; text where nothing else does.

    Whole numbers: the narrowest that holds both, else a decimal; decimals: the wider part on each side of the point;
    with floating-point numbers: double. Dates and timestamps: timestamp of the finer unit, in UTC if one has a zone
    (those without are taken as UTC). Lists: of the common type, where no value could change.
    """
    return reduce(_both, kinds)


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if pa.types.is_dictionary(one) and pa.types.is_dictionary(other) and one.value_type == other.value_type:
        widest = max(one.index_type, other.index_type, key=lambda kind: kind.bit_width)
        return pa.dictionary(widest, one.value_type, ordered=one.ordered and other.ordered)
    one, other = _plain(one), _plain(other)
    if one == other:
        return one
    for rule in (_numbers, _times, _durations, _lists):
        if (both := rule(one, other)) is not None:
            return both
    return pa.large_binary() if _is_binary(one) and _is_binary(other) else TEXT


def _plain(kind: pa.DataType) -> pa.DataType:
    """Gives the type as SQL knows it, of extension types only those that are a plain one to it."""
    if isinstance(kind, pa.BaseExtensionType):
        return {"arrow.bool8": pa.bool_(), "arrow.json": TEXT}.get(kind.extension_name, kind)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return kind
    if pa.types.is_large_string(kind) or kind == pa.string_view():
        return TEXT
    return kind if pa.types.is_nested(kind) else stored_type(kind, arrays=True)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _numbers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (_is_number(one) and _is_number(other)):
        return None
    if pa.types.is_floating(one) or pa.types.is_floating(other):
        small = {pa.bool_(), pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.float32()}
        return pa.float32() if one in small and other in small else pa.float64()
    if pa.types.is_decimal(one) or pa.types.is_decimal(other):
        (digits, scale), (more, finer) = _digits(one), _digits(other)
        return _decimal(max(digits, more), max(scale, finer))
    low, high = min(_bounds(one)[0], _bounds(other)[0]), max(_bounds(one)[1], _bounds(other)[1])
    for kind in (*_SIGNED, *_UNSIGNED):
        if _bounds(kind)[0] <= low and high <= _bounds(kind)[1]:
            return kind
    return _decimal(20, 0)


_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_UNSIGNED = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())


def _is_number(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    if pa.types.is_boolean(kind):
        return 0, 1
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _digits(kind: pa.DataType) -> tuple[int, int]:
    """Gives how many digits a number may have before and after the point."""
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return len(str(_bounds(kind)[1])), 0


def _decimal(digits: int, scale: int) -> pa.DataType:
    return pa.decimal128(min(digits + scale, 38), scale)


def _times(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    kinds = [kind for kind in (one, other) if pa.types.is_timestamp(kind)]
    if not kinds or not all(pa.types.is_timestamp(kind) or pa.types.is_date(kind) for kind in (one, other)):
        return None
    zones = {kind.tz for kind in kinds}
    zone = zones.pop() if len(zones) == 1 and len(kinds) == 2 else "UTC" if zones != {None} else None
    return pa.timestamp(max((kind.unit for kind in kinds), key=_UNITS.__getitem__), zone)


def _durations(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (pa.types.is_duration(one) and pa.types.is_duration(other)):
        return None
    return pa.duration(max(one.unit, other.unit, key=_UNITS.__getitem__))


def _lists(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if not (_is_list(one) and _is_list(other)):
        return None
    child = _both(one.value_type, other.value_type)
    if not all(_lossless(kind.value_type, child) for kind in (one, other)):
        return None
    fixed = [kind.list_size if pa.types.is_fixed_size_list(kind) else None for kind in (one, other)]
    return pa.list_(child, fixed[0]) if fixed[0] is not None and fixed[0] == fixed[1] else pa.list_(child)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _lossless(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Gives whether SQL's own cast of the values within a list does."""
    kind = _plain(kind)
    return kind == wanted or pa.types.is_null(kind) or (_is_number(kind) and not _could_round(kind, wanted))


def _could_round(kind: pa.DataType, wanted: pa.DataType) -> bool:
    if not pa.types.is_floating(wanted) or pa.types.is_floating(kind):
        return False
    return sum(_digits(kind)) > (_EXACT_DIGITS if wanted == pa.float64() else 6)


def selected(con: duckdb.DuckDBPyConnection, schemas: dict[int, pa.Schema]) -> dict[int, str]:
    """Gives the select list of each layout (as `held`) such that DuckDB can put them under one another."""
    kinds: dict[str, list[pa.DataType]] = {}
    for schema in schemas.values():
        for field in schema:
            kinds.setdefault(field.name.casefold(), []).append(field.type)
    common = {name: common_type(found) for name, found in kinds.items()}
    changed = {name: common[name] for name, found in kinds.items() if any(kind != found[0] for kind in found)}
    names = sql_types(con, changed)
    return {
        layout: ", ".join(
            _column(con, field, common[field.name.casefold()], names.get(field.name.casefold(), "")) for field in schema
        )
        for layout, schema in schemas.items()
    }


def sql_types(con: duckdb.DuckDBPyConnection, kinds: dict[str, pa.DataType]) -> dict[str, str]:
    """Gives what DuckDB calls the types that hold columns of these types."""
    if not kinds:
        return {}
    stored = [stored_type(kind, arrays=True) for kind in kinds.values()]
    con.register("shape", pa.table([pa.nulls(0, kind) for kind in stored], names=[str(n) for n in range(len(stored))]))
    described = con.execute(f"DESCRIBE SELECT * FROM {quoted('temp', 'shape')}").fetchall()
    con.unregister("shape")
    return dict(zip(kinds, [row[1] for row in described], strict=True))


def _column(con: duckdb.DuckDBPyConnection, field: pa.Field, wanted: pa.DataType, sql_type: str) -> str:
    column = quoted("held", field.name)
    kind = _plain(field.type)
    if field.type == wanted or not sql_type or stored_type(field.type, arrays=True) == stored_type(wanted, arrays=True):
        return column if not _differ_in_unit(kind, wanted) else _as(f"{column} * {_factor(kind, wanted)}", field.name)
    return _as(_brought(con, column, field.name, kind, wanted, sql_type), field.name)


def _as(expression: str, name: str) -> str:
    return f"{expression} AS {quoted(name)}"


def _differ_in_unit(kind: pa.DataType, wanted: pa.DataType) -> bool:
    return pa.types.is_duration(kind) and pa.types.is_duration(wanted) and kind != wanted


def _factor(kind: Any, wanted: Any) -> int:
    return _UNITS[wanted.unit] // _UNITS[kind.unit]


def _brought(
    con: duckdb.DuckDBPyConnection, column: str, name: str, kind: pa.DataType, wanted: pa.DataType, sql_type: str
) -> str:
    if wanted == TEXT:
        return _text(column, kind)
    if pa.types.is_timestamp(wanted) and wanted.tz is not None and getattr(kind, "tz", None) is None:
        column = column if pa.types.is_null(kind) else f"timezone('UTC', CAST({column} AS TIMESTAMP))"
    if _is_number(kind) and _could_round(kind, wanted):
        (own,) = sql_types(con, {name: kind}).values()
        said = literal(f"column {name!r} is {own} here and floating-point elsewhere, which cannot hold ")
        return (
            f"CASE WHEN {column} IS NULL OR TRY_CAST(CAST({column} AS {sql_type}) AS {own}) = {column} "
            f"THEN CAST({column} AS {sql_type}) ELSE error({said} || {column}) END"
        )
    return f"CAST({column} AS {sql_type})"


def _text(column: str, kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"CAST(timezone('UTC', {column}) AS VARCHAR) || '+00'"
    if pa.types.is_duration(kind):
        return f"CAST({column} AS VARCHAR) || {literal(' ' + kind.unit)}"
    return f"CAST({column} AS VARCHAR)"
