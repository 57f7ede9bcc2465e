"""What cannot be judged is closed: nothing to look at, figures that are not finite, arithmetic that overflows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Judgement, judge, parse_suite
from tests.gates.test_builtin import FRAME, HOLDS

ON_COLUMNS = {
    "expect_column_to_exist",
    "expect_column_type_to_be",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
}
"""Expectations on the columns of a table: they hold without a row, and take no row_condition."""

ON_ROWS = ON_COLUMNS | {"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"}
"""Expectations that look at no value."""

INF = float("inf")


def one(entry: dict, frame: pd.DataFrame, stored) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates.train"), frame, stored())
    return found


def closed(found: Judgement, words: str) -> None:
    assert not found.passed
    assert found.message.startswith("cannot be judged: ")
    assert words in found.message


@pytest.mark.parametrize("name", sorted(set(HOLDS) - ON_COLUMNS))
def test_builtin_on_a_table_without_rows_cannot_be_judged(name: str, stored) -> None:
    closed(one({name: HOLDS[name]}, FRAME.iloc[:0], stored), "the table has no rows")


@pytest.mark.parametrize("name", sorted(set(HOLDS) - ON_COLUMNS))
def test_builtin_with_a_condition_that_no_row_meets_cannot_be_judged(name: str, stored) -> None:
    found = one({name: HOLDS[name] | {"row_condition": "word == 'typo'"}}, FRAME, stored)
    closed(found, "none of 4 rows meets the row_condition \"word == 'typo'\"")


@pytest.mark.parametrize("dtype", [float, object, "Int64", "datetime64[ns]", "string", "category", "double[pyarrow]"])
@pytest.mark.parametrize("name", sorted(set(HOLDS) - ON_ROWS))
def test_builtin_on_columns_null_in_every_row_cannot_be_judged(name: str, dtype: str, stored) -> None:
    frame = pd.DataFrame({c: pd.Series([None] * 4, dtype=dtype) for c in FRAME.columns})
    found = one({name: HOLDS[name]}, frame, stored)
    if name == "expect_column_values_to_be_null":
        assert found.passed
    elif name in ("expect_column_values_to_not_be_null", "expect_column_proportion_of_non_null_values_to_be_between"):
        assert not found.passed
        assert "cannot be judged" not in found.message
    else:
        closed(found, "null")


@pytest.mark.parametrize("name", sorted(ON_COLUMNS))
def test_expectation_on_columns_holds_for_a_table_without_rows(name: str, stored) -> None:
    found = one({name: HOLDS[name]}, FRAME.iloc[:0], stored)
    assert found.passed, found.message


@pytest.mark.parametrize(
    ("entry", "passed"),
    [
        ({"expect_table_row_count_to_equal": {"value": 0}}, True),
        ({"expect_table_row_count_to_be_between": {"max_value": 0}}, True),
        ({"expect_table_row_count_to_be_between": {"min_value": 0, "max_value": 5}}, True),
        ({"expect_table_row_count_to_be_between": {"max_value": 5}}, False),
        ({"expect_table_row_count_to_equal": {"value": 3}}, False),
        ({"expect_column_unique_value_count_to_be_between": {"column": "up", "max_value": 0}}, True),
        ({"expect_column_unique_value_count_to_be_between": {"column": "up", "max_value": 5}}, False),
    ],
)
def test_count_of_zero_is_judged_where_zero_is_asked_for(entry: dict, passed: bool, stored) -> None:
    ((name, arguments),) = entry.items()
    assert one(entry, FRAME.iloc[:0], stored).passed is passed
    assert one({name: arguments | {"row_condition": "up > 9"}}, FRAME, stored).passed is passed


@pytest.mark.parametrize(
    ("values", "figure"),
    [
        ([1.0, 2.0, INF], "max"),
        ([1.0, 2.0, INF], "mean"),
        ([1.0, 2.0, INF], "sum"),
        ([1.0, 2.0, INF], "stdev"),
        ([1.0, INF, INF], "median"),
        ([-INF, INF, 1.0], "mean"),
        ([1e308] * 3, "sum"),
        ([1e308] * 3, "mean"),
        ([1e308, -1e308, 1e308], "stdev"),
        ([5.0, None, None], "stdev"),
    ],
)
def test_figure_that_is_not_finite_cannot_be_judged(values: list, figure: str, stored) -> None:
    bounds = {"max_value": 1e300} if values[0] == 5.0 else {"min_value": -1e300}
    entry = {f"expect_column_{figure}_to_be_between": {"column": "x", **bounds}}
    closed(one(entry, pd.DataFrame({"x": values}), stored), "column 'x'")


def test_quantile_that_is_infinite_cannot_be_judged(stored) -> None:
    asked = {"quantiles": [0.9], "value_ranges": [[0, None]]}
    entry = {"expect_column_quantile_values_to_be_between": {"column": "x", "quantile_ranges": asked}}
    closed(one(entry, pd.DataFrame({"x": [1.0, INF]}), stored), "observed inf")


@pytest.mark.parametrize(
    ("entry", "values", "words"),
    [
        ({"expect_column_value_z_scores_to_be_less_than": {"threshold": 3, "double_sided": True}}, [1, INF], "1 of 2"),
        ({"expect_column_value_z_scores_to_be_less_than": {"threshold": 3, "double_sided": True}}, [7], "1 value"),
        (
            {"expect_column_value_z_scores_to_be_less_than": {"threshold": 3, "double_sided": True}},
            [1e308, -1e308],
            "too large",
        ),
        ({"expect_column_values_to_not_be_outliers": {}}, [1.0, 2.0, INF], "1 of 3 values"),
        ({"expect_column_values_to_not_be_outliers": {"method": "std", "multiplier": 1}}, [7], "1 value"),
        ({"expect_column_values_to_be_increasing": {}}, [1.0, INF, INF], "infinite"),
        ({"expect_column_values_to_be_decreasing": {}}, [INF, INF, 1.0], "infinite"),
    ],
)
def test_deviation_that_cannot_be_told_cannot_be_judged(entry: dict, values: list, words: str, stored) -> None:
    ((name, arguments),) = entry.items()
    frame = pd.DataFrame({"x": np.array(values, dtype=float)})
    closed(one({name: {"column": "x", **arguments}}, frame, stored), words)


def test_sum_of_whole_numbers_does_not_wrap_around(stored) -> None:
    frame = pd.DataFrame({"x": np.full(3, 2**62)})
    below = one({"expect_column_sum_to_be_between": {"column": "x", "max_value": 0}}, frame, stored)
    exact = {"column": "x", "min_value": 3 * 2**62, "max_value": 3 * 2**62}
    assert not below.passed
    assert one({"expect_column_sum_to_be_between": exact}, frame, stored).passed


def test_index_zero_of_a_column_is_an_index_and_not_none(stored) -> None:
    assert one({"expect_column_to_exist": {"column": "up", "column_index": 0}}, FRAME, stored).passed
    assert not one({"expect_column_to_exist": {"column": "down", "column_index": 0}}, FRAME, stored).passed


def test_divergence_from_a_partition_that_names_not_all_values_says_so(stored) -> None:
    partition = {"values": ["ab", "cd"], "weights": [0.5, 0.5]}
    entry = {
        "expect_column_kl_divergence_to_be_less_than": {
            "column": "word",
            "partition_object": partition,
            "threshold": 1,
        }
    }
    closed(one(entry, FRAME, stored), "gives no weight")


@pytest.mark.parametrize("ignored", ["both_values_are_missing", "either_value_is_missing", "neither"])
def test_null_beside_a_value_is_no_equal_of_it_whatever_the_type(ignored: str, stored) -> None:
    for dtype in ("Int64", "float64", "object", "int64[pyarrow]"):
        frame = pd.DataFrame({"a": pd.array([1, None], dtype=dtype), "b": pd.array([1, 2], dtype=dtype)})
        entry = {"expect_column_pair_values_to_be_equal": {"column_A": "a", "column_B": "b", "ignore_row_if": ignored}}
        assert one(entry, frame, stored).passed is (ignored == "either_value_is_missing"), dtype


def test_condition_leaves_the_rows_it_is_met_by_and_the_nulls_rule_stays(stored) -> None:
    frame = pd.DataFrame({"age": [10.0, 250.0, None, 30.0], "adult": [False, True, True, True]})
    asked = {"column": "age", "max_value": 120, "mostly": 0.5, "row_condition": "adult"}
    found = one({"expect_column_values_to_be_between": asked}, frame, stored)
    assert found.passed
    assert found.message == (
        "column 'age' (max_value: 120, mostly: 0.5, row_condition: adult): 1 of 2 values (50 %) are not as expected "
        "(such as 250.0), 1 null value left out"
    )
