"""What a column of a table holds: its kind, its numbers, and the one text by which values of any type are compared."""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa

Kind = Literal["number", "truth", "time", "category", "nested", "empty"]
Scale = Literal["number", "truth", "instant", "time of day", "duration", "category", "nested", "empty"]

_EPOCH = dt.datetime(1970, 1, 1)
_DAY, _MONTH = 86_400, 30 * 86_400
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_BY_VALUES: dict[str, Scale] = {
    "string": "category", "bytes": "category", "boolean": "truth", "integer": "number", "date": "instant",
    "time": "time of day",
}  # fmt: skip
"""What pandas says of objects that are all of one type, and quicker than a look at each."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?|-?inf")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def kind_of(column: pd.Series) -> Kind:
    """Gives what a column holds, by its type and, of a column of objects, by its values.

    "time" is dates, timestamps with or without a zone, periods, times of day and durations; "category" is text, bytes,
    UUIDs, intervals, every Categorical, and objects of several kinds; "nested" is lists, mappings and whatever else is
    several values a cell, complex numbers too; "empty" has no value at all, whatever its type.
    """
    scale = scale_of(column)
    return "time" if scale in ("instant", "time of day", "duration") else scale


def alike(first: pd.Series, second: pd.Series) -> bool:
    """Says whether the values of two columns can be held against each other by their numbers or canonical texts.

    They can where both hold the same, or one no value; where both hold numbers or truths; and where one of the two
    holds categories that all are such numbers as text ("1", not "01").
    """
    scales = {scale_of(first), scale_of(second)} - {"empty"}
    if len(scales) < 2 or scales == {"number", "truth"}:
        return True
    if not scales <= {"number", "truth", "category"}:
        return False
    texts = canonical(first if scale_of(first) == "category" else second)
    return all(_NUMBER.fullmatch(text) for text in pd.unique(texts) if text is not None)


def is_missing(column: pd.Series) -> np.ndarray:
    """Gives (n,) True where there is no value: None, NaN, NaT or NA, in nullable columns too."""
    missing = column.isna().to_numpy(dtype=bool)
    if isinstance(column.dtype, pd.ArrowDtype):
        nullable = pa.types.is_floating(column.dtype.pyarrow_dtype)
    else:
        nullable = isinstance(column.dtype, pd.Float32Dtype | pd.Float64Dtype)
    return missing | np.isnan(column.to_numpy(dtype=np.float64, na_value=np.nan)) if nullable else missing


def scale_of(column: pd.Series) -> Scale:
    """Gives a column's kind and, of one of times, whether it holds instants, times of day or durations."""
    if column.dtype == object and (quick := _BY_VALUES.get(pd.api.types.infer_dtype(column, skipna=True))):
        return quick
    missing = is_missing(column)
    if missing.all():
        return "empty"
    if column.dtype == object:
        return _scale_of_objects(column[~missing])
    return _scale_of_dtype(_dense(column.dtype))


def numbers_of(column: pd.Series) -> np.ndarray:
    """Gives the (n,) float64 of a column of numbers, truths or times, NaN where a value is missing.

    Instants are seconds since 1970 in UTC (those without a zone are taken as UTC, a period as its start), times of day
    seconds since midnight, durations seconds, with months of 30 days as SQL compares them. What lies beyond a double is
    infinite. ValueError for a column that holds something else.
    """
    scale = scale_of(column)
    found = np.full(len(column), np.nan)
    there = ~is_missing(column)
    values = _selectable(column)[there]
    if scale in ("number", "truth"):
        found[there] = _doubles(values)
    elif scale in ("instant", "time of day", "duration"):
        seconds, nanoseconds = _seconds(values)
        found[there] = seconds + nanoseconds / 1e9
    elif scale != "empty":
        raise ValueError(f"column {column.name!r} of dtype {column.dtype} holds neither numbers nor times ({scale})")
    return found


def canonical(column: pd.Series) -> np.ndarray:
    """Gives the (n,) texts, None where missing, that are equal where values are, whatever their types.

    Whole numbers are written without a point and others without trailing zeros (1, 1.0, Decimal("1.00"), True and "1"
    are the same, "01" is not); dates, and timestamps at midnight, as ISO dates, other timestamps as ISO in UTC without
    a zone; durations as "PT90S"; UUIDs in lower case; bytes as their UTF-8 text.
    """
    if isinstance(column.dtype, pd.ArrowDtype) and pa.types.is_dictionary(column.dtype.pyarrow_dtype):
        column = cast(pd.Series, pa.chunked_array([pa.array(column)]).to_pandas())
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = np.array([*canonical(pd.Series(column.cat.categories)), None], dtype=object)
        return texts[column.cat.codes.to_numpy()]  # code -1, missing, is the last
    found = np.full(len(column), None, dtype=object)
    there = ~is_missing(column)
    if there.any():
        found[there] = _texts(_selectable(column)[there], scale_of(column))
    return found


def categories_of(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gives the (n,) position of each row's canonical text, -1 where missing, and the (k,) texts that occur.

    Quicker than ``canonical`` where values repeat.
    """
    try:
        codes, values = pd.factorize(_selectable(column))
    except (TypeError, NotImplementedError):  # lists and the like, of objects or of Arrow
        return pd.factorize(canonical(column))
    ranks, texts = pd.factorize(canonical(pd.Series(values)))  # 1 and "1" are one
    return np.append(ranks, -1)[codes], texts


def _selectable(column: pd.Series) -> pd.Series:
    """Gives the column, as objects where Arrow cannot select rows of its type."""
    if not isinstance(column.dtype, pd.ArrowDtype):
        return column
    kind, types = column.dtype.pyarrow_dtype, pa.types
    lacking = types.is_interval(kind) or types.is_string_view(kind) or types.is_binary_view(kind)
    return pd.Series(pa.array(column.array).to_pylist(), column.index, object) if lacking else column


def _dense(dtype: Any) -> Any:
    return np.dtype(dtype.type) if isinstance(dtype, pd.SparseDtype) else dtype


def _scale_of_objects(values: pd.Series) -> Scale:
    scales: set[Scale] = {_scale_of_type(cls) for cls in set(map(type, values))}
    if len(scales) == 1:
        return scales.pop()
    if "nested" in scales:
        return "nested"
    return "number" if scales == {"number", "truth"} else "category"


def _scale_of_type(cls: type) -> Scale:
    if issubclass(cls, bool | np.bool_):
        return "truth"
    if issubclass(cls, dt.date | np.datetime64 | pd.Period):
        return "instant"
    if issubclass(cls, dt.time):
        return "time of day"
    if issubclass(cls, dt.timedelta | np.timedelta64 | pd.DateOffset | pa.MonthDayNano):
        return "duration"
    if issubclass(cls, numbers.Real | Decimal):
        return "number"
    if issubclass(cls, numbers.Complex | Mapping) or (issubclass(cls, Iterable) and not _is_text(cls)):
        return "nested"
    return "category"


def _is_text(cls: type) -> bool:
    return issubclass(cls, str | bytes | bytearray | memoryview)


def _scale_of_dtype(dtype: Any) -> Scale:
    if isinstance(dtype, pd.ArrowDtype):
        return _scale_of_arrow(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.PeriodDtype):
        return "instant"
    if isinstance(dtype, pd.CategoricalDtype | pd.IntervalDtype | pd.StringDtype):
        return "category"
    by_kind: dict[str, Scale] = {"b": "truth", "M": "instant", "m": "duration", "c": "nested"}
    return by_kind.get(dtype.kind, "number" if dtype.kind in "iuf" else "category")


def _scale_of_arrow(kind: pa.DataType) -> Scale:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return "category" if types.is_fixed_size_binary(kind.storage_type) else _scale_of_arrow(kind.storage_type)
    if types.is_boolean(kind):
        return "truth"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_date(kind) or types.is_timestamp(kind):
        return "instant"
    if types.is_time(kind):
        return "time of day"
    if types.is_duration(kind) or types.is_interval(kind):
        return "duration"
    return "nested" if types.is_nested(kind) or types.is_union(kind) else "category"


def _plain(values: pd.Series) -> np.ndarray:
    """Gives numbers or truths without a missing one as numpy's."""
    dtype = _dense(values.dtype)
    return values.to_numpy(dtype=getattr(dtype, "numpy_dtype", dtype))


def _doubles(values: pd.Series) -> np.ndarray:
    plain = _plain(values)
    try:
        return plain.astype(np.float64)
    except OverflowError:
        return np.array([_double(v) for v in plain])


def _double(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _seconds(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Gives the whole seconds and the nanoseconds above them, both exact, of times without a missing one."""
    dtype = values.dtype
    if isinstance(dtype, pd.PeriodDtype):
        return _seconds(values.dt.to_timestamp())
    if isinstance(dtype, pd.ArrowDtype):
        return _split(*_arrow_ticks(values, dtype.pyarrow_dtype))
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = values.dt.tz_convert("UTC").dt.tz_localize(None)
    if values.dtype.kind in "mM":
        times = values.to_numpy()
        return _split(times.view(np.int64), _TICKS[np.datetime_data(times.dtype)[0]])
    if set(map(type, values)) == {dt.date}:
        days = pa.array(values, pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
        return days * _DAY, np.zeros_like(days)
    if scale_of(values) == "time of day" and all(value.tzinfo is None for value in values):
        return _split(pa.array(values, pa.time64("us")).cast(pa.int64()).to_numpy(), 10**6)
    nanoseconds = [_nanoseconds(value) for value in values]
    parts = np.array([divmod(n, 10**9) for n in nanoseconds], dtype=np.int64).reshape(-1, 2)
    return parts[:, 0], parts[:, 1]


def _split(ticks: np.ndarray, per_second: int) -> tuple[np.ndarray, np.ndarray]:
    seconds, rest = np.divmod(ticks, per_second)
    return seconds, rest * (10**9 // per_second)


def _arrow_ticks(values: pd.Series, kind: pa.DataType) -> tuple[np.ndarray, int]:
    """Gives Arrow's times as whole numbers, and how many of them are a second."""
    array = pa.array(values.array)
    if pa.types.is_date32(kind):
        return array.cast(pa.int32()).cast(pa.int64()).to_numpy() * _DAY, 1
    if pa.types.is_date64(kind):
        return array.cast(pa.int64()).to_numpy(), 1000
    narrow = pa.types.is_time32(kind)
    ticks = array.cast(pa.int32()).cast(pa.int64()) if narrow else array.cast(pa.int64())
    return ticks.to_numpy(), _TICKS[kind.unit]


def _nanoseconds(value: Any) -> int:
    """Gives a time's nanoseconds: since 1970 in UTC, since midnight, or of its length."""
    if isinstance(value, pd.Period):
        value = value.start_time
    if isinstance(value, pd.Timestamp | pd.Timedelta):
        value = value.asm8
    if isinstance(value, np.datetime64 | np.timedelta64):
        kind = "datetime64[ns]" if isinstance(value, np.datetime64) else "timedelta64[ns]"
        unit, count = np.datetime_data(value.dtype)
        if unit in _TICKS:
            return int(value.astype(np.int64)) * count * (10**9 // _TICKS[unit])
        return int(value.astype(kind).astype(np.int64))
    if isinstance(value, pd.DateOffset | pa.MonthDayNano):
        months, days, nanoseconds = (getattr(value, part, 0) for part in ("months", "days", "nanoseconds"))
        return (months * _MONTH + days * _DAY) * 10**9 + nanoseconds
    if isinstance(value, dt.time):
        clock = dt.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
        shift = value.utcoffset()
        value = clock if shift is None else (clock - shift) % dt.timedelta(days=1)
    elif isinstance(value, dt.datetime):
        value = value.replace(tzinfo=None) - _EPOCH - (value.utcoffset() or dt.timedelta())
    elif isinstance(value, dt.date):
        value = dt.datetime(value.year, value.month, value.day) - _EPOCH
    return (value.days * _DAY + value.seconds) * 10**9 + value.microseconds * 1000


def _texts(values: pd.Series, scale: Scale) -> Any:
    """Gives the texts of values of which none is missing."""
    if scale in ("instant", "time of day", "duration"):
        return _time_texts(*_seconds(values), scale)
    if scale in ("number", "truth") and (plain := _plain(values)).dtype != object:
        return _number_texts(plain)
    found = values.astype(object).to_numpy()
    if set(map(type, found)) != {str}:
        return [_text(value) for value in found]
    uuids = np.fromiter((len(text) == 36 for text in found), bool, len(found))
    return [_text(text) for text in found] if uuids.any() else found


def _number_texts(plain: np.ndarray) -> np.ndarray:
    if plain.dtype.kind in "iub":
        return _integer_texts(plain)
    found = np.empty(len(plain), dtype=object)
    wide = plain.astype(np.float64)  # 2**62 is beyond a half
    with np.errstate(invalid="ignore"):
        whole = (wide == np.floor(wide)) & (np.abs(wide) < 2.0**62)
    found[whole] = _integer_texts(wide[whole].astype(np.int64))
    found[~whole] = [
        _number_text(value) for value in (plain[~whole].tolist() if plain.dtype == np.float64 else plain[~whole])
    ]
    return found


def _integer_texts(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.int8) if values.dtype.kind == "b" else values
    return pa.array(values).cast(pa.string()).to_numpy(zero_copy_only=False)


def _number_text(value: Any) -> str:
    """Gives a number as text: as many digits as its type needs, no exponent, no zeros at the end."""
    if isinstance(value, numbers.Integral | np.bool_):
        return str(int(value))
    if not math.isfinite(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value):
        return str(int(value))
    if isinstance(value, Decimal):
        return format(value, "f").rstrip("0")
    text = str(value if isinstance(value, np.floating) else float(value))
    return format(Decimal(text), "f") if "e" in text else text


def _time_texts(seconds: np.ndarray, nanoseconds: np.ndarray, scale: Scale) -> list[str]:
    tails = [f".{n:09d}".rstrip("0") if n else "" for n in nanoseconds.tolist()]
    if scale == "duration":
        exact = (
            Decimal(s) + Decimal(n).scaleb(-9) for s, n in zip(seconds.tolist(), nanoseconds.tolist(), strict=True)
        )
        return [f"PT{_number_text(length)}S" for length in exact]
    texts = np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()
    if scale == "time of day":
        return [text.split("T")[1] + tail for text, tail in zip(texts, tails, strict=True)]
    stamps = (text + tail for text, tail in zip(texts, tails, strict=True))
    return [stamp.removesuffix("T00:00:00") for stamp in stamps]


def _text(value: Any) -> str:
    """Gives any one value's canonical text."""
    if isinstance(value, str):
        return value.lower() if len(value) == 36 and _UUID.fullmatch(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, pd.Interval):
        left, right = "[" if value.closed_left else "(", "]" if value.closed_right else ")"
        return f"{left}{_text(value.left)}, {_text(value.right)}{right}"
    scale = _scale_of_type(type(value))
    if scale in ("number", "truth"):
        return _number_text(value)
    if scale in ("instant", "time of day", "duration"):
        seconds, nanoseconds = divmod(_nanoseconds(value), 10**9)
        return _time_texts(np.array([seconds]), np.array([nanoseconds]), scale)[0]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_part(k)}: {_part(v)}" for k, v in value.items()) + "}"
    if scale == "nested" and isinstance(value, Iterable):
        return "[" + ", ".join(map(_part, value)) + "]"
    return str(value)


def _part(value: Any) -> str:
    """Gives the text of a part of a nested value, texts in quotes and nothing as null."""
    if isinstance(value, str):
        return repr(value)
    missing = pd.isna(value) if np.ndim(value) == 0 else False
    return "null" if missing is True or missing is np.True_ else _text(value)
