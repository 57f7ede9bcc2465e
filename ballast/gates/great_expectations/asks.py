"""Whether a built-in expectation asks anything: its arguments, held against what they may be when a pipeline is loaded.

Great Expectations lets an expectation without bounds pass any table, and takes what it does not know for true. Here
every argument has a type and a range, and an expectation that could never fail is refused with what to write instead.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.functional_validators import AfterValidator

from ballast.errors import SpecError
from ballast.gates.great_expectations.conditions import PARSERS, parse_condition
from ballast.words import in_words, shown

Whole = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Name], Field(min_length=1)]
Texts = Annotated[list[str], Field(min_length=1)]


def _bound(value: Any) -> Any:
    """A number, date, or text: what it is compared with is known when the column is."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str | dt.date | dt.time | dt.timedelta):
        raise ValueError("a number, or a date or text in the column's type")
    if isinstance(value, int | float | Decimal) and not math.isfinite(value):
        raise ValueError("a finite number")
    if value == "":
        raise ValueError("a bound that holds something; leave the key out where there is none")
    return value


def _item(value: Any) -> Any:
    if value is not None and not isinstance(value, bool):
        return _bound(value) if value != "" else value
    return value


def _regex(value: str) -> str:
    try:
        pattern = re.compile(value)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from error
    if all(pattern.search(text) for text in _ANY):
        raise ValueError("a regular expression that some text does not match; this one matches every text")
    return value


_ANY = ("", "".join(map(chr, range(32, 127))) * 9, "\t\u2603 \u00e9" * 99)
"""Texts so different that a regular expression which finds itself in each of them asks nothing."""


def _rule(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for key, inner in _walk(value):
        if key == "$ref" and not str(inner).startswith("#"):
            raise ValueError("a schema that is all there ($ref may point into itself alone)")
    return value


def _walk(value: Any) -> Any:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key, inner
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _format(value: str) -> str:
    if "%" not in value:
        raise ValueError("a format such as '%Y-%m-%d'")
    try:
        text = dt.datetime(2024, 1, 31, 12, 30, 59).strftime(value)
        dt.datetime.strptime(text, value)
    except ValueError as error:
        raise ValueError(f"a format such as '%Y-%m-%d' ({error})") from error
    return value


Bound = Annotated[Any, AfterValidator(_bound)]
Items = Annotated[list[Annotated[Any, AfterValidator(_item)]], Field(min_length=1)]
Regex = Annotated[str, AfterValidator(_regex)]
_PAIRS = Literal["both_values_are_missing", "either_value_is_missing", "neither"]
_LISTS = Literal["all_values_are_missing", "any_value_is_missing", "never"]
_INTERPOLATIONS = Literal["linear", "lower", "higher", "midpoint", "nearest"]

_ARGUMENTS: Mapping[str, Any] = {
    "column": Name,
    "column_A": Name,
    "column_B": Name,
    "column_list": Names,
    "column_set": Names,
    "column_index": int,
    "mostly": Annotated[float, Field(gt=0, le=1)],
    "min_value": Bound,
    "max_value": Bound,
    "value": Whole,
    "value_set": Items,
    "value_pairs_set": Annotated[list[Annotated[Items, Field(min_length=2, max_length=2)]], Field(min_length=1)],
    "sum_total": Finite,
    "threshold": Positive,
    "multiplier": Positive,
    "method": Literal["iqr", "std"],
    "regex": Regex,
    "regex_list": Annotated[list[Regex], Field(min_length=1)],
    "match_on": Literal["any", "all"],
    "strftime_format": Annotated[str, AfterValidator(_format)],
    "json_schema": Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_rule)],
    "type_": Name,
    "type_list": Texts,
    "partition_object": Annotated[dict[str, Any], Field(min_length=2)],
    "tail_weight_holdout": Annotated[float, Field(ge=0, le=1)],
    "internal_weight_holdout": Annotated[float, Field(ge=0, le=1)],
    "quantile_ranges": dict[str, Any],
    "allow_relative_error": Literal[False] | _INTERPOLATIONS,
    "condition_parser": Literal[PARSERS],
    **dict.fromkeys(
        ("strict_min", "strict_max", "or_equal", "ties_okay", "double_sided", "strictly", "bucketize_data"), bool
    ),
    "exact_match": bool,
}
"""What each argument may be, whichever expectation takes it."""

_RANGES: Mapping[str, tuple[float, float | None]] = {
    "expect_table_row_count_to_be_between": (0, None),
    "expect_table_column_count_to_be_between": (0, None),
    "expect_column_unique_value_count_to_be_between": (0, None),
    "expect_column_value_lengths_to_be_between": (0, None),
    "expect_column_proportion_of_unique_values_to_be_between": (0, 1),
    "expect_column_proportion_of_non_null_values_to_be_between": (0, 1),
}
"""What is a plain number whatever the column holds, with the range that it cannot leave."""

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "expect_column_kl_divergence_to_be_less_than": ("partition_object", "threshold"),
    "expect_column_values_to_match_regex": ("regex",),
    "expect_column_values_to_be_in_type_list": ("type_list",),
    "expect_table_columns_to_match_ordered_list": ("column_list",),
    "expect_table_columns_to_match_set": ("column_set",),
}
"""Arguments without which Great Expectations lets any table pass."""

_SEES_NULLS = frozenset({"expect_column_values_to_be_in_set", "expect_column_distinct_values_to_be_in_set"})
"""Expectations whose value_set may name null: nulls pass them anyway."""


def check_asks(type_: str, given: Mapping[str, Any], where: str) -> None:
    """Raises SpecError for an argument out of its range, and for arguments that leave nothing to ask."""
    arguments = {name: value for name, value in given.items() if value is not None}
    for name, value in arguments.items():
        _check_value(name, value, f"{where}.{name}")
    for name in _NEEDED.get(type_, ()):
        if name not in arguments:
            raise SpecError(f"{where}: {name} is missing, and without it the expectation would let anything pass")
    if arguments.keys() >= {"condition_parser"} and "row_condition" not in arguments:
        raise SpecError(f"{where}: a condition_parser without a row_condition; add one or delete it")
    _check_columns(type_, arguments, where)
    if "value_set" in arguments or "value_pairs_set" in arguments:
        _check_set(type_, arguments, where)
    if type_.endswith("_between") and "quantile" not in type_:
        _check_bounds(type_, arguments, where)
    if "quantile_ranges" in arguments:
        _check_quantiles(arguments["quantile_ranges"], f"{where}.quantile_ranges")
    for name in ("type_", "type_list"):
        if name in arguments:
            _check_types(type_, arguments[name], f"{where}.{name}")


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_ARGUMENTS[name], config=ConfigDict(strict=True))


def _check_value(name: str, value: Any, where: str) -> None:
    if name == "row_condition":
        try:
            parse_condition(value)
        except SpecError as error:
            raise SpecError(f"{where}: {error}") from error
    elif name == "ignore_row_if":
        return  # which words there are depends on the expectation
    elif name in _ARGUMENTS:
        try:
            _adapter(name).validate_python(value)
        except ValidationError as error:
            detail = error.errors()[0]
            said = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            place = "".join(f"[{p}]" for p in detail["loc"] if isinstance(p, int))
            raise SpecError(f"{where}{place} must be {_worded(said)}, got {shown(detail['input'])}") from error


def _worded(said: str) -> str:
    at_least = re.search(r"should have at least (\d+) item", said)
    if at_least:
        return f"a list of at least {at_least[1]}: an empty one asks nothing"
    said = said.replace("a valid ", "a ")
    return (
        said.replace("a integer", "a whole number")
        .replace("a dictionary", "a mapping")
        .replace("a string", "a text")
        .replace("a boolean", "true or false")
    )


def _check_columns(type_: str, arguments: Mapping[str, Any], where: str) -> None:
    if arguments.get("column_A", "") == arguments.get("column_B") and "_in_set" not in type_:
        raise SpecError(f"{where}: column_A and column_B are both {arguments['column_A']!r}; name two columns")
    listed = arguments.get("column_list", [])
    if len(set(listed)) < len(listed):
        raise SpecError(f"{where}: column_list names {shown(listed)}, one of them twice; delete one")
    if len(listed) == 1 and not type_.startswith("expect_table"):
        raise SpecError(f"{where}: column_list names {shown(listed[0])} alone; it takes two columns or more")
    words = _PAIRS if "column_A" in arguments else _LISTS
    if "ignore_row_if" in arguments and arguments["ignore_row_if"] not in words.__args__:
        asked = in_words(words.__args__, "or")
        raise SpecError(f"{where}.ignore_row_if must be {asked}, got {shown(arguments['ignore_row_if'])}")


def _check_set(type_: str, arguments: Mapping[str, Any], where: str) -> None:
    values = arguments.get("value_set", [0])
    if all(value is None for value in values):
        raise SpecError(f"{where}.value_set names null alone, which is not looked at; name values")
    if any(value is None for value in values) and type_ not in _SEES_NULLS:
        raise SpecError(
            f"{where}.value_set names null, which this expectation does not see; delete it there and add "
            "expect_column_values_to_not_be_null"
        )


def _check_bounds(type_: str, arguments: Mapping[str, Any], where: str) -> None:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is None and high is None:
        raise SpecError(f"{where}: give min_value, max_value or both; without them it would let anything pass")
    if type_ in _RANGES:
        _check_range(type_, arguments, where)
    if low is not None and high is not None and _crossed(low, high, where):
        raise SpecError(f"{where}: min_value {shown(low)} is above max_value {shown(high)}, so nothing can pass")


def _crossed(low: Any, high: Any, where: str) -> bool:
    """Whether bounds leave nothing between them, as far as that can be told before the column's type is known."""
    numbers = [isinstance(bound, int | float | Decimal) for bound in (low, high)]
    if all(numbers):
        return low > high
    texts = [bound if isinstance(bound, str) else str(bound) for bound in (low, high)]
    days = [_DAY.match(text) for text in texts]
    if any(numbers) or ((isinstance(low, dt.date) or isinstance(high, dt.date)) and not all(days)):
        raise SpecError(
            f"{where}: min_value {shown(low)} and max_value {shown(high)} are of different types; write both alike"
        )
    first, last = days
    return bool(first and last and first[0] > last[0])


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _check_range(type_: str, arguments: Mapping[str, Any], where: str) -> None:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    least, most = _RANGES[type_]
    whole = most is None
    for name, value in (("min_value", low), ("max_value", high)):
        if value is not None and not isinstance(value, int if whole else int | float):
            raise SpecError(f"{where}.{name} must be a {'whole ' if whole else ''}number, got {shown(value)}")
    above = low is None or low < least or (low == least and not arguments.get("strict_min"))
    below = high is None or (most is not None and (high > most or (high == most and not arguments.get("strict_max"))))
    if above and below:
        raise SpecError(
            f"{where}: what it looks at always lies in [{least}, {'...' if most is None else most}], so these bounds "
            "would let anything pass; write narrower ones"
        )


def _check_quantiles(given: Mapping[str, Any], where: str) -> None:
    example = "{quantiles: [0.5], value_ranges: [[0, 10]]}"
    quantiles, ranges = given.get("quantiles"), given.get("value_ranges")
    if not isinstance(quantiles, list) or not isinstance(ranges, list) or set(given) != {"quantiles", "value_ranges"}:
        raise SpecError(f"{where} is a mapping such as {example}, got {shown(given)}")
    if not quantiles or len(quantiles) != len(ranges):
        raise SpecError(
            f"{where}: {len(quantiles)} quantiles and {len(ranges)} value_ranges; give one or more, each with a range"
        )
    for place, (quantile, pair) in enumerate(zip(quantiles, ranges, strict=True)):
        number = isinstance(quantile, int | float) and not isinstance(quantile, bool)
        if not number or not 0 <= quantile <= 1:
            raise SpecError(f"{where}.quantiles[{place}] must be a number in [0, 1], got {shown(quantile)}")
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise SpecError(f"{where}.value_ranges[{place}] must be [lowest, highest], got {shown(pair)}")
        bounds = {k: v for k, v in zip(("min_value", "max_value"), pair, strict=True) if v is not None}
        for value in bounds.values():
            _check_value("min_value", value, f"{where}.value_ranges[{place}]")
        _check_bounds("", bounds, f"{where}.value_ranges[{place}]")


_TYPES = (
    "int, float, bool, str, bytes, list and dict, numpy's int64, float32, datetime64 and the like, and pandas' "
    "Timestamp and Timedelta"
)


def _check_types(type_: str, given: Any, where: str) -> None:
    """Refuses the name of a type that there is not: no column would ever have it, or every test of it fail."""
    names = given if isinstance(given, list) else [given]
    whole = type_ == "expect_column_type_to_be"
    for name in names:
        if not (_is_dtype(name) if whole else _is_type(name)):
            there = "pandas' names of types, such as int64, Int64, float32, object, category or datetime64[us, UTC]"
            hint = there if whole else _TYPES
            more = "; expect_column_type_to_be knows pandas' own" if not whole and _is_dtype(name) else ""
            raise SpecError(f"{where}: {name!r} is not a type; the types are {hint}{more}")


def _is_dtype(name: str) -> bool:
    import pandas as pd

    try:
        pd.api.types.pandas_dtype(name)
    except Exception:  # whatever numpy, pandas and pyarrow raise for a name
        return False
    return True


def _is_type(name: str) -> bool:
    import numpy as np
    import pandas as pd

    try:
        return bool(np.dtype(name)) or True
    except Exception:
        native = {"none", "bool", "int", "long", "float", "bytes", "complex", "str", "string_types", "list", "dict"}
        return name.lower() in native or isinstance(getattr(pd, name, None), type)
