"""Columns of Python objects, as pandas keeps whatever numpy has no type for: to Arrow without loss, or refused."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.words import in_words, plural, shown

_FAMILIES: dict[str, tuple[type, ...]] = {  # a type belongs to the first family that it is a kind of
    "text": (str,),
    "bytes": (bytes, bytearray),
    "truth": (bool, np.bool_),
    "int": (int, np.integer),
    "float": (float, np.float16, np.float32),
    "decimal": (decimal.Decimal,),
    "timestamp": (dt.datetime,),
    "date": (dt.date,),
    "time": (dt.time,),
    "duration": (dt.timedelta,),
    "UUID": (uuid.UUID,),
    "interval": (pd.Interval,),
    "period": (pd.Period,),
    "list": (list,),
    "tuple": (tuple,),
    "array": (np.ndarray,),
    "dict": (dict,),
}
ARROW_ERRORS = (pa.ArrowException, ValueError, TypeError, OverflowError, NotImplementedError)


class UnstorableError(Exception):
    """Why a column cannot be stored so that it comes back the same."""


def object_array(series: pd.Series) -> tuple[pa.Array | pa.ChunkedArray, str | None]:
    """Gives a column of Python objects as Arrow, and "list" or "tuple" where Arrow would give arrays back.

    What pandas counts as missing is null.

    Raises
    ------
    UnstorableError
        The values have several types or one that is not known, or no Arrow type holds them all.
    """
    values, missing = series.to_numpy(object), series.isna().to_numpy()
    there = values[~missing]
    family = _family(there, np.flatnonzero(~missing))
    if family is None:
        return pa.nulls(len(values)), None
    filled = values.copy()
    filled[missing] = None
    if family in ("list", "tuple", "dict"):
        filled[:] = pd.Series([unmasked(value) for value in filled], dtype=object).to_numpy()
    try:
        array = _ARRAYS.get(family, _inferred)(filled, there)
    except ARROW_ERRORS as error:
        raise UnstorableError(f"{error}; give it one type with frame.astype, or write it as text") from error
    return array, family if family in ("list", "tuple") else None


def _family(there: np.ndarray, rows: np.ndarray) -> str | None:
    last = len(there) - 1
    kinds = dict(zip(map(type, there[::-1]), range(last, -1, -1), strict=True))  # each type, and where it is first
    families: dict[str, int] = {}
    for kind, at in sorted(kinds.items(), key=itemgetter(1)):
        family = next((name for name, members in _FAMILIES.items() if issubclass(kind, members)), None)
        if family is None:
            raise UnstorableError(
                f"it holds objects of type {kind.__name__}, such as {shown(there[at])} in row {rows[at]}, which "
                "SQL has no type for; write them as numbers, times or text"
            )
        families.setdefault(family, at)
    if set(families) == {"int", "float"}:
        return "float"
    if len(families) > 1:
        examples = [f"{shown(there[at])} in row {rows[at]}" for at in families.values()]
        raise UnstorableError(
            f"it mixes types ({in_words(families)}), such as {in_words(examples)}; give it one type, for example with "
            "frame.astype"
        )
    return next(iter(families), None)


def _inferred(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    return pa.array(filled, from_pandas=False)


def _texts(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    return pa.array(filled, pa.string())


def _integers(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    low, high = int(min(there)), int(max(there))
    if low < -(2**63) or high >= (2**63 if low < 0 else 2**64):
        raise UnstorableError(
            f"it holds whole numbers from {low} to {high}, wider than 64 bits; give them as decimal.Decimal or as text"
        )
    return pa.array(filled, pa.uint64() if high >= 2**63 else pa.int64())


def _floats(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    for value in there:
        if isinstance(value, int | np.integer) and int(float(value)) != int(value):
            raise UnstorableError(
                f"it mixes types (int and float), and {value} is not a floating-point number; give all values as "
                "decimal.Decimal or as text"
            )
    return pa.array([None if value is None else float(value) for value in filled], pa.float64())


def _decimals(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    if odd := [value for value in there if not value.is_finite()]:
        raise UnstorableError(
            f"it holds {plural(len(odd), 'decimal')} such as {odd[0]}, which SQL cannot hold; give None for it"
        )
    return pa.array(filled)


def _timestamps(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    zones = {str(value.tzinfo) for value in there}
    if len(zones) > 1:
        raise UnstorableError(
            f"it mixes times with different zones or none ({in_words(sorted(zones))}); bring them to one, for example "
            "with pandas.to_datetime(column, utc=True)"
        )
    return pa.array(filled, pa.timestamp(_unit(there), _zone_of(there[0])))


def _zone_of(value: dt.datetime) -> str | None:
    return None if value.tzinfo is None else pa.array([value]).type.tz


def _durations(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    return pa.array(filled, pa.duration(_unit(there)))


def _unit(there: np.ndarray) -> str:
    return "ns" if any(getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0) for value in there) else "us"


def _times(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    if zoned := [value for value in there if value.tzinfo is not None]:
        raise UnstorableError(
            f"it holds {plural(len(zoned), 'time')} of day with a zone, such as {zoned[0]}; take the zone off"
        )
    return pa.array(filled, pa.time64("us"))


def _uuids(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    if not hasattr(pa, "uuid"):
        raise UnstorableError("it holds UUIDs, which need pyarrow 18 or newer; write them as text")
    bare = pa.array([None if value is None else value.bytes for value in filled], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), bare)


def _of_pandas(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    return pa.array(pd.array(filled))


def _arrays(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    kinds = {(value.dtype, value.ndim) for value in there}
    dtype, ndim = next(iter(kinds))
    if len(kinds) > 1 or ndim != 1 or dtype.kind not in "biuf":
        raise UnstorableError(
            f"it holds arrays that are not all of one number type and one dimension (such as {dtype} of {ndim}); give "
            "them one, or write them as lists"
        )
    return pa.array([unmasked(value) for value in filled], pa.list_(pa.from_numpy_dtype(dtype)))


def is_nested(value: Any) -> bool:
    return isinstance(value, list | tuple | dict | np.ndarray)


def unmasked(value: Any) -> Any:
    """Gives a nested value with None for what its arrays mask, which Arrow would read as if it were there."""
    if isinstance(value, np.ma.MaskedArray):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: unmasked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(unmasked(inner) for inner in value) if type(value) in (list, tuple) else value
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [unmasked(inner) for inner in value]
    return value


def _nested(filled: np.ndarray, there: np.ndarray) -> pa.Array:
    array = pa.array(filled, from_pandas=False)
    for row, (given, kept) in enumerate(zip(filled, array.to_pylist(), strict=True)):
        if not _same(given, kept):
            raise UnstorableError(
                f"row {row} holds {shown(given)}, which would come back as {shown(kept)}; give every row the same keys "
                "and types, or write it as JSON text"
            )
    return array


def _same(given: Any, kept: Any) -> bool:
    """Gives whether a nested value is what Arrow made of it, whichever container Python had it in."""
    if isinstance(given, np.ndarray | np.generic):
        given = given.tolist()
    if isinstance(given, dict):
        return (
            isinstance(kept, dict)
            and given.keys() == kept.keys()
            and all(_same(value, kept[key]) for key, value in given.items())
        )
    if isinstance(given, list | tuple):
        return isinstance(kept, list) and len(given) == len(kept) and all(map(_same, given, kept))
    if isinstance(given, float) and given != given:
        return kept != kept
    if given is pd.NA or given is pd.NaT:
        return kept is None
    return given == kept and isinstance(given, bool) == isinstance(kept, bool)


_ARRAYS: dict[str, Callable[[np.ndarray, np.ndarray], pa.Array]] = {
    "text": _texts,
    "int": _integers,
    "float": _floats,
    "decimal": _decimals,
    "timestamp": _timestamps,
    "time": _times,
    "duration": _durations,
    "UUID": _uuids,
    "interval": _of_pandas,
    "period": _of_pandas,
    "array": _arrays,
    "list": _nested,
    "tuple": _nested,
    "dict": _nested,
}
