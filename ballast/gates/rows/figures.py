"""Great Expectations' expectations on figures of all rows, and on rows that are held against all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from great_expectations.util import isclose

from ballast.compute.states.moments import Moments
from ballast.errors import DataError
from ballast.gates.great_expectations.judging import outcome_of, validated
from ballast.gates.great_expectations.views import View, check_deviation, view
from ballast.gates.own.form import Outcome
from ballast.gates.rows.builtins import EXAMPLES, Chosen, Tally, check_finite
from ballast.gates.rows.table import RowTable, anchor, field_of, ordered, there, typed, without_rows
from ballast.gates.suite import Expectation

MOST = 100_000
"""Different values that are looked at one by one."""
QUARTILES = (0.25, 0.75)


def of_columns(expectation: Expectation, table: RowTable) -> Outcome | None:
    """Judges the table's columns and their types."""
    whole = table.schema.names if expectation.type == "expect_column_type_to_be" else []
    frame = table.frame(anchor(table, whole)) if whole else without_rows(table)
    seen = view(expectation.type, expectation.arguments, frame)._replace(rows=len(table))
    result = validated(expectation, seen)
    return None if result is None else outcome_of(expectation, result, seen)


def row_count(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    rows = sum(len(frame) - chosen.anchored for frame in chosen.frames()) if chosen.condition else len(table)
    if not rows and 0 not in (chosen.given.get(key) for key in ("value", "min_value", "max_value")):
        raise DataError(chosen.without_rows())
    seen = View(without_rows(table), chosen.arguments, None, rows)
    return _held(expectation, seen, rows, rows == chosen.given["value"] if "value" in chosen.given else None)


def _held(expectation: Expectation, seen: View, figure: Any, success: bool | None = None) -> Outcome:
    """Gives the outcome of a figure, which by default is held against the bounds."""
    if success is None:
        success = _between(figure, seen.arguments)
    return outcome_of(
        expectation, SimpleNamespace(success=success, result={"observed_value": figure}, exception_info={}), seen
    )


def _between(figure: Any, arguments: Mapping[str, Any]) -> bool:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    above = low is None or (figure > low if arguments.get("strict_min") else figure >= low)
    return bool(above and (high is None or (figure < high if arguments.get("strict_max") else figure <= high)))


def _column(chosen: Chosen) -> tuple[View, pa.Field]:
    """Gives what is said of a whole column, and its type; DataError where it is empty."""
    field = field_of(chosen.table, chosen.judged[0])
    seen = chosen.view()
    return seen._replace(rows=len(chosen.table)), field


def _asked(chosen: Chosen, sql: str) -> Any:
    """Gives the one number that a SELECT over the column {x} answers."""
    return chosen.table.ask(sql, {"x": chosen.judged[0]}).column(0)[0].as_py()


def end(expectation: Expectation, table: RowTable) -> Outcome | None:
    """Judges the least or the greatest value, which a table of both has, too."""
    chosen = Chosen(expectation, table)
    return _of_witness(expectation, chosen, chosen.anchor)


def _of_witness(expectation: Expectation, chosen: Chosen, rows: pa.Table) -> Outcome | None:
    """Judges a few rows, of which the expectation says what it says of all."""
    seen = _column(chosen)[0]._replace(frame=chosen.of(rows).frame)
    result = validated(expectation, seen)
    return None if result is None else outcome_of(expectation, result, seen)


def distinct_values(expectation: Expectation, table: RowTable) -> Outcome | None:
    """Judges the different values, each once, or the most frequent ones."""
    chosen = Chosen(expectation, table)
    _, field = _column(chosen)
    groups = f"(SELECT v, count(*) AS n, min(p) AS p FROM {ordered(field)} GROUP BY v)"
    frequent = "most_common" in expectation.type
    kept = f"SELECT v, p FROM {groups}" + (f" WHERE n = (SELECT max(n) FROM {groups})" if frequent else "")
    found = table.ask(f"{kept} ORDER BY p LIMIT {MOST + 1}", {"x": field.name})
    if len(found) > MOST:
        what = "values that are equally frequent" if frequent else "different values"
        raise DataError(
            f"column {field.name!r} has more than {MOST} {what} in {len(table)} rows, too many to hold against a set"
        )
    return _of_witness(expectation, chosen, pa.table({field.name: typed(table, found, field.name)}))


def distinct_count(expectation: Expectation, table: RowTable) -> Outcome:
    """Judges the number of different values, or its share of all values."""
    chosen = Chosen(expectation, table)
    seen, field = _column(chosen)
    count = _asked(chosen, f"SELECT count(DISTINCT v) FROM {ordered(field)}")
    if "proportion" in expectation.type:
        count /= _asked(chosen, f"SELECT count(v) FROM {ordered(field)}")
    return _held(expectation, seen, count)


def share_of_values(expectation: Expectation, table: RowTable) -> Outcome:
    """Judges the share of rows with a value."""
    chosen = Chosen(expectation, table)
    seen = chosen.view()
    filled = sum(int(found.frame.notna().to_numpy().sum()) for found in chosen.views())
    chosen.check_any(0)
    return _held(expectation, seen._replace(rows=chosen.rows), filled / chosen.rows)


def _numbers(found: View) -> np.ndarray:
    """Gives the (n,) doubles of a batch, instants in nanoseconds since the column's first."""
    values = found.frame.iloc[:, 0]
    if values.dtype.kind == "M":
        values = (values - _first(found)).astype("timedelta64[ns]")
        return np.where(values.isna(), np.nan, values.to_numpy().view(np.int64))
    return values.to_numpy(np.float64)


def _first(found: View) -> Any:
    """Gives the least value of a column, which every batch has among the rows that type it."""
    assert found.held is not None
    return found.held.values.min()


def _moments(chosen: Chosen) -> Moments:
    """Gives the moments of a column, and counts its rows; DataError where it has no value."""
    found = Moments(1)
    for seen in chosen.views():
        found.add(_numbers(seen)[:, None])
    if not found.count[0]:
        chosen.check_any(chosen.rows)
    return found


def _deviation(chosen: Chosen, found: Moments) -> float:
    """Gives the standard deviation of a sample; DataError where it is none."""
    n = int(found.count[0])
    deviation = math.sqrt(found.variance[0] * n / (n - 1)) if n > 1 else math.nan
    check_deviation(chosen.judged[0], n, deviation)
    return deviation


def mean(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    seen = chosen.view()
    figure: Any = float(_moments(chosen).mean[0])
    if seen.frame.iloc[:, 0].dtype.kind == "M":
        figure = _first(seen) + pd.Timedelta(round(figure), "ns")
    return _held(expectation, seen._replace(rows=chosen.rows), figure)


def deviation(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    found, rows = _spread(chosen)
    figure = _deviation(chosen, found)
    return _held(expectation, chosen.view()._replace(rows=rows), figure)


def _spread(chosen: Chosen) -> tuple[Moments, int]:
    """Gives the moments of a column that is measured in its deviation, and the number of its rows."""
    count = _asked(chosen, f"SELECT count(v) FROM {_values(chosen)}")
    if count == 1 or _infinite(chosen):
        check_deviation(chosen.judged[0], count, math.nan)
    chosen.view()
    return _moments(chosen), chosen.rows


def _values(chosen: Chosen) -> str:
    return ordered(field_of(chosen.table, chosen.judged[0]))


def _infinite(chosen: Chosen) -> bool:
    field = field_of(chosen.table, chosen.judged[0])
    return pa.types.is_floating(field.type) and bool(
        _asked(chosen, f"SELECT coalesce(bool_or(isinf(v)), false) FROM {_values(chosen)}")
    )


def total(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    seen = chosen.view()
    sums = [_sum(found.frame.iloc[:, 0]) for found in chosen.views() if len(found.frame)]
    chosen.check_any(0 if sums else chosen.rows)
    figure: Any = sum(sums) if all(isinstance(value, int) for value in sums) else math.fsum(sums)
    values = seen.frame.iloc[:, 0]
    if (
        values.dtype.kind == "i" and int(values.abs().max()) * chosen.rows < 2**63
    ):  # numpy's, as the sum of the column would be
        figure = np.int64(figure)
    return _held(expectation, seen._replace(rows=chosen.rows), figure)


def _sum(values: pd.Series) -> float:
    """Gives the sum of numbers: exact of whole ones; of Decimals that of the floats next to them."""
    there = values.dropna()
    if there.dtype == object and not all(isinstance(value, int) for value in there):
        there = there.astype(np.float64)
    return float(there.sum()) if there.dtype.kind == "f" else int(there.sum())


def quantiles(expectation: Expectation, table: RowTable) -> Outcome:
    """Judges quantiles, each from the one or two values that it lies at, or between."""
    chosen = Chosen(expectation, table)
    seen, _ = _column(chosen)
    if "quantile_ranges" not in seen.arguments:
        return _held(expectation, seen, _median(chosen))
    ranges = seen.arguments["quantile_ranges"]
    found = _quantiles(chosen, ranges["quantiles"], seen.arguments.get("allow_relative_error") or "nearest")
    success = all(
        isclose(value, low, rtol=1e-4) or isclose(value, high, rtol=1e-4) or low <= value <= high
        for value, (low, high) in zip(found, ranges["value_ranges"], strict=True)
    )  # as Great Expectations has it
    return _held(expectation, seen, {"quantiles": ranges["quantiles"], "values": found}, success)


def _median(chosen: Chosen) -> Any:
    last = _last(chosen)
    return _at(chosen, {last // 2, (last + 1) // 2}).median()


def _quantiles(chosen: Chosen, shares: list[float], interpolation: Any) -> list[Any]:
    """Gives the column's quantiles, in the form in which it is judged."""
    last = _last(chosen)
    places = [share * last for share in shares]
    values = _at(chosen, {rank for place in places for rank in (math.floor(place), min(math.floor(place) + 1, last))})
    found = []
    for place in places:
        low = math.floor(place)
        ranks = [low] * (low % 2) + [low, min(low + 1, last)]  # so that halves are rounded as they are among all
        share = (low % 2 + place - low) / (len(ranks) - 1)
        with np.errstate(invalid="ignore"):  # between infinite values, as among all
            found += values.loc[ranks].reset_index(drop=True).quantile([share], interpolation=interpolation).tolist()
    return found


def _last(chosen: Chosen) -> int:
    return _asked(chosen, f"SELECT count(v) FROM {_values(chosen)}") - 1


def _at(chosen: Chosen, ranks: set[int]) -> pd.Series:
    """Gives the column's values of some ranks, by these, in the form in which it is judged."""
    name, asked = chosen.judged[0], sorted(ranks)
    sorted_ = f"(SELECT v, row_number() OVER (ORDER BY v) - 1 AS r FROM {_values(chosen)})"
    among = ", ".join(map(str, asked))
    found = chosen.table.ask(f"SELECT v FROM {sorted_} WHERE r IN ({among}) ORDER BY r", {"x": name})
    values = chosen.of(pa.table({name: typed(chosen.table, found, name)})).frame.iloc[:, 0]
    return values.set_axis(asked)


def z_scores(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    check_finite(chosen)
    found, _ = _spread(chosen)
    centre, spread = float(found.mean[0]), _deviation(chosen, found)
    threshold, both = chosen.arguments["threshold"], chosen.arguments.get("double_sided")

    def is_expected(values: np.ndarray) -> np.ndarray:
        scores = (values - centre) / spread if spread else np.zeros_like(values)
        return (np.abs(scores) < abs(threshold)) if both else scores < threshold

    return _counted(expectation, chosen, is_expected)


def outliers(expectation: Expectation, table: RowTable) -> Outcome:
    chosen = Chosen(expectation, table)
    check_finite(chosen)
    found, _ = _spread(chosen)
    spread, times = _deviation(chosen, found), chosen.arguments.get("multiplier", 1.5)
    if chosen.arguments.get("method", "iqr") == "iqr":
        low, high = map(float, _quantiles(chosen, list(QUARTILES), "linear"))
        reach = times * (high - low)
        return _counted(expectation, chosen, lambda values: (values >= low - reach) & (values <= high + reach))
    centre, reach = float(found.mean[0]), times * spread
    if reach <= 0:
        return _counted(expectation, chosen, lambda values: values == centre)
    return _counted(expectation, chosen, lambda values: np.abs(values - centre) < reach)


def _counted(expectation: Expectation, chosen: Chosen, is_expected: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    """Gives the outcome of the rows that are not as expected of their numbers."""
    tally = Tally(expectation.arguments.get("mostly") or 1.0)
    tally.count(0, 0)
    for found in chosen.views():
        values = found.frame.iloc[:, 0]
        there = values.notna().to_numpy()
        wrong = there.copy()
        wrong[there] = ~is_expected(_numbers(found)[there])
        tally.count(len(values), int((~there).sum()), int(wrong.sum()))
        tally.examples += values[wrong].tolist()[: EXAMPLES - len(tally.examples)]
    chosen.check_any(tally.missing or 0)
    return outcome_of(expectation, tally.result, chosen.view()._replace(rows=chosen.rows))


def unique(expectation: Expectation, table: RowTable) -> Outcome | None:
    """Judges rows whose values are those of another row: in SQL which they are, in a few rows what is said of them."""
    chosen = Chosen(expectation, table)
    fields = [field_of(table, name) for name in chosen.judged]
    seen = chosen.view()._replace(rows=len(table))
    keys = {f"x{i}": field.name for i, field in enumerate(fields)}
    shown = ", ".join(f"{there(field, key)} AS y{i}" for i, (key, field) in enumerate(zip(keys, fields, strict=True)))
    names = [f"y{i}" for i in range(len(fields))]
    ignore = chosen.arguments.get("ignore_row_if", "all_values_are_missing")
    nulls = {"any_value_is_missing": " OR ", "all_values_are_missing": " AND "}.get(ignore)
    missing = f"({nulls.join(f'{name} IS NULL' for name in names)})" if nulls else "false"
    judged = f"(SELECT {shown}, row_number() OVER () AS p FROM rows)"
    groups = (
        f"(SELECT {', '.join(names)}, count(*) AS n, min(p) AS first, min(p, 2)[2] AS second FROM {judged} "
        f"WHERE NOT {missing} GROUP BY ALL HAVING count(*) > 1)"
    )
    (counts,) = table.ask(
        f"SELECT coalesce(sum(n), 0)::BIGINT AS unexpected, (SELECT count(*) FROM {judged} WHERE {missing}) AS missing "
        f"FROM {groups}",
        keys,
    ).to_pylist()
    tally = Tally(expectation.arguments.get("mostly") or 1.0)
    tally.count(len(table), counts["missing"], counts["unexpected"])
    if counts["unexpected"]:
        few = f"(SELECT * FROM {groups} ORDER BY first LIMIT {EXAMPLES})"
        same = " AND ".join(f"j.{name} IS NOT DISTINCT FROM g.{name}" for name in names)
        rows = table.ask(
            f"WITH few AS {few}, hits AS (SELECT j.p FROM {judged} AS j JOIN few AS g ON {same} ORDER BY j.p "
            f"LIMIT {EXAMPLES}) SELECT {', '.join(names)} FROM {judged} WHERE p IN (SELECT p FROM hits) OR p IN "
            f"(SELECT second FROM few) ORDER BY p",
            keys,
        )
        witness = pa.table({f.name: typed(table, rows.select([i]), f.name) for i, f in enumerate(fields)})
        result = validated(expectation, chosen.of(witness))
        if result is None:
            return None
        tally.examples = result.result["partial_unexpected_list"]
    return outcome_of(expectation, tally.result, seen)


JUDGES: Mapping[str, Callable[[Expectation, RowTable], Outcome | None]] = {
    "expect_column_distinct_values_to_be_in_set": distinct_values,
    "expect_column_distinct_values_to_contain_set": distinct_values,
    "expect_column_distinct_values_to_equal_set": distinct_values,
    "expect_column_max_to_be_between": end,
    "expect_column_mean_to_be_between": mean,
    "expect_column_median_to_be_between": quantiles,
    "expect_column_min_to_be_between": end,
    "expect_column_most_common_value_to_be_in_set": distinct_values,
    "expect_column_proportion_of_non_null_values_to_be_between": share_of_values,
    "expect_column_proportion_of_unique_values_to_be_between": distinct_count,
    "expect_column_quantile_values_to_be_between": quantiles,
    "expect_column_stdev_to_be_between": deviation,
    "expect_column_sum_to_be_between": total,
    "expect_column_to_exist": of_columns,
    "expect_column_type_to_be": of_columns,
    "expect_column_unique_value_count_to_be_between": distinct_count,
    "expect_column_value_z_scores_to_be_less_than": z_scores,
    "expect_column_values_to_be_unique": unique,
    "expect_column_values_to_not_be_outliers": outliers,
    "expect_compound_columns_to_be_unique": unique,
    "expect_table_column_count_to_be_between": of_columns,
    "expect_table_column_count_to_equal": of_columns,
    "expect_table_columns_to_match_ordered_list": of_columns,
    "expect_table_columns_to_match_set": of_columns,
    "expect_table_row_count_to_be_between": row_count,
    "expect_table_row_count_to_equal": row_count,
}
"""How each is judged; ``ballast.gates.rows.kinds`` says which can have a row_condition."""
