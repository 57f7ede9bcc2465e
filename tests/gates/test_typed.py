"""Bounds and values of a gate meet columns of every type: judged right, or closed naming both types."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ballast.errors import DataError
from ballast.gates import Judgement, judge, parse_suite
from ballast.gates.great_expectations.typed import hold
from ballast.warehouse.tables.frames import pandas_frame

DAYS = [dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2024, 1, 3)]
STAMPS = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2), dt.datetime(2024, 1, 3)]
CLOCK = [dt.time(9), dt.time(10, 30), dt.time(11)]
CLOCK_TEXT = ["09:00", "10:30", "11:00"]
LENGTHS = [dt.timedelta(days=1), dt.timedelta(hours=36), dt.timedelta(days=2)]
LENGTH_TEXT = ["1 day", "36:00:00", "2 days"]
CENTS = [Decimal("0.10"), Decimal("0.20"), Decimal("0.30")]
WIDE = [10**20 + i for i in (1, 2, 3)]
HUGE = [2**63 + i for i in (1, 2, 3)]
LARGE = [2**60 + i for i in (1, 2, 3)]

TYPES: dict[str, tuple[list[Any], pa.DataType, list[Any]]] = {
    "int8": ([1, 2, 3], pa.int8(), [1, 2, 3]),
    "uint8": ([1, 2, 3], pa.uint8(), [1, 2, 3]),
    "int64": ([1, 2, 3], pa.int64(), [1, 2, 3]),
    "int64 beyond floats": (LARGE, pa.int64(), LARGE),
    "uint64 beyond int64": (HUGE, pa.uint64(), HUGE),
    "float32": ([0.1, 0.2, 0.3], pa.float32(), [0.1, 0.2, 0.3]),
    "float64": ([0.1, 0.2, 0.3], pa.float64(), [0.1, 0.2, 0.3]),
    "decimal": (CENTS, pa.decimal128(10, 2), [0.1, 0.2, 0.3]),
    "decimal of 21 digits": ([Decimal(w) for w in WIDE], pa.decimal128(38, 0), WIDE),
    "date": (DAYS, pa.date32(), DAYS),
    "date, bounds in quotes": (DAYS, pa.date32(), [str(d) for d in DAYS]),
    "timestamp s": (STAMPS, pa.timestamp("s"), DAYS),
    "timestamp us": (STAMPS, pa.timestamp("us"), DAYS),
    "timestamp ns": (STAMPS, pa.timestamp("ns"), STAMPS),
    "timestamp beyond ns": (
        [s.replace(year=9000) for s in STAMPS],
        pa.timestamp("us"),
        ["9000-01-01", "9000-01-02", "9000-01-03"],
    ),
    "timestamp UTC": (STAMPS, pa.timestamp("us", "UTC"), DAYS),
    "timestamp elsewhere": (STAMPS, pa.timestamp("us", "America/New_York"), [f"{d} 00:00+00:00" for d in DAYS]),
    "time": (CLOCK, pa.time64("us"), CLOCK_TEXT),
    "duration": (LENGTHS, pa.duration("us"), LENGTH_TEXT),
    "text": (["a", "b", "c"], pa.string(), ["a", "b", "c"]),
    "bytes": ([b"a", b"b", b"c"], pa.binary(), ["a", "b", "c"]),
}
"""For each type: three values, the type, and the same values as YAML has them."""


def table(name: str, gap: bool = False) -> pa.Table:
    values, type_, _ = TYPES[name]
    return pa.table({"x": pa.array([*values, None] if gap else values, type_)})


def one(entry: dict, frame: pd.DataFrame, stored) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates.train"), frame, stored())
    return found


def expectations(low: Any, middle: Any, high: Any) -> list[tuple[dict, bool]]:
    def between(name: str, **bounds: Any) -> dict:
        return {f"expect_column_{name}_to_be_between": {"column": "x", **bounds}}

    def in_set(name: str, values: list) -> dict:
        return {f"expect_column_{name}": {"column": "x", "value_set": values}}

    pairs = {"column_A": "x", "column_B": "x", "value_pairs_set": [[low, low], [middle, middle], [high, high]]}
    return [
        (between("values", min_value=low, max_value=high), True),
        (between("values", min_value=low, max_value=middle), False),
        (between("values", min_value=low, strict_min=True), False),
        (between("max", min_value=high, max_value=high), True),
        (between("min", max_value=low), True),
        (between("min", min_value=middle), False),
        (in_set("values_to_be_in_set", [low, middle, high]), True),
        (in_set("values_to_be_in_set", [low, middle]), False),
        (in_set("values_to_not_be_in_set", [low]), False),
        (in_set("distinct_values_to_be_in_set", [low, middle, high]), True),
        (in_set("distinct_values_to_equal_set", [low, middle]), False),
        (in_set("distinct_values_to_contain_set", [low, high]), True),
        (in_set("most_common_value_to_be_in_set", [low, middle, high]), False),
        ({"expect_column_pair_values_to_be_in_set": pairs}, True),
    ]


def statistics(low: Any, middle: Any, high: Any) -> list[tuple[dict, bool]]:
    def between(name: str, **bounds: Any) -> dict:
        return {f"expect_column_{name}_to_be_between": {"column": "x", **bounds}}

    def quantile(bounds: list) -> dict:
        return between("quantile_values", quantile_ranges={"quantiles": [0.5], "value_ranges": [bounds]})

    deviation = {"column": "x", "double_sided": True}
    return [
        (between("median", min_value=middle, max_value=middle), True),
        (between("median", min_value=high), False),
        (between("mean", min_value=low, max_value=high), True),
        (between("mean", min_value=high), False),
        (quantile([middle, None]), True),
        ({"expect_column_values_to_be_increasing": {"column": "x", "strictly": True}}, True),
        ({"expect_column_values_to_be_decreasing": {"column": "x"}}, False),
        ({"expect_column_value_z_scores_to_be_less_than": {**deviation, "threshold": 2}}, True),
        ({"expect_column_value_z_scores_to_be_less_than": {**deviation, "threshold": 0.5}}, False),
        ({"expect_column_values_to_not_be_outliers": {"column": "x"}}, True),
        ({"expect_column_values_to_not_be_outliers": {"column": "x", "method": "std", "multiplier": 0.5}}, False),
    ]


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("name", TYPES)
def test_bounds_and_sets_are_judged_in_the_type_of_the_column(name: str, gap: bool, stored) -> None:
    asked = expectations(*TYPES[name][2])
    if name not in ("text", "bytes"):
        asked += statistics(*TYPES[name][2])
    suite = parse_suite([entry for entry, _ in asked], where="gates.train")
    judged = judge(suite, pandas_frame(table(name, gap)), stored())
    wrong = [(e, j.message) for (e, want), j in zip(asked, judged, strict=True) if j.passed is not want]
    assert wrong == []
    assert [j.message for j in judged if "cannot be judged" in j.message] == []


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("name", TYPES)
def test_column_is_held_in_one_form_however_pandas_has_it(name: str, gap: bool) -> None:
    frame = pandas_frame(table(name, gap))
    wanted = hold(frame, "x")
    forms = [
        frame.astype("category"),
        frame if name == "float32" else frame.astype(object),  # Python's floats do not say how many digits they had
        table(name, gap).to_pandas(types_mapper=pd.ArrowDtype),
        pa.table({"x": table(name, gap)["x"].dictionary_encode()}).to_pandas(types_mapper=pd.ArrowDtype),
    ]
    if name != "bytes":
        forms.append(frame.convert_dtypes())
    for form in forms:
        held = hold(form, "x")
        assert held.kind == wanted.kind
        assert held.values.isna().tolist() == wanted.values.isna().tolist()
        assert held.values.dropna().tolist() == wanted.values.dropna().tolist(), form.dtypes
        assert held.value(TYPES[name][2][0], "min_value") == held.values.iloc[0]


@pytest.mark.parametrize(
    ("values", "given", "words"),
    [
        ([1, 2], "1", "holds numbers (int64), but value_set '1' is text; write a number, without quotes"),
        ([1.5, 2.5], "1.5", "holds numbers (float64), but value_set '1.5' is text"),
        ([1, 2], True, "is a truth (YAML reads yes, no, on and off so)"),
        ([1, 2], DAYS[0], "but value_set 2024-01-01 is a date or timestamp"),
        (["1", "2"], 1, "holds text (object), but value_set 1 is a number; write a text, in quotes"),
        (["yes", "no"], True, "is a truth (YAML reads yes, no, on and off so)"),
        (["2024-01-01", "b"], DAYS[0], "holds text (object), but value_set 2024-01-01 is a date"),
        ([True, False], "true", "holds truths (bool), but value_set 'true' is text; write true or false"),
        ([True, False], 2, "but value_set 2 is a number"),
        (DAYS, "yesterday", "holds dates or timestamps (object), but value_set 'yesterday' is text; write a date"),
        (DAYS, "2024-13-45", "but value_set '2024-13-45' is text"),
        (DAYS, "5", "but value_set '5' is text"),
        (DAYS, 20240101, "but value_set 20240101 is a number"),
        (CLOCK, 45000, "is a number (YAML reads 12:30 as a number of base 60); write a time of day in quotes"),
        (CLOCK, "noon", "holds times of day (object), but value_set 'noon' is text"),
        (LENGTHS, 5, "holds durations"),
        (LENGTHS, "5", "holds durations"),
        ([1, "a"], 1, "holds lists, mappings or values of several types (object)"),
        ([[1], [2]], 1, "holds lists, mappings or values of several types (object)"),
        ([b"\xff", b"a"], "a", "holds lists, mappings or values of several types (object)"),
    ],
)
def test_value_of_another_type_is_closed_naming_both(values: list, given: Any, words: str, stored) -> None:
    frame = pd.DataFrame({"x": values})
    with pytest.raises(DataError, match="column 'x'") as raised:
        hold(frame, "x").value(given, "value_set")
    assert words in str(raised.value)
    for name in ("values_to_be_in_set", "values_to_not_be_in_set", "distinct_values_to_contain_set"):
        found = one({f"expect_column_{name}": {"column": "x", "value_set": [given]}}, frame, stored)
        assert not found.passed
        assert found.message.startswith("cannot be judged: column 'x' holds")


def test_numbers_that_no_whole_one_equals_change_nothing_for_the_others(stored) -> None:
    frame = pd.DataFrame({"x": [2**53 + 1, 1]})
    asked = {"column": "x", "value_set": [2**53, 1, 0.5, 10**30]}
    found = one({"expect_column_values_to_be_in_set": asked}, frame, stored)
    assert not found.passed
    assert found.observed["unexpected_count"] == 1
    assert one({"expect_column_values_to_not_be_in_set": {"column": "x", "value_set": [2**53]}}, frame, stored).passed


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_time_between_the_ticks_of_a_column_is_not_in_it(unit: str, stored) -> None:
    frame = pd.DataFrame({"x": np.array(["2024-01-01", "2024-01-02"], dtype=f"datetime64[{unit}]")})
    near = ["2024-01-01 00:00:00.000000001", "2024-01-02", "9999-12-31"]
    found = one({"expect_column_values_to_be_in_set": {"column": "x", "value_set": near}}, frame, stored)
    assert found.observed["unexpected_count"] == 1
    assert "not as expected (such as 2024-01-01)" in found.message
    bounds = {"column": "x", "min_value": "0001-01-01", "max_value": "9999-12-31"}
    assert one({"expect_column_values_to_be_between": bounds}, frame, stored).passed


def test_zone_of_a_column_or_a_bound_is_minded(stored) -> None:
    stamps = pd.to_datetime(["2024-01-01 23:00+00:00"], utc=True).tz_convert("America/New_York")  # 18:00 there
    for frame in (pd.DataFrame({"x": stamps}), pd.DataFrame({"x": stamps.tz_convert(None)})):
        for bound, passed in (
            ("2024-01-01 22:59", True),
            ("2024-01-01 23:01", False),
            ("2024-01-01 18:00-05:00", True),
            ("2024-01-01 18:01-05:00", False),
        ):
            entry = {"expect_column_values_to_be_between": {"column": "x", "min_value": bound}}
            assert one(entry, frame, stored).passed is passed, bound


def test_standard_deviation_of_times_is_held_against_durations(stored) -> None:
    frame = pandas_frame(pa.table({"day": pa.array(DAYS), "clock": pa.array(CLOCK), "length": pa.array(LENGTHS)}))
    for name, over in (("day", "25 hours"), ("clock", "2 hours"), ("length", "13 hours")):
        bounds = {"column": name, "min_value": "1 minute"}
        entry = {"expect_column_stdev_to_be_between": {**bounds, "max_value": over}}
        found = one(entry, frame, stored)
        assert found.passed, found.message
        assert not one(
            {"expect_column_stdev_to_be_between": {"column": name, "max_value": "10 minutes"}}, frame, stored
        ).passed
    assert one(entry, frame, stored).observed["observed_value"] == "12:00:00"


def test_examples_of_times_are_written_as_times(stored) -> None:
    frame = pandas_frame(pa.table({"x": pa.array(CLOCK)}))
    found = one({"expect_column_values_to_be_between": {"column": "x", "max_value": "10:00"}}, frame, stored)
    assert "2 of 3 values (66.7 %) are not as expected (such as 10:30:00, 11:00:00)" in found.message
    frame = pandas_frame(pa.table({"x": pa.array(DAYS)}))
    found = one({"expect_column_max_to_be_between": {"column": "x", "max_value": DAYS[0]}}, frame, stored)
    assert "column 'x' (max_value: 2024-01-01): observed 2024-01-03, 3 rows" in found.message


@pytest.mark.parametrize(
    ("one_", "other", "words"),
    [
        ([1, 2], ["1", "2"], "holds numbers (int64) and column 'b' holds text (object)"),
        (DAYS, [1, 2, 3], "holds dates or timestamps (object) and column 'b' holds numbers (int64)"),
        ([True, False], [1, 0], "holds truths (bool) and column 'b' holds numbers (int64)"),
    ],
)
def test_columns_of_different_types_are_not_compared(one_: list, other: list, words: str, stored) -> None:
    frame = pd.DataFrame({"a": one_, "b": other})
    for name in ("values_to_be_equal", "values_a_to_be_greater_than_b"):
        found = one({f"expect_column_pair_{name}": {"column_A": "a", "column_B": "b"}}, frame, stored)
        assert not found.passed
        assert words in found.message
    found = one({"expect_multicolumn_values_to_be_equal": {"column_list": ["a", "b"]}}, frame, stored)
    assert words in found.message


def test_columns_of_one_kind_are_compared_whatever_their_type(stored) -> None:
    frame = pd.DataFrame(
        {
            "decimal": CENTS,
            "float": [0.1, 0.2, 0.3],
            "day": DAYS,
            "stamp": pd.to_datetime(DAYS),
            "zoned": pd.to_datetime(DAYS, utc=True).tz_convert("Asia/Tokyo"),
        }
    )
    for pair in (("decimal", "float"), ("day", "stamp"), ("stamp", "zoned")):
        named = dict(zip(("column_A", "column_B"), pair, strict=True))
        assert one({"expect_column_pair_values_to_be_equal": named}, frame, stored).passed, pair
        assert one({"expect_multicolumn_values_to_be_equal": {"column_list": list(pair)}}, frame, stored).passed, pair
        greater = {"expect_column_pair_values_a_to_be_greater_than_b": named}
        assert not one(greater, frame, stored).passed, pair


def test_sum_over_columns_of_decimals_is_exact(stored) -> None:
    frame = pd.DataFrame({"a": [Decimal("0.10"), Decimal("0.3")], "b": [Decimal("0.20"), None]})
    asked = {"column_list": ["a", "b"], "sum_total": 0.3, "ignore_row_if": "any_value_is_missing"}
    assert one({"expect_multicolumn_sum_to_equal": asked}, frame, stored).passed
    found = one({"expect_multicolumn_sum_to_equal": asked | {"ignore_row_if": "never"}}, frame, stored)
    assert "1 of 2 values (50 %) are not as expected" in found.message


@pytest.mark.parametrize(
    ("values", "passed"),
    [
        (["12", "34"], True),
        ([12, 34], True),
        (pd.array([12, None], dtype="Int64"), True),
        (pd.Categorical(["12", "34"]), True),
        (pd.array(["12", None], dtype="string"), True),
        (pd.array([12, None], dtype="int64[pyarrow]"), True),
        ([b"12", b"34"], True),
        ([12.0, 34.0], None),
        (DAYS, None),
        ([True, False], None),
        ([["1"], ["2"]], None),
    ],
)
def test_text_is_judged_in_text_and_whole_numbers_alone(values: Any, passed: bool | None, stored) -> None:
    frame = pd.DataFrame({"x": values})
    for entry in (
        {"expect_column_values_to_match_regex": {"column": "x", "regex": "^[0-9]{2}$"}},
        {"expect_column_value_lengths_to_equal": {"column": "x", "value": 2}},
    ):
        found = one(entry, frame, stored)
        assert found.passed is bool(passed)
        assert ("judges text and whole numbers" in found.message) is (passed is None)


def test_uuids_are_text(stored) -> None:
    ids = [uuid.UUID(int=10), uuid.UUID(int=11)]
    frame = pd.DataFrame({"x": ids})
    asked = {"column": "x", "value_set": [str(i) for i in ids]}
    assert one({"expect_column_values_to_be_in_set": asked}, frame, stored).passed
    assert one({"expect_column_value_lengths_to_equal": {"column": "x", "value": 36}}, frame, stored).passed


@pytest.mark.parametrize(
    ("values", "type_", "passed"),
    [
        (pd.array([1, None], dtype="Int64"), "int64", True),
        (pd.array([1, None], dtype="Int64"), "int", True),
        (pd.array([1, None], dtype="int64[pyarrow]"), "int64", True),
        (pd.array([1, 2], dtype="int64[pyarrow]"), "int64", True),
        (pd.Categorical(["a", None]), "str", True),
        (pd.array(["a", None], dtype="string"), "str", True),
        (["a", None], "str", True),
        (["a", 1], "str", False),
        ([1.0, None], "int64", False),
        (pd.to_datetime(DAYS), "datetime64", True),
    ],
)
def test_type_is_that_of_the_values_however_pandas_has_them(values: Any, type_: str, passed: bool, stored) -> None:
    frame = pd.DataFrame({"x": values})
    assert one({"expect_column_values_to_be_of_type": {"column": "x", "type_": type_}}, frame, stored).passed is passed
    asked = {"column": "x", "type_list": [type_, "bytes"]}
    assert one({"expect_column_values_to_be_in_type_list": asked}, frame, stored).passed is passed


def test_judging_leaves_every_type_as_it_was(stored) -> None:
    frame = pandas_frame(pa.table({str(i): table(name, gap=True)["x"] for i, name in enumerate(TYPES)}))
    before = frame.copy(deep=True)
    entries = [
        {f"expect_column_{what}_to_be_between": {"column": str(i), "max_value": TYPES[name][2][2]}}
        for i, name in enumerate(TYPES)
        for what in ("values", "mean")
    ]
    judge(parse_suite(entries, where="gates"), frame, stored())
    pd.testing.assert_frame_equal(frame, before)
    assert [type(v) for v in frame["7"].dropna()] == [Decimal] * 3


def test_text_order_is_not_taken_for_the_order_of_categories(stored) -> None:
    frame = pd.DataFrame({"x": pd.Categorical(["low", "high"], categories=["low", "middle", "high"], ordered=True)})
    for name in ("values", "max", "min"):
        entry = {f"expect_column_{name}_to_be_between": {"column": "x", "max_value": "low"}}
        found = one(entry, frame, stored)
        assert not found.passed
        assert found.message.startswith("cannot be judged: column 'x' holds text (category with an order of its own)")
    asked = {"column": "x", "value_set": ["low", "high"]}
    assert one({"expect_column_values_to_be_in_set": asked}, frame, stored).passed
    assert one({"expect_column_values_to_match_regex": {"column": "x", "regex": "^[a-z]+$"}}, frame, stored).passed


def test_number_that_yaml_reads_as_text_is_told_so(stored) -> None:
    entry = {"expect_column_values_to_be_between": {"column": "x", "min_value": "1e-3"}}
    assert "YAML reads 1e-3 as text" in one(entry, pd.DataFrame({"x": [1.0]}), stored).message


def test_bound_on_float32_is_the_nearest_float32(stored) -> None:
    frame = pd.DataFrame({"x": np.array([0.1, 0.3], dtype=np.float32)})
    assert one(
        {"expect_column_values_to_be_between": {"column": "x", "min_value": 0.1, "max_value": 0.3}}, frame, stored
    ).passed
    assert not one({"expect_column_values_to_be_between": {"column": "x", "max_value": 0.29}}, frame, stored).passed
