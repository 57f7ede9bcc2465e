"""The training role's schema, and other roles' tables held to it: a value changes type only where nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ballast.errors import DataError
from ballast.given.kinds import pc, said

Place = Callable[[str, int], str]
"""Gives "'rows.parquet', row 3" of a column and a position in the table that was read."""

_EXPLICIT_ONLY = {("text", "number"), ("text", "time"), ("text", "truth"), ("float", "text"), ("time", "text"),
                  ("truth", "text"), ("truth", "number"), ("number", "truth")}  # fmt: skip


def converted(
    name: str,
    column: pa.ChunkedArray,
    wanted: pa.DataType,
    why: str,
    place: Place,
    *,
    explicit: bool = False,
    remedy: str | None = None,
) -> pa.ChunkedArray:
    """Gives a column in another type. `why` ("in the training rows") says who wants it; `explicit` that the user does.

    `remedy` is what an error says to do, by default to name the type in the spec.

    Numbers of one kind that are larger or finer than the training rows' type has room for stay in their own type:
    that they have moved is for the tests to find. Raises DataError with the place, the value and both types for any
    other value that would not come back the same.
    """
    if column.type == wanted or pa.types.is_null(wanted):
        return column
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), wanted)])
    remedy = remedy or f"give both one type, for example with `types: {{{name}: ...}}`"
    if not _may_become(column.type, wanted, explicit):
        return _refused(name, column, wanted, why, place, 0, remedy)
    try:
        made = _cast(column, wanted)
        same = _same(_cast(made, column.type), column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if not explicit and _differ_in_room(column.type, wanted):
            return column
        return _refused(name, column, wanted, why, place, _first_that_fails(column, wanted), remedy)
    if not pc.all(same).as_py():
        if not explicit and _differ_in_room(column.type, wanted):
            return column
        whole = len(same) != len(column)  # nested values are compared at once
        position = _first_that_fails(column, wanted) if whole else pc.index(same, False).as_py()
        return _refused(name, column, wanted, why, place, position, remedy)
    return made


def _differ_in_room(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Gives whether two types hold numbers of one kind: whole ones, decimals, or floats."""
    kinds = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating)
    whole_among_decimals = pa.types.is_integer(kind) and pa.types.is_decimal(wanted)
    return whole_among_decimals or any(is_kind(kind) and is_kind(wanted) for is_kind in kinds)


def _same(back: pa.ChunkedArray, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_nested(column.type):
        return pa.chunked_array([pa.array([back.equals(column)])])
    if column.type == pa.string():  # 12.50 may be written in several ways: that it was read is all there is to hold
        return pc.equal(pc.is_null(back), pc.is_null(column))
    return pc.equal(pc.fill_null(pc.equal(back, column), True), pc.equal(pc.is_null(back), pc.is_null(column)))


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_dictionary(wanted):
        return column.cast(wanted.value_type).dictionary_encode().cast(wanted)
    if column.type == pa.string() and pa.types.is_time(wanted):
        return _time_of_day(column, wanted)
    if column.type == pa.string() and _family(wanted) in ("number", "float", "time"):
        return column.cast(wanted)
    if pa.types.is_floating(column.type) and pa.types.is_decimal(wanted) and wanted.scale == 0:
        return column.cast(pa.int64()).cast(wanted)
    if pa.types.is_integer(column.type) and pa.types.is_decimal(wanted):
        return column.cast(pa.decimal128(20 if column.type == pa.uint64() else 19, 0)).cast(wanted)
    return column.cast(wanted, safe=False) if _narrows_floats(column.type, wanted) else column.cast(wanted)


def _time_of_day(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """Casts text, as Arrow does not; what has no minutes becomes missing, so that it is not the same."""
    moments = pc.binary_join_element_wise("1970-01-01T", column, "")
    return pc.if_else(pc.match_substring(column, ":"), moments, None).cast(pa.timestamp(wanted.unit)).cast(wanted)


def _narrows_floats(kind: pa.DataType, wanted: pa.DataType) -> bool:
    return pa.types.is_floating(kind) and pa.types.is_floating(wanted)


def _first_that_fails(column: pa.ChunkedArray, wanted: pa.DataType) -> int:
    """Gives the position of the first value that cannot be cast, by halves."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fails(column.slice(low, middle - low), wanted) else (middle, high)
    return low


def _fails(column: pa.ChunkedArray, wanted: pa.DataType) -> bool:
    try:
        back = _cast(_cast(column, wanted), column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return True
    return pc.all(_same(back, column)).as_py() is False


def _refused(
    name: str, column: pa.ChunkedArray, wanted: pa.DataType, why: str, place: Place, position: int, remedy: str
) -> pa.ChunkedArray:
    while position < len(column) - 1 and not column[position].is_valid:
        position += 1
    value = column[position].as_py()
    raise DataError(
        f"{place(name, position)}: {value!r} is {said(column.type)}, and column {name!r} is {said(wanted)} {why}; "
        f"{remedy}"
    )


def _may_become(kind: pa.DataType, wanted: pa.DataType, explicit: bool) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_dictionary(wanted):
        wanted = wanted.value_type
    ours, theirs = _family(kind), _family(wanted)
    if "other" in (ours, theirs):
        return kind.id == wanted.id or (_is_list(kind) and _is_list(wanted))
    pair = (ours, "number" if theirs == "float" else theirs)
    if ours == theirs or pair in {("float", "number"), ("number", "number"), ("number", "text")}:
        return not (ours == "time" and not explicit and _other_clock(kind, wanted))
    return explicit and pair in _EXPLICIT_ONLY


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)


def _other_clock(kind: pa.DataType, wanted: pa.DataType) -> bool:
    """Gives whether two types of time are of different kinds: with and without a zone, a moment and a length."""
    return _clock(kind) != _clock(wanted)


def _clock(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return "zoned"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "moment"
    return "length" if pa.types.is_duration(kind) else "of day"


def _family(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return "number"
    if kind == pa.string():
        return "text"
    return "time" if pa.types.is_temporal(kind) and kind != pa.month_day_nano_interval() else "other"
