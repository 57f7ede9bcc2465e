"""What each built-in expectation is shown of a table: its rows and columns, in a form that it judges right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError
from ballast.gates.great_expectations.conditions import parse_condition, rows_that_meet
from ballast.gates.great_expectations.custom import without_condition
from ballast.gates.great_expectations.families import (
    BARE,
    CENTRES,
    COUNTS,
    FINITE,
    KINDS,
    ON_NULLS,
    ON_TYPES,
    SETS,
    SPREADS,
    check_kind,
)
from ballast.gates.great_expectations.typed import Held, hold, same_kind
from ballast.gates.own.form import column
from ballast.words import listed, plural, shown


class NothingToJudgeError(DataError):
    """Every one of the rows lacks what is judged; ``said`` says so of any number of rows."""

    def __init__(self, rows: int, said: Callable[[int], str]) -> None:
        super().__init__(said(rows))
        self.said = said


class View(NamedTuple):
    """The frame and the arguments for Great Expectations; `held` is the column that bounds and examples belong to.

    `rows` is how many rows the table has where the row_condition, if any, is met.
    """

    frame: pd.DataFrame
    arguments: dict[str, Any]
    held: Held | None
    rows: int


def view(type_: str, given: Mapping[str, Any], frame: pd.DataFrame) -> View:
    """Gives what an expectation is to judge.

    DataError where there is nothing to judge, or values of another type than the expectation's; SpecError for a
    row_condition that is more than a condition.
    """
    arguments = without_condition(given)
    if type_ in BARE:
        return View(frame, _counted_from_the_end(arguments, frame), None, len(frame))
    chosen = _chosen(given, frame)
    if type_ in COUNTS and 0 in (arguments.get(k) for k in ("value", "min_value", "max_value")):
        pass  # none at all is what may be wanted
    elif chosen.empty or not len(chosen):
        raise DataError(no_rows(len(frame), given, type_))
    if "column_A" in arguments:
        return _of_pair(type_, arguments, chosen)
    if "column_list" in arguments:
        return _of_list(type_, arguments, chosen)
    if "column" not in arguments:
        return View(chosen, arguments, None, len(chosen))
    return _of_column(type_, arguments, chosen)


def view_as_is(given: Mapping[str, Any], frame: pd.DataFrame) -> View:
    """Gives what a user's own expectation is to judge: the rows that meet its row_condition, as they are.

    DataError where none does, or a column that it names is not there.
    """
    chosen = _chosen(given, frame)
    for key in ("column", "column_A", "column_B"):
        if isinstance(given.get(key), str):
            column(frame, given[key])
    if not len(chosen):
        raise DataError(no_rows(len(frame), given, ""))
    return View(chosen, without_condition(given), None, len(chosen))


def _chosen(given: Mapping[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    if given.get("row_condition") is None:
        return frame
    return frame[rows_that_meet(parse_condition(given["row_condition"]), frame)]


def no_rows(rows: int, given: Mapping[str, Any], type_: str) -> str:
    """Says that a table of so many rows has none to judge."""
    zero = ""
    if type_ in COUNTS:
        zero = f"; set {'value' if type_.endswith('equal') else 'min_value'}: 0 if that is as it should be"
    if given.get("row_condition") is None or not rows:
        return f"the table has no rows, so there is nothing to judge{zero}; check the source and its filter"
    return (
        f"none of {plural(rows, 'row')} meets the row_condition {shown(given['row_condition'])}, so there is "
        f"nothing to judge{zero}; check its spelling and the values that it names"
    )


def _counted_from_the_end(arguments: dict[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    """Great Expectations takes the index 0 for none at all."""
    return arguments | {"column_index": -frame.shape[1]} if arguments.get("column_index") == 0 else arguments


def _of_column(type_: str, arguments: dict[str, Any], frame: pd.DataFrame) -> View:
    name, rows = arguments["column"], len(frame)
    if type_ in ON_NULLS:
        return View(column(frame, name).to_frame(), arguments, None, rows)
    held = hold(frame, name)
    if held.kind == "empty" and not (type_ in COUNTS and 0 in (arguments.get("min_value"), arguments.get("max_value"))):
        raise NothingToJudgeError(rows, partial(_null, name))
    if type_ in ON_TYPES:
        values = _in_numpy_types(frame[name])
        return View(values.to_frame(name), _with_unit(arguments, values.dtype), held, rows)
    check_kind(type_, held)
    held = _in_form(type_, held)
    values = held.values.astype(object) if type_ in SETS else held.values
    if not type_.startswith("expect_column_value"):  # those count nulls; figures of the column leave them out
        values = values[values.notna()]
    return View(values.to_frame(name), _in_type(type_, arguments, held), held, rows)


def _null(name: str, rows: int) -> str:
    return (
        f"column {name!r} is null in each of {plural(rows, 'row')}, so there is nothing to judge; fill it, or ask with "
        "expect_column_values_to_not_be_null whether it is filled"
    )


def _in_form(type_: str, held: Held) -> Held:
    """Gives the column in the form in which Great Expectations' arithmetic is right."""
    if held.kind == "empty":
        return held
    if type_ in FINITE:
        _check_finite(held)
    if type_ in SPREADS:
        held = held.in_lengths.in_floats
        with np.errstate(over="ignore", invalid="ignore"):
            check_deviation(held.name, int(held.values.notna().sum()), held.values.std())
        return held
    if type_ in CENTRES:
        return held.in_floats
    if type_ == "expect_column_kl_divergence_to_be_less_than" and held.kind == "number":
        return dataclasses.replace(held, values=held.values.astype(np.float64))
    if type_ == "expect_column_sum_to_be_between":
        return dataclasses.replace(
            held, kind="number" if held.kind == "truth" else held.kind, values=_summable(held.values)
        )
    return held


def _check_finite(held: Held) -> None:
    infinite = int(np.isinf(held.values.astype(np.float64)).sum()) if held.kind == "number" else 0
    check_infinite(held.name, infinite, len(held.values))


def check_infinite(name: str, infinite: int, rows: int) -> None:
    """Raises DataError where some of so many values of a column are infinite."""
    if infinite:
        raise DataError(
            f"{infinite} of {plural(rows, 'value')} of column {name!r} are infinite, and no difference from those can "
            "be told; drop or replace them"
        )


def check_deviation(name: str, count: int, deviation: float) -> None:
    """Raises DataError for a standard deviation of so many values that nothing can be measured in."""
    if count < 2:
        raise DataError(f"column {name!r} has 1 value, which has no standard deviation; 2 are needed")
    if not np.isfinite(deviation):
        raise DataError(
            f"the standard deviation of column {name!r} ({plural(count, 'value')}) is {deviation}: its values are "
            "infinite or too large; drop those, or divide by a constant"
        )


def _summable(values: pd.Series) -> pd.Series:
    """Gives numbers whose sum does not wrap around."""
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "i" and len(values) * max(abs(int(values.min())), abs(int(values.max()))) >= 2**63:
        return values.astype(object)
    return values


def _in_type(type_: str, arguments: dict[str, Any], held: Held) -> dict[str, Any]:
    """Gives the arguments that are compared with the column's values in the column's type."""
    found = dict(arguments)
    for key in {"min_value", "max_value"} & found.keys() if type_ in KINDS else ():
        found[key] = held.value(found[key], key)
    if "value_set" in found:
        found["value_set"] = _value_set(type_, found["value_set"], held)
    if "quantile_ranges" in found:
        found["quantile_ranges"] = _quantile_ranges(found["quantile_ranges"], held)
    partition = found.get("partition_object")
    if isinstance(partition, Mapping) and "values" in partition:
        found["partition_object"] = {**partition, "values": [held.value(v, "values") for v in partition["values"]]}
    return found


def _value_set(type_: str, given: Any, held: Held) -> list[Any]:
    if not isinstance(given, list | tuple | set | frozenset):
        raise DataError(f"value_set is a list, got {shown(given)}")
    values = [held.value(v, "value_set") for v in given if v is not None]
    if type_ in SETS:
        return values
    if held.values.dtype.kind == "i":  # a number that no whole one equals would make all floats
        return [v for v in values if isinstance(v, int) and -(2**63) <= v < 2**63]
    if held.kind == "timestamp":  # one between the column's ticks would be cut down to a tick
        unit = np.datetime_data(str(held.values.dtype))[0]
        return [v for v in values if _has_unit(v, unit)]
    return values


def _has_unit(value: pd.Timestamp, unit: Any) -> bool:
    try:
        return value.as_unit(unit) == value
    except pd.errors.OutOfBoundsDatetime:
        return False


def _quantile_ranges(given: Mapping[str, Any], held: Held) -> dict[str, Any]:
    """Gives the ranges with the column's own extremes, which every quantile lies between, where they are open."""
    low, high = held.values.min(), held.values.max()
    ranges = [
        [low if a is None else held.value(a, "value_ranges"), high if b is None else held.value(b, "value_ranges")]
        for a, b in given["value_ranges"]
    ]
    return {"quantiles": list(given["quantiles"]), "value_ranges": ranges}


def _of_pair(type_: str, arguments: dict[str, Any], frame: pd.DataFrame) -> View:
    one, other = (hold(frame, arguments[key]) for key in ("column_A", "column_B"))
    missing = [held.values.isna() for held in (one, other)]
    ignored = {"either_value_is_missing": missing[0] | missing[1], "neither": missing[0] & False}.get(
        arguments.get("ignore_row_if", ""), missing[0] & missing[1]
    )
    compares = type_ != "expect_column_pair_values_to_be_in_set"
    if ignored.all() or (compares and (missing[0] | missing[1]).all()):
        raise NothingToJudgeError(len(frame), partial(_all_null, [one.name, other.name]))
    if compares:
        for held in (one, other):
            check_kind(type_, held)
        same_kind(one, other)
        values = _comparable([one, other])
    else:
        pairs = arguments["value_pairs_set"]
        typed = [
            [None if v is None else h.value(v, "value_pairs_set") for h, v in zip((one, other), p, strict=True)]
            for p in pairs
        ]
        arguments = arguments | {"value_pairs_set": typed}
        values = [held.values.astype(object) for held in (one, other)]
    held = one if one.kind == other.kind else None
    return View(
        pd.DataFrame({h.name: v for h, v in zip((one, other), values, strict=True)}), arguments, held, len(frame)
    )


def _of_list(type_: str, arguments: dict[str, Any], frame: pd.DataFrame) -> View:
    columns = [hold(frame, name) for name in arguments["column_list"]]
    missing = pd.concat([held.values.isna() for held in columns], axis=1)
    ignored = {"any_value_is_missing": missing.any(axis=1), "never": missing.iloc[:, 0] & False}.get(
        arguments.get("ignore_row_if", ""), missing.all(axis=1)
    )
    if ignored.all():
        raise NothingToJudgeError(len(frame), partial(_all_null, [held.name for held in columns]))
    for held in columns:
        check_kind(type_, held)
    compares = type_ in ("expect_multicolumn_sum_to_equal", "expect_multicolumn_values_to_be_equal")
    if compares:
        for held in columns[1:]:
            same_kind(columns[0], held)
    values = _comparable(columns) if compares else [held.values for held in columns]
    if "sum_total" in arguments:
        values = [_addable(v) for v in values]
    if "sum_total" in arguments:
        summed = next((h for h, v in zip(columns, values, strict=True) if v.dtype == object), columns[0])
        arguments = arguments | {
            "sum_total": dataclasses.replace(summed, type=summed.type if summed.type is Decimal else None).value(
                arguments["sum_total"], "sum_total"
            )
        }
    chosen = pd.DataFrame({held.name: v for held, v in zip(columns, values, strict=True)})
    return View(chosen, arguments, None, len(frame))


def _addable(values: pd.Series) -> pd.Series:
    """Gives Decimals with one of their own for null, since none can be added to NaN."""
    if any(isinstance(v, Decimal) for v in values if values.dtype == object):
        return values.map(lambda v: Decimal("NaN") if pd.isna(v) else v)
    return values


def _all_null(names: list[str], rows: int) -> str:
    return (
        f"columns {listed(names)} leave no row of {rows} to judge: in each, a value is null; fill them, or look at "
        "ignore_row_if"
    )


def _comparable(columns: list[Held]) -> list[pd.Series]:
    """Gives columns of one kind whose values compare; a Decimal and the float beside it do as floats."""
    numbers = [held for held in columns if held.kind == "number"]
    floats = any(held.values.dtype.kind == "f" for held in numbers)
    if floats and any(held.values.dtype == object for held in numbers):
        return [held.values.astype(np.float64) if held.kind == "number" else held.values for held in columns]
    return [held.values for held in columns]


def _in_numpy_types(series: pd.Series) -> pd.Series:
    """Gives the values that are not null in numpy's types, the only ones that Great Expectations knows by name."""
    there = series.dropna()
    if isinstance(there.dtype, np.dtype):
        return there
    if isinstance(there.dtype, pd.DatetimeTZDtype):
        return there.astype(object)
    array = pa.array(there, from_pandas=True)
    array = array.dictionary_decode() if isinstance(array, pa.DictionaryArray) else array
    return array.to_pandas().set_axis(there.index)


def _with_unit(arguments: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Gives the types with the column's own beside datetime64, which stands for it in every unit of time."""
    names = arguments.get("type_list", [])
    if getattr(dtype, "kind", "") in "mM" and dtype.type.__name__ in names:
        return arguments | {"type_list": [*names, str(dtype)]}
    return arguments
