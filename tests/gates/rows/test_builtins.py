"""Great Expectations' over rows in parts: what they say of the frame, word for word."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ballast.gates import StaticContext, judge, judge_rows, parse_suite, unjudgeable
from ballast.gates.great_expectations.builtin import builtin_names
from ballast.gates.rows.figures import JUDGES
from ballast.gates.rows.kinds import BUILTIN_BY_ROW, BUILTIN_OVER_ALL, BUILTIN_WITH_CONDITION, UNJUDGEABLE
from ballast.gates.suite import OWN
from ballast.warehouse.asked import AskedRows
from ballast.warehouse.tables.frames import pandas_frame
from tests.gates.rows.parts import N, check, quickly, source

ROW_BY_ROW: list[Any] = [
    {"expect_column_values_to_be_between": {"column": "x", "min_value": -1}},
    {"expect_column_values_to_be_between": {"column": "x", "min_value": -1, "mostly": 0.5}},
    {"expect_column_values_to_be_between": {"column": "whole", "max_value": 50, "row_condition": "good == True"}},
    {"expect_column_values_to_be_between": {"column": "price", "min_value": 0.1, "max_value": 0.5}},
    {"expect_column_values_to_be_between": {"column": "day", "max_value": "2024-01-20"}},
    {"expect_column_values_to_be_between": {"column": "at", "max_value": "2024-01-01 12:00"}},
    {"expect_column_values_to_be_between": {"column": "clock", "min_value": "09:30"}},
    {"expect_column_values_to_be_between": {"column": "lasts", "min_value": "3 hours"}},
    {"expect_column_values_to_be_between": {"column": "colour", "min_value": 3}},
    {"expect_column_values_to_be_between": {"column": "nowhere", "min_value": 3}},
    {"expect_column_values_to_be_between": {"column": "x", "min_value": 0, "row_condition": 'text == "no such"'}},
    {"expect_column_values_to_be_in_set": {"column": "colour", "value_set": ["red", "blue"]}},
    {"expect_column_values_to_be_in_set": {"column": "whole", "value_set": [1, 2, 3], "mostly": 0.01}},
    {"expect_column_values_to_not_be_in_set": {"column": "text", "value_set": ["word 1"]}},
    {"expect_column_values_to_not_be_null": {"column": "colour"}},
    {"expect_column_values_to_not_be_null": {"column": "x", "mostly": 0.9}},
    {"expect_column_values_to_be_null": {"column": "whole"}},
    {"expect_column_values_to_match_regex": {"column": "text", "regex": "word [0-2]"}},
    {"expect_column_values_to_not_match_regex": {"column": "text", "regex": "3"}},
    {"expect_column_values_to_match_regex_list": {"column": "colour", "regex_list": ["^r", "^g"]}},
    {"expect_column_values_to_not_match_regex_list": {"column": "colour", "regex_list": ["^r"]}},
    {"expect_column_value_lengths_to_equal": {"column": "colour", "value": 3}},
    {"expect_column_value_lengths_to_be_between": {"column": "text", "min_value": 1}},
    {"expect_column_values_to_be_dateutil_parseable": {"column": "text"}},
    {"expect_column_values_to_be_json_parseable": {"column": "colour"}},
    {"expect_column_values_to_match_json_schema": {"column": "colour", "json_schema": {"type": "string"}}},
    {"expect_column_values_to_match_strftime_format": {"column": "text", "strftime_format": "%Y"}},
    {"expect_column_values_to_be_of_type": {"column": "x", "type_": "float64"}},
    {"expect_column_values_to_be_of_type": {"column": "text", "type_": "str"}},
    {"expect_column_values_to_be_in_type_list": {"column": "whole", "type_list": ["int32", "int64"]}},
    {"expect_column_values_to_be_in_type_list": {"column": "price", "type_list": ["int32"]}},
    {"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "x", "column_B": "whole"}},
    {"expect_column_pair_values_a_to_be_greater_than_b":
        {"column_A": "whole", "column_B": "x", "ignore_row_if": "either_value_is_missing"}},
    {"expect_column_pair_values_to_be_equal": {"column_A": "whole", "column_B": "label"}},
    {"expect_column_pair_values_to_be_in_set":
        {"column_A": "colour", "column_B": "label", "value_pairs_set": [["red", 0]]}},
    {"expect_multicolumn_sum_to_equal": {"column_list": ["label", "x"], "sum_total": 3}},
    {"expect_multicolumn_values_to_be_equal": {"column_list": ["colour", "text"]}},
    {"expect_select_column_values_to_be_unique_within_record": {"column_list": ["label", "whole"]}},
    {"expect_column_values_to_be_increasing": {"column": "x"}},
    {"expect_column_values_to_be_increasing": {"column": "whole", "strictly": True}},
    {"expect_column_values_to_be_increasing": {"column": "day"}},
    {"expect_column_values_to_be_increasing": {"column": "price"}},
    {"expect_column_values_to_be_decreasing": {"column": "at", "mostly": 0.9}},
    {"expect_column_values_to_be_decreasing": {"column": "clock"}},
]  # fmt: skip


TABLES = {
    "sound": source,
    "no rows": lambda: source().slice(0, 0),
    "late values": lambda: source(
        x=pa.array([None] * 60 + [1.0] * 30), colour=pa.array([None] * 70 + ["blue"] * 20),
        whole=pa.array([2**60] * 40 + [None] * 50), text=pa.array(["2024"] * 40 + [None] * 50),
        day=pa.array([None] * 30 + [dt.date(2024, 2, 1)] * 60), price=pa.array([Decimal(7)] * N, pa.decimal128(5, 0)),
    ),
    "nothing": lambda: source(x=pa.array([np.nan] * N), colour=pa.nulls(N, pa.string()), whole=pa.nulls(N, pa.int32())),
    "infinite": lambda: source(x=pa.array([1.0, np.inf, None] * 30)),
}  # fmt: skip


@pytest.mark.parametrize("made", quickly(TABLES, "late values"))
def test_rows_counted_batch_by_batch_are_judged_as_their_frame(tmp_path: Path, made: str) -> None:
    check(ROW_BY_ROW, TABLES[made](), tmp_path, {}, id="key")


def of_column(name: str, column: str, **arguments: Any) -> dict[str, Any]:
    return {f"expect_column_{name}": {"column": column, **arguments}}


def quantiles_of(column: str, shares: list[float], ranges: list[Any], **arguments: Any) -> dict[str, Any]:
    asked = {"quantiles": shares, "value_ranges": ranges}
    return of_column("quantile_values_to_be_between", column, quantile_ranges=asked, **arguments)


FIGURES: list[Any] = [
    *(of_column(f"{end}_to_be_between", c, min_value=low)
      for end in ("min", "max")
      for c, low in (("x", 0), ("whole", 50), ("price", 0.5), ("day", "2024-01-05"), ("at", "2024-01-01 12:00"),
                     ("clock", "01:00"), ("lasts", "1 hour"), ("text", "word 2"), ("good", 1), ("colour", "red"))),
    *(of_column(f"{set_}", c, value_set=v)
      for set_ in ("distinct_values_to_be_in_set", "distinct_values_to_contain_set", "distinct_values_to_equal_set",
                   "most_common_value_to_be_in_set")
      for c, v in (("colour", ["green", "red"]), ("text", ["word 1", "nothing"]), ("whole", [1, 2]), ("good", [True]))),
    *(of_column("unique_value_count_to_be_between", c, max_value=4) for c in ("colour", "x", "at", "price")),
    *(of_column("proportion_of_unique_values_to_be_between", c, max_value=0.5) for c in ("colour", "x", "clock")),
    *(of_column("proportion_of_non_null_values_to_be_between", c, min_value=0.95) for c in ("colour", "x", "text")),
    of_column("proportion_of_non_null_values_to_be_between", "x", min_value=0.5, row_condition="whole > 3"),
    of_column("to_exist", "x"), of_column("to_exist", "y"),
    of_column("type_to_be", "whole", type_="Int32"), of_column("type_to_be", "whole", type_="int32"),
    quantiles_of("x", [0, 0.1, 0.5, 1], [[None, 0], [-2, 0], [-1, None], [0, 9]]),
    quantiles_of("whole", [0.25, 0.5, 0.75], [[20, 23], [40, 50], [60, 70]]),
    quantiles_of("day", [0.5], [["2024-01-02", "2024-01-20"]]),
    *(quantiles_of(c, [0.33, 0.5], [[0, 1], [0, 1]], allow_relative_error=how)
      for c in ("x", "price") for how in ("linear", "lower", "higher", "midpoint", "nearest")),
    *(of_column("median_to_be_between", c, min_value=low)
      for c, low in (("x", 0), ("whole", 40), ("at", "2024-01-01 11:00"), ("price", 0.4))),
    *(of_column("values_to_be_unique", c) for c in ("key", "x", "whole", "colour", "day", "price")),
    of_column("values_to_be_unique", "clock", mostly=0.2),
    {"expect_compound_columns_to_be_unique": {"column_list": ["label", "text"]}},
    {"expect_compound_columns_to_be_unique": {"column_list": ["colour", "x"], "ignore_row_if": "any_value_is_missing"}},
    {"expect_compound_columns_to_be_unique": {"column_list": ["colour", "good"], "ignore_row_if": "never"}},
    {"expect_table_row_count_to_equal": {"value": N}},
    {"expect_table_row_count_to_be_between": {"min_value": 5, "max_value": 20, "row_condition": "whole > 50"}},
    {"expect_table_column_count_to_equal": {"value": 11}},
    {"expect_table_columns_to_match_set": {"column_set": ["x", "y"]}},
    {"expect_table_columns_to_match_ordered_list": {"column_list": ["x", "y"]}},
    {"expect_table_column_count_to_be_between": {"min_value": 5}},
]  # fmt: skip
ROUNDED: list[Any] = [
    *(of_column(f"{figure}_to_be_between", c, min_value=low, max_value=high)
      for figure in ("mean", "stdev")
      for c, low, high in (("x", -0.2, 0.9), ("whole", 30, 50), ("price", 0.1, 0.4), ("good", 0.1, 0.5))),
    of_column("mean_to_be_between", "x", min_value=0, row_condition="whole > 3"),
    of_column("mean_to_be_between", "at", min_value="2024-01-01 11:00"),
    of_column("mean_to_be_between", "clock", min_value="11:00"),
    of_column("stdev_to_be_between", "at", max_value="3 hours"),
    of_column("mean_to_be_between", "lasts", max_value="3 hours"),
    of_column("sum_to_be_between", "lasts", max_value="300 hours"),
    *(of_column("sum_to_be_between", c, min_value=40) for c in ("x", "whole", "price", "good")),
    *(of_column("value_z_scores_to_be_less_than", c, threshold=t, double_sided=both)
      for c, t, both in (("x", 1, True), ("whole", 1.5, False), ("at", 1, True), ("price", 3, True))),
    *(of_column("values_to_not_be_outliers", c, method=how, multiplier=k)
      for c in ("x", "price", "at") for how, k in (("iqr", 0.1), ("std", 1.5))),
]  # fmt: skip
"""Those that rest on sums of doubles, which are equal but for the rounding of these."""


@pytest.mark.parametrize("made", quickly(TABLES, "sound"))
def test_rows_held_against_all_others_are_judged_as_their_frame(tmp_path: Path, made: str) -> None:
    check(FIGURES, TABLES[made](), tmp_path, {}, id="key")


@pytest.mark.parametrize("made", quickly(TABLES, "late values"))
def test_sums_over_rows_are_those_of_the_frame_but_for_rounding(tmp_path: Path, made: str) -> None:
    check(ROUNDED, TABLES[made](), tmp_path, {}, rounded=True, id="key")


def test_every_builtin_is_of_one_kind() -> None:
    kinds = [BUILTIN_BY_ROW, BUILTIN_WITH_CONDITION, BUILTIN_OVER_ALL, UNJUDGEABLE.keys() - OWN.keys()]
    assert sorted(name for kind in kinds for name in kind) == sorted(builtin_names())
    assert JUDGES.keys() == BUILTIN_WITH_CONDITION | BUILTIN_OVER_ALL


def test_every_builtin_that_can_be_judged_is_held_to_its_frame() -> None:
    held = {name for entry in (*ROW_BY_ROW, *FIGURES, *ROUNDED) for name in entry}
    assert held == builtin_names() - UNJUDGEABLE.keys()


def test_rows_that_look_at_other_rows_are_counted_over_all_parts(tmp_path: Path) -> None:
    r = np.random.default_rng(6)
    parts = [
        pd.DataFrame(
            {
                "code": [f"k{k}_{i}" for i in range(99)] + ["twin"],
                "t": np.arange(100.0) + 100 * k - (150 if k == 2 else 0),
                "x": r.normal(size=100) * (1, 1, 10)[k],
            }
        )
        for k in range(3)
    ]
    parts[2].loc[99, "code"] = "k2_99"
    files = [tmp_path / f"{k}.parquet" for k in range(3)]
    for file, part in zip(files, parts, strict=True):
        part.to_parquet(file)
    suite = parse_suite(
        [
            of_column("values_to_be_unique", "code"),
            of_column("values_to_be_increasing", "t"),
            of_column("value_z_scores_to_be_less_than", "x", threshold=3, double_sided=True),
            of_column("values_to_be_between", "x", min_value=-2, mostly=0.9),
            "expect_unique_ids",
        ],
        where="gates",
    )
    with AskedRows.of_files(files) as rows:
        found = judge_rows(suite, rows, StaticContext(id="code"), in_memory=0)
    assert [judgement.passed for judgement in found] == [False] * 5
    assert [judgement.observed["unexpected_count"] for judgement in found[:3]] == [2, 1, 3]
    assert found[3].observed["unexpected_percent"] == pytest.approx(17)
    assert "such as twin" in found[0].message
    assert found[4].observed == {"rows": 300, "null_ids": 0, "repeated_ids": 1}


def test_what_cannot_be_judged_over_rows_is_named_at_load_and_closed() -> None:
    suite = parse_suite(
        [
            of_column("max_to_be_between", "x", max_value=1, row_condition="label > 1"),
            of_column("kl_divergence_to_be_less_than", "x", threshold=1,
                      partition_object={"bins": [0, 1], "weights": [1.0]}),
            of_column("values_to_be_between", "x", min_value=-99, row_condition="label > 1"),
        ],
        where="gates",
    )  # fmt: skip
    named = unjudgeable(suite)
    assert [expectation for expectation, _ in named] == list(suite[:2])
    with AskedRows.of_table(source()) as rows:
        large = judge_rows(suite, rows, StaticContext(), in_memory=0)
        small = judge_rows(suite, rows, StaticContext())
    assert [judgement.passed for judgement in large] == [False, False, True]
    assert "over 90 rows, which are not loaded at once, it cannot be: with a row_condition" in large[0].message
    assert small == judge(suite, pandas_frame(source()), StaticContext())
