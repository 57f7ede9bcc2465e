"""A column as Great Expectations judges it right, and the bounds and values of a gate in that column's type.

YAML gives dates, texts and numbers, pandas has a dozen ways to hold each, and Great Expectations compares what it is
given: a date with a timestamp is an error, the number 1 is not the text "1", a Decimal is not the float beside it. So
columns are brought to one form for each kind, without loss, and what a gate compares them with to that form too.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NoReturn
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.columns import kind_of
from ballast.errors import DataError
from ballast.gates.own.form import column
from ballast.words import in_words, shown

Kind = Literal["number", "truth", "timestamp", "time of day", "duration", "text", "empty", "other"]

_WORDS = {
    "number": "numbers",
    "truth": "truths",
    "timestamp": "dates or timestamps",
    "time of day": "times of day",
    "duration": "durations",
    "text": "text",
    "empty": "no value",
    "other": "lists, mappings or values of several types",
}
_WANTED = {
    "number": "a number, without quotes",
    "truth": "true or false, or as a bound 0 or 1",
    "timestamp": "a date or timestamp such as 2024-01-31 or '2024-01-31 12:00'",
    "time of day": "a time of day in quotes, such as '09:30'",
    "duration": "a duration in quotes, such as '90 s', '2 days' or '01:30:00'",
    "text": "a text, in quotes where YAML would read it as something else",
}
ORDERED = "category with an order of its own"
_TIMES = ("time of day", "duration")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?")
_LARGE = 2**53


@dataclass(frozen=True)
class Held:
    """A column in the form in which it is judged.

    Attributes
    ----------
    name, dtype : the column's, as the table has it.
    kind : what it holds.
    values : (n,) numpy's numbers and truths, Python's whole numbers where they are large or have gaps, Decimals,
        timestamps in UTC without a zone, nanoseconds of durations (of times of day: since midnight), or text; NaN or
        NaT for null.
    type : what a number to compare with is made first: Decimal, numpy's float32 or float16; None for none of them.
    offset : what was taken from all values, and is taken from what they are compared with.
    """

    name: str
    dtype: str
    kind: Kind
    values: pd.Series
    type: Any = None
    offset: Any = None

    @property
    def holds(self) -> str:
        return f"{_WORDS[self.kind]} ({self.dtype})"

    @property
    def in_floats(self) -> Held:
        """The same column with float64 for numbers: less its least value where those would not be exact."""
        if self.kind == "truth":
            return replace(self, values=self.values.astype(np.float64), kind="number")
        if self.kind in ("timestamp", "text") or self.values.dtype != object:
            return self
        least = self.values.min()
        return replace(self, values=(self.values - least).astype(np.float64), offset=least)

    @property
    def in_lengths(self) -> Held:
        """The same column as durations: timestamps since the first, times of day since midnight."""
        if self.kind == "time of day":
            return replace(self, kind="duration")
        if self.kind == "timestamp":
            return replace(self, kind="duration", values=_nanoseconds(self.values - self.values.min()))
        return self

    def value(self, given: Any, key: str) -> Any:
        """Gives a bound, or a value of a set, in the column's type; DataError where it is of another."""
        value = self._typed(given, key)
        return value if self.offset is None else float(value - self.offset)

    def _typed(self, given: Any, key: str) -> Any:
        match self.kind:
            case "number" if isinstance(given, int | float | Decimal) and not isinstance(given, bool):
                return self._number(given)
            case "truth" if isinstance(given, bool | int | float) and given in (0, 1):
                return bool(given)
            case "timestamp" if isinstance(given, dt.date) or _is_date(given):
                return self._parsed(_timestamp, given, key)
            case "time of day" if isinstance(given, dt.time | str):
                return self._parsed(_since_midnight, given, key)
            case "duration" if isinstance(given, dt.timedelta) or (isinstance(given, str) and not _is_number(given)):
                return self._parsed(_length, given, key)
            case "text" if isinstance(given, str):
                return given
        return self._refuse(given, key)

    def text(self, value: Any) -> str:
        """Gives one of the values as the table's owner would write it."""
        if isinstance(value, tuple):
            return f"({', '.join(map(self.text, value))})"
        if isinstance(value, pd.Timestamp | dt.datetime):
            return str(value).removesuffix(" 00:00:00")
        if self.kind in _TIMES and isinstance(value, int | float | np.number) and value == value:
            length = dt.timedelta(microseconds=round(float(value) + (self.offset or 0)) // 1000)
            return str(length) if self.kind == "duration" else str((dt.datetime.min + length).time())
        if self.offset is not None and isinstance(value, float) and value == value:
            value = self.offset + type(self.offset)(value)
        return str(value.item() if isinstance(value, np.generic) else value)

    def _number(self, given: float | Decimal) -> Any:
        """Gives a number as it is written in the column's type: 0.1 is the Decimal 0.1, or the nearest float32."""
        if isinstance(given, float) and given.is_integer() and abs(given) < 1e300:
            given = int(given)
        if self.type is Decimal:
            return given if isinstance(given, Decimal) else Decimal(str(given))
        if self.type is None:
            return given
        with np.errstate(over="ignore"):
            nearest = float(self.type(given))
        return nearest if np.isfinite(nearest) else given

    def _parsed(self, parse: Any, given: Any, key: str) -> Any:
        try:
            return parse(given)
        except (ValueError, OverflowError, TypeError):
            self._refuse(given, key)

    def _refuse(self, given: Any, key: str) -> NoReturn:
        wanted = f"; write {_WANTED[self.kind]}" if self.kind in _WANTED else ""
        said = given.isoformat() if isinstance(given, dt.date) else shown(given)
        hint = " (YAML reads 12:30 as a number of base 60)" if self.kind in _TIMES and isinstance(given, int) else ""
        if self.kind == "number" and isinstance(given, str) and _is_number(given):
            hint = " (YAML reads 1e-3 as text; 1.0e-3 is a number)" if "e" in given.lower() else ""
        raise DataError(f"column {self.name!r} holds {self.holds}, but {key} {said} is {_type(given)}{hint}{wanted}")


def hold(frame: pd.DataFrame, name: str) -> Held:
    """Gives a column in the form in which it is judged; DataError where the table has none of the name.

    Cost: nothing for numpy's numbers, a pass over the values for others.
    """
    series = column(frame, name)
    dtype = ORDERED if getattr(series.dtype, "ordered", False) else str(series.dtype)
    if series.isna().all():
        return Held(name, dtype, "empty", pd.Series(np.nan, index=series.index, name=name, dtype=object))
    plain = _plain(series)
    match kind_of(plain):
        case "number":
            values = _numbers(plain)
            narrow = plain.dtype.type if plain.dtype in (np.float16, np.float32) else None
            return Held(name, dtype, "number", values, Decimal if _any_decimal(values) else narrow)
        case "truth":
            return Held(name, dtype, "truth", plain)
        case "time":
            return Held(name, dtype, *_times(plain))
        case "category":
            return Held(name, dtype, *_texts(plain))
    return Held(name, dtype, "other", plain)


def same_kind(one: Held, other: Held) -> None:
    """Raises DataError where values of two columns cannot be compared."""
    if one.kind != other.kind and "empty" not in (one.kind, other.kind):
        kinds = in_words(f"column {h.name!r} holds {h.holds}" for h in (one, other))
        raise DataError(f"{kinds}: values of different types cannot be compared; give both one type at the source")


def _plain(series: pd.Series) -> pd.Series:
    """Gives the values without pandas' own types (nullable, categories, Arrow's), which compare in their own ways."""
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        return _plain(series.sparse.to_dense())
    if isinstance(dtype, pd.PeriodDtype):
        return series.dt.to_timestamp()
    if isinstance(dtype, np.dtype | pd.DatetimeTZDtype | pd.IntervalDtype):
        return series
    if isinstance(dtype, pd.CategoricalDtype):
        codes, categories = series.cat.codes.to_numpy(), series.cat.categories
        found = pd.Series(categories.take(np.maximum(codes, 0)), index=series.index, name=series.name)
        return _plain(_gapped(found, codes < 0) if (codes < 0).any() else found)
    array = pa.array(series, from_pandas=True)
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    values = array.to_pandas(integer_object_nulls=True)
    values.index, values.name = series.index, series.name
    return _gapped(values, series.isna().to_numpy()) if values.dtype == object else values


def _gapped(values: pd.Series, missing: np.ndarray) -> pd.Series:
    """Gives the values with NaN, which compares with anything, where they are missing."""
    if values.dtype.kind == "f" or values.dtype.kind in "mM" or isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.mask(missing)
    objects = values.astype(object)
    objects[missing] = np.nan
    return objects


def _any_decimal(values: pd.Series) -> bool:
    return values.dtype == object and any(isinstance(v, Decimal) for v in values.dropna())


def _numbers(values: pd.Series) -> pd.Series:
    """Gives numbers that compare exactly: Decimals among themselves, whole numbers as Python's where large."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    if values.dtype.kind in "iu":
        large = len(values) and max(abs(int(values.min())), abs(int(values.max()))) > _LARGE
        return values.astype(object) if large else values.astype(np.int64)
    there = values.dropna()
    kinds = {type(v) for v in there}
    if kinds == {Decimal} and all(v.is_finite() and v.as_tuple().exponent == 0 for v in there):
        return _whole(values, [int(v) for v in there])
    if any(issubclass(kind, Decimal) for kind in kinds):
        values = values.map(lambda v: v if isinstance(v, Decimal) else Decimal(str(v)), na_action="ignore")
    elif any(issubclass(kind, float | np.floating) for kind in kinds):
        return values.astype(np.float64)
    return _gapped(values, values.isna().to_numpy())


def _times(values: pd.Series) -> tuple[Kind, pd.Series]:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "timestamp", values.dt.tz_convert("UTC").dt.tz_localize(None)
    if values.dtype.kind == "M":
        return "timestamp", values
    if values.dtype.kind == "m":
        return "duration", _nanoseconds(values)
    there = values[values.notna()]
    if all(isinstance(v, dt.time) for v in there):
        return "time of day", _whole(values, [_since_midnight(v) for v in there])
    if all(isinstance(v, dt.timedelta | np.timedelta64) for v in there):
        return "duration", _whole(values, [_length(v) for v in there])
    if all(isinstance(v, dt.date | np.datetime64) for v in there):
        return "timestamp", _timestamps(values)
    return "other", values


def _nanoseconds(values: pd.Series) -> pd.Series:
    ticks = values.to_numpy()
    factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[np.datetime_data(ticks.dtype)[0]]
    return _whole(values, [tick * factor for tick in ticks[~np.isnat(ticks)].view(np.int64).tolist()])


def _whole(values: pd.Series, found: list[int]) -> pd.Series:
    """Gives a column of whole numbers, found for the values that are not missing, in its exact form."""
    there = values.notna().to_numpy()
    numbers = np.full(len(values), np.nan, dtype=object)
    numbers[there] = found
    small = there.all() and max(map(abs, found), default=0) <= _LARGE
    return pd.Series(numbers.astype(np.int64) if small else numbers, index=values.index, name=values.name)


def _timestamps(values: pd.Series) -> pd.Series:
    there = values.notna().to_numpy()
    stamps = [_timestamp(v) for v in values[there]]
    dtype = "datetime64[ns]" if any(stamp.nanosecond for stamp in stamps) else "datetime64[us]"
    found = np.full(len(values), "NaT", dtype=dtype)
    found[there] = [stamp.to_numpy().astype(dtype) for stamp in stamps]
    return pd.Series(found, index=values.index, name=values.name)


def _texts(values: pd.Series) -> tuple[Kind, pd.Series]:
    kinds = {type(v) for v in values.dropna()} if values.dtype == object else {object}
    if kinds == {str}:
        return "text", values
    if all(issubclass(kind, bytes | bytearray | UUID) for kind in kinds):
        try:
            return "text", values.map(lambda v: str(v) if isinstance(v, UUID) else v.decode(), na_action="ignore")
        except UnicodeDecodeError:
            return "other", values
    return "other", values


def _timestamp(given: Any) -> pd.Timestamp:
    """Gives a date or timestamp in UTC without a zone, as the columns are; what has no zone is taken as UTC."""
    stamp = pd.Timestamp(given)
    if stamp is pd.NaT:
        raise ValueError("not a time")
    return stamp if stamp.tz is None else stamp.tz_convert("UTC").tz_localize(None)


def _since_midnight(given: Any) -> int:
    time = given if isinstance(given, dt.time) else dt.time.fromisoformat(given)
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return (seconds * 10**6 + time.microsecond) * 1000


def _length(given: Any) -> int:
    """Gives a duration in nanoseconds."""
    length = pd.Timedelta(given)
    if length is pd.NaT:
        raise ValueError("not a duration")
    return ((length.days * 86_400 + length.seconds) * 10**6 + length.microseconds) * 1000 + length.nanoseconds


def _is_date(given: Any) -> bool:
    return isinstance(given, str) and _DATE.fullmatch(given) is not None


def _is_number(given: str) -> bool:
    try:
        return bool(Decimal(given) or True)
    except InvalidOperation:
        return False


def _type(given: Any) -> str:
    if isinstance(given, bool):
        return "a truth (YAML reads yes, no, on and off so)"
    if isinstance(given, int | float | Decimal):
        return "a number"
    if isinstance(given, dt.date):
        return "a date or timestamp"
    return "text" if isinstance(given, str) else f"a {type(given).__name__}"
