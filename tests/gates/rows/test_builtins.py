"""Great Expectations' over rows in parts: what they say of the frame, word for word."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.gates.rows.parts import N, check, source

ROW_BY_ROW: list[Any] = [
    {"expect_column_values_to_be_between": {"column": "x", "min_value": -1}},
    {"expect_column_values_to_be_between": {"column": "x", "min_value": -1, "mostly": 0.5}},
    {"expect_column_values_to_be_between": {"column": "whole", "max_value": 50, "row_condition": "whole > 3 and good == True"}},
    {"expect_column_values_to_be_between": {"column": "price", "min_value": 0.1, "max_value": 0.5}},
    {"expect_column_values_to_be_between": {"column": "day", "max_value": "2024-01-20"}},
    {"expect_column_values_to_be_between": {"column": "at", "max_value": "2024-01-01 12:00"}},
    {"expect_column_values_to_be_between": {"column": "clock", "min_value": "09:30"}},
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
    {"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "whole", "column_B": "x", "ignore_row_if": "either_value_is_missing"}},
    {"expect_column_pair_values_to_be_equal": {"column_A": "whole", "column_B": "label"}},
    {"expect_column_pair_values_to_be_in_set": {"column_A": "colour", "column_B": "label", "value_pairs_set": [["red", 0]]}},
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


def changed(**changes: Any) -> pa.Table:
    return source(**changes)


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


@pytest.mark.parametrize("made", TABLES)
def test_rows_counted_batch_by_batch_are_judged_as_their_frame(tmp_path: Path, made: str) -> None:
    check(ROW_BY_ROW, TABLES[made](), tmp_path, {}, **{"id": "key"})
