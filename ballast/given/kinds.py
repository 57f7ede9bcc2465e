"""The types of columns: what DuckDB's and other libraries' types are kept as, and the words of ``types:``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from ballast.errors import DataError
from ballast.warehouse.names import quoted

pc: Any = pyarrow.compute
"""Arrow's functions, which it makes when it is imported: no checker of types sees them."""

_KEPT_AS_TEXT = {"BIT", "UUID", "JSON"}
_REFUSED = {
    "UNION": "its values have several types",
    "VARIANT": "its values have several types",
    "TIME WITH TIME ZONE": "Arrow would lose the zone",
    "BIGNUM": "it has no type that methods can read",
    "GEOMETRY": "it has no type that methods can read",
}
_DATA_DEPENDENT = {"HUGEINT", "UHUGEINT", "INTERVAL"}
"""Types whose values decide what they are kept as; see ``plain``."""


def selected(name: str, kind: str, where: str) -> str:
    """Gives the SQL that reads a column of a DuckDB type as Arrow keeps it; DataError where it would not."""
    column, upper = quoted(name), kind.upper()
    if upper in _KEPT_AS_TEXT:
        return f"CAST({column} AS VARCHAR) AS {column}"
    if upper == "UHUGEINT":
        return f"CAST({column} AS HUGEINT) AS {column}"
    words = set(re.findall(r"[A-Z]+(?: WITH TIME ZONE)?", re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", upper)))
    if within := sorted(words & (set(_REFUSED) | ({"UHUGEINT", "BIT"} - {upper}))):
        why = _REFUSED.get(within[0], "Arrow would change its values")
        raise DataError(
            f"{where}: column {name!r} is {kind}, which is not kept: {why}; cast it to another type, or drop it"
        )
    return column


def depends_on_values(kind: str) -> bool:
    return kind.upper() in _DATA_DEPENDENT


def plain(name: str, column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Gives a column in the type that it is kept in, every value as it is; NaN, as in pandas, is missing.

    Texts are ``string`` whoever made them, zones are UTC; whole decimals of 38 digits (HUGEINT) that fit are int64,
    intervals without months are durations. Raises DataError for what has no such type.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.opaque":
            raise DataError(
                f"{where}: column {name!r} is {kind}, which is not kept: it has no type that methods can read; cast it "
                "to another type, or drop it"
            )
        return plain(name, _storage(column), where) if kind.extension_name == "arrow.uuid" else column
    if pa.types.is_floating(kind):
        column = column.cast(pa.float32()) if pa.types.is_float16(kind) else column
        nan = pc.any(pc.is_nan(column)).as_py()
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column) if nan else column
    if pa.types.is_dictionary(kind) and _is_text(kind.value_type):
        return column.cast(pa.string())
    if (usual := _usual(kind)) != kind:
        return plain(name, column.cast(usual), where)
    if pa.types.is_date64(kind):
        return plain(name, column.cast(pa.date32()), where)
    if pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC"):
        return plain(name, column.cast(pa.timestamp(kind.unit, "UTC")), where)
    if pa.types.is_decimal256(kind) or pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        if kind.precision > 38:
            raise DataError(f"{where}: column {name!r} is {kind}: more than 38 digits are not kept; make it text")
        return column.cast(pa.decimal128(kind.precision, kind.scale))
    for chunk in column.chunks if _holds(kind, _has_bounds) else ():
        for leaf in _leaves(chunk):
            _refuse_far(name, leaf, where)
    if kind == pa.month_day_nano_interval():
        return _durations(column)
    return column


def _has_bounds(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind)


def _holds(kind: pa.DataType, is_kind: Callable[[pa.DataType], bool]) -> bool:
    """Gives whether a type is of some kind, or what is nested in it."""
    return is_kind(kind) or any(_holds(kind.field(i).type, is_kind) for i in range(kind.num_fields))


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """Gives the values that are nested in an array, of each kind apart; those of one that is not nested are its own."""
    kind = array.type
    if pa.types.is_map(kind):
        inner = [array.keys, array.items]
    elif pa.types.is_struct(kind):
        inner = array.flatten()
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = [array.flatten()]
    else:
        yield array
        return
    for part in inner:
        yield from _leaves(part)


def refuse_finer(name: str, array: pa.Array, where: str) -> None:
    """Raises DataError for a time of day, or a moment in UTC, that is not whole microseconds."""
    for leaf in _leaves(array):
        if is_cut(leaf.type) and pc.any(pc.not_equal(_rest(leaf), 0)).as_py():
            raise DataError(
                f"{where}: column {name!r} holds nanoseconds, and {leaf.type} is read to the microsecond; round it in "
                "the source, or write it without a zone, or as a whole number"
            )


def _rest(leaf: pa.Array) -> pa.Array:
    whole = leaf.cast(pa.int64())
    return pc.subtract(whole, pc.multiply(pc.divide(whole, 1000), 1000))


def is_cut(kind: pa.DataType) -> bool:
    """Gives whether DuckDB reads a type of Parquet's to the microsecond, which holds nanoseconds."""
    return kind == pa.time64("ns") or (pa.types.is_timestamp(kind) and kind.unit == "ns" and kind.tz is not None)


def holds_cut(kind: pa.DataType) -> bool:
    return _holds(kind, is_cut)


def holds_duration(kind: pa.DataType) -> bool:
    return _holds(kind, pa.types.is_duration)


def with_durations(kind: pa.DataType, like: pa.DataType) -> pa.DataType:
    """Gives a type with durations in place of the whole numbers that are durations in `like`, nested ones too."""
    if pa.types.is_duration(like) and kind == pa.int64():
        return like
    if pa.types.is_map(kind) and pa.types.is_map(like):
        return pa.map_(with_durations(kind.key_type, like.key_type), with_durations(kind.item_type, like.item_type))
    if pa.types.is_struct(kind) and pa.types.is_struct(like):
        pairs = zip(kind, like, strict=True)
        return pa.struct([ours.with_type(with_durations(ours.type, theirs.type)) for ours, theirs in pairs])
    if pa.types.is_list(kind) and like.num_fields == 1:
        return pa.list_(kind.value_field.with_type(with_durations(kind.value_type, like.field(0).type)))
    return kind


def _refuse_far(name: str, column: pa.Array, where: str) -> None:
    """Raises DataError for a date or time that Python cannot hold: infinity, a year that is not from 1 to 9999, 24:00.

    Of other types every value will do.
    """
    if not _has_bounds(column.type):
        return
    if pa.types.is_time(column.type):
        if pc.any(pc.greater_equal(column.cast(pa.time64("us"), safe=False).cast(pa.int64()), 86_400_000_000)).as_py():
            raise DataError(
                f"{where}: column {name!r} holds the time 24:00:00, which only SQL has; make it 00:00:00, missing or "
                "text in the source"
            )
        return
    units = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
    whole = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    a_day = units[column.type.unit] if pa.types.is_timestamp(column.type) else 1
    low, high = pc.min_max(column.cast(whole)).as_py().values()
    if low is not None and (low < _FIRST_DAY * a_day or high >= (_LAST_DAY + 1) * a_day):
        raise DataError(
            f"{where}: column {name!r} holds a date that is infinite or not of the years 1 to 9999; make it missing in "
            "the source, or text"
        )


_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first and last day of Python's dates, from 1970-01-01 on."""


def narrowed(name: str, column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Gives the whole numbers of a HUGEINT as int64 where all fit, else as decimals; DataError above 38 digits."""
    if not (len(column) - column.null_count):
        return column.cast(pa.int64())
    low, high = pc.min_max(column).as_py().values()
    if low >= -(2**63) and high < 2**63:
        return column.cast(pa.int64())
    if max(-int(low), int(high)) >= 10**38:
        raise DataError(f"{where}: column {name!r} holds {high}: more than 38 digits are not kept; make it text")
    return column


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _usual(kind: pa.DataType) -> pa.DataType:
    """Gives the type of the same values that is not made for large ones, nor for views of them; nested ones too."""
    if _is_text(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_usual_field(kind.value_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_usual_field(kind.value_field), kind.list_size)
    return pa.struct([_usual_field(field) for field in kind]) if pa.types.is_struct(kind) else kind


def _usual_field(field: pa.Field) -> pa.Field:
    return field.with_type(_usual(field.type))


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import uuid

    texts = [None if value is None else str(uuid.UUID(bytes=bytes(value))) for chunk in column.chunks for value in
             chunk.storage.to_pylist()]  # fmt: skip
    return pa.chunked_array([pa.array(texts, pa.string())])


def _durations(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Gives intervals without months as durations in microseconds, a day as 24 hours; others as they are."""
    made = []
    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    for chunk in column.chunks:
        values = np.frombuffer(chunk.buffers()[1], dtype=layout, count=len(chunk) + chunk.offset)[chunk.offset :]
        there = np.asarray(chunk.is_valid())
        micros = values["days"].astype(np.int64) * 86_400_000_000 + values["nanoseconds"] // 1000
        if values["months"][there].any() or (values["nanoseconds"][there] % 1000).any():
            return column
        made.append(pa.array(micros, pa.int64(), mask=~there).cast(pa.duration("us")))
    return pa.chunked_array(made, pa.duration("us"))


def said(kind: pa.DataType | str) -> str:
    """Gives a type as messages name it: text, not string."""
    return "text" if kind in (pa.string(), "VARCHAR") else str(kind)


def digits_of(column: pa.ChunkedArray) -> int:
    """Gives how many digits after the point a column's numbers are written with."""
    if pa.types.is_decimal(column.type):
        return column.type.scale
    if not pa.types.is_floating(column.type):
        return 0
    return max((len(text.partition(".")[2]) for text in column.cast(pa.string()).to_pylist() if text), default=0)
