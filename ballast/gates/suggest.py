"""Gates that a table suggests: what holds of it now, written down so that the next one can be held to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_float_dtype, is_integer_dtype, is_object_dtype

from ballast.words import percent, plural

MOST_CATEGORIES = 20
"""A column of text of more different values is not held to a set of them."""
ROOM = 0.1
"""How far beyond the smallest and the largest value a range reaches, as a share of their distance."""
_LEAST_ROWS = 20
"""Of fewer rows, that no two values are the same says nothing."""
_LARGE = 10**15
_TYPES = {"truths": "bool", "text": "str"}


@dataclass(frozen=True)
class Suggestion:
    """One expectation by its name in YAML, its arguments, and the figure that it comes from."""

    expectation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    why: str = ""


def suggested(frame: pd.DataFrame, *, id: str, classes: str | None = None) -> Iterator[Suggestion]:
    """Gives, column by column, gates on types, missing values, ranges, categories and uniqueness.

    All hold of the table itself. The column `id` has gates of its own after every source, and `classes` is one whose
    values are classes, whatever their type. A column that is empty, or holds what is neither a number, a text, a
    truth nor a time, gets none.
    """
    for name in frame.columns:
        values = frame[name]
        if name == id or not values.notna().any():
            continue
        kind = _kind(values)
        if name == classes:
            yield from _categories(str(name), values)
            continue
        if kind and kind != "times":
            type_ = _TYPES.get(kind, str(values.dtype).lower())  # numpy's name of pandas' own Int64 too
            arguments = {"column": str(name), "type_": type_}
            yield Suggestion("expect_column_values_to_be_of_type", arguments, f"all hold {kind}")
        if kind:
            yield from _nulls(str(name), values)
        if kind in ("whole numbers", "numbers"):
            yield from _range(str(name), values, whole=kind == "whole numbers")
        if kind == "times":
            low, high = min(values.dropna()), max(values.dropna())
            bound = {"column": str(name), "min_value": str(low)}
            yield Suggestion("expect_column_values_to_be_between", bound, f"{low} to {high}")
        if kind in ("text", "truths"):
            yield from _categories(str(name), values)
        countable = kind in ("text", "whole numbers") and len(values) >= _LEAST_ROWS
        if countable and values.notna().all() and values.is_unique:
            why = f"no two of {len(values):,} rows are the same"
            yield Suggestion("expect_column_values_to_be_unique", {"column": str(name)}, why)


def _kind(values: pd.Series) -> str:
    """Gives what a column holds, in words; empty for what no gate is suggested of."""
    if is_bool_dtype(values.dtype):
        return "truths"
    if is_integer_dtype(values.dtype):
        return "whole numbers"
    if is_float_dtype(values.dtype):
        return "numbers"
    if is_datetime64_any_dtype(values.dtype):
        return "times"
    held = {type(value) for value in values.dropna()}
    if held == {str} and is_object_dtype(values.dtype):
        return "text"
    return "times" if held and held <= {date, datetime, pd.Timestamp} else ""


def _nulls(name: str, values: pd.Series) -> Iterator[Suggestion]:
    """Asks for as few missing values as there are: none, or twice the share at most."""
    missing = int(values.isna().sum())
    why = f"{missing:,} of {len(values):,} rows are missing" + (
        f" ({percent(missing, len(values))})" if missing else ""
    )
    least = math.floor(100 * (1 - 2 * missing / len(values))) / 100
    if not missing:
        yield Suggestion("expect_column_values_to_not_be_null", {"column": name}, why)
    elif least > 0:
        yield Suggestion("expect_column_values_to_not_be_null", {"column": name, "mostly": least}, f"{why}, twice that")


def _range(name: str, values: pd.Series, *, whole: bool) -> Iterator[Suggestion]:
    """Asks for the range of the values and a tenth of it on each side; not across 0 where all are on one side of it."""
    low, high = values.min(), values.max()
    if low == high or not (math.isfinite(low) and math.isfinite(high)):
        return
    room = Decimal(str(high)) - Decimal(str(low))
    room *= Decimal(str(ROOM))
    least, most = Decimal(str(low)) - room, Decimal(str(high)) + room
    least = max(least, Decimal(0)) if low >= 0 else least
    most = min(most, Decimal(0)) if high <= 0 else most
    bounds = {"min_value": _number(least, whole, math.floor), "max_value": _number(most, whole, math.ceil)}
    yield Suggestion("expect_column_values_to_be_between", {"column": name, **bounds}, f"{low:.6g} to {high:.6g}")


def _number(value: Decimal, whole: bool, rounded: Any) -> int | float:
    """Gives a bound of three digits or so that lets as much pass as the exact one."""
    if whole or (abs(value) < _LARGE and value == value.to_integral_value()):
        return int(rounded(value))
    digits = max(0, 2 - value.adjusted())
    return float(Decimal(rounded(value.scaleb(digits))).scaleb(-digits))


def _categories(name: str, values: pd.Series) -> Iterator[Suggestion]:
    """Asks for the values that there are, where these are few and come again."""
    counts = values.dropna().value_counts()
    if len(counts) > MOST_CATEGORIES or 2 * len(counts) > max(int(counts.sum()), 4):
        return
    plain = [value.item() if hasattr(value, "item") else value for value in counts.index]
    held = sorted(plain, key=lambda value: (str(type(value)), value))
    rarest = f"{plain[-1]!r} in the fewest ({int(counts.iloc[-1]):,})"
    why = f"{plural(len(held), 'value')} in {int(counts.sum()):,} rows, {rarest}"
    yield Suggestion("expect_column_values_to_be_in_set", {"column": name, "value_set": held}, why)
