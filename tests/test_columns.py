from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ballast.columns import alike, canonical, categories_of, is_missing, kind_of, numbers_of, scale_of

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
UUID = uuid.UUID("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
NOON = dt.datetime(2024, 1, 31, 12)
SECONDS = 1_706_702_400.0  # 2024-01-31 12:00 in UTC


def arrow(values: list, kind: pa.DataType) -> pd.Series:
    return pd.Series(pd.array(pa.array(values, kind), dtype=pd.ArrowDtype(kind)))


def objects(*values: object) -> pd.Series:
    column = pd.Series([None] * len(values), dtype=object)
    for row, value in enumerate(values):  # lists and arrays would be spread otherwise
        column.iat[row] = value
    return column


NUMBERS = {
    "int8": pd.Series([1, 2], dtype="int8"),
    "uint64": pd.Series([1, 2], dtype="uint64"),
    "float16": pd.Series([1, np.nan], dtype="float16"),
    "Int64": pd.Series([1, None], dtype="Int64"),
    "Float32": pd.Series([1.0, None], dtype="Float32"),
    "sparse": pd.Series([1.0, np.nan], dtype="Sparse[float64]"),
    "arrow int": arrow([1, None], pa.int16()),
    "arrow float": arrow([1.0, None], pa.float32()),
    "arrow half": arrow([np.float16(1)], pa.float16()),
    "arrow decimal": arrow([Decimal("1.00"), None], pa.decimal128(10, 2)),
    "arrow wide decimal": arrow([Decimal(1), None], pa.decimal256(60, 0)),
    "Decimal": objects(Decimal("1.00"), None),
    "integers": objects(1, None, 10**30),
    "a mixture": objects(1, np.nan, 2.5, np.int8(3), Decimal(4), Fraction(1, 2)),
    "with a truth": objects(1, True, 2.5),
}
TRUTHS = {
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "arrow bool": arrow([True, None], pa.bool_()),
    "objects": objects(True, None),
    "numpy": objects(np.True_, np.nan),
    "sparse": pd.Series([True, False], dtype="Sparse[bool]"),
}
INSTANTS = {
    "datetime64[s]": pd.Series([NOON, None], dtype="datetime64[s]"),
    "datetime64[ns]": pd.Series([NOON, None], dtype="datetime64[ns]"),
    "zone": pd.Series([NOON.replace(tzinfo=dt.UTC), None], dtype="datetime64[us, America/New_York]"),
    "arrow zone": arrow([NOON.replace(tzinfo=dt.UTC), None], pa.timestamp("ms", "Asia/Kolkata")),
    "arrow": arrow([NOON, None], pa.timestamp("us")),
    "datetime": objects(NOON, None),
    "mixed zones": objects(
        dt.datetime(2024, 1, 31, 7, tzinfo=NEW_YORK), dt.datetime(2024, 1, 31, 17, 30, tzinfo=KOLKATA)
    ),
    "Timestamp": objects(pd.Timestamp("2024-01-31 07:00", tz="America/New_York"), pd.NaT),
    "numpy": objects(np.datetime64("2024-01-31T12:00", "m"), None),
    "period": pd.Series(pd.PeriodIndex(["2024-01-31 12:00"], freq="h")),
    "periods": objects(pd.Period("2024-01-31 12:00", freq="h"), None),
}
DAYS = {
    "date": objects(dt.date(2024, 1, 31), None),
    "arrow date32": arrow([dt.date(2024, 1, 31), None], pa.date32()),
    "arrow date64": arrow([dt.date(2024, 1, 31), None], pa.date64()),
    "midnight": pd.Series([dt.datetime(2024, 1, 31)]),
    "with timestamps": objects(dt.date(2024, 1, 31), NOON),
    "period": pd.Series(pd.PeriodIndex(["2024-01-31"], freq="D")),
}
CLOCKS = {
    "time": objects(dt.time(1, 1, 1, 500_000), None),
    "arrow time32": arrow([dt.time(1, 1, 1, 500_000), None], pa.time32("ms")),
    "arrow time64": arrow([dt.time(1, 1, 1, 500_000), None], pa.time64("ns")),
    "zone": objects(dt.time(2, 1, 1, 500_000, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
}
DURATIONS = {
    "timedelta64": pd.Series([dt.timedelta(seconds=90.5), None]),
    "timedelta64[ms]": pd.Series([dt.timedelta(seconds=90.5)], dtype="timedelta64[ms]"),
    "arrow": arrow([dt.timedelta(seconds=90.5), None], pa.duration("us")),
    "timedelta": objects(dt.timedelta(seconds=90.5), None),
    "numpy": objects(np.timedelta64(90_500, "ms")),
    "arrow interval": arrow([(0, 0, 90_500_000_000)], pa.month_day_nano_interval()),
    "offset": pa.array([(0, 0, 90_500_000_000)], pa.month_day_nano_interval()).to_pandas(),
}
CATEGORIES = {
    "text": pd.Series(["a", None]),
    "string": pd.Series(["a", None], dtype="string"),
    "arrow string": arrow(["a", None], pa.string()),
    "arrow view": arrow(["a", None], pa.string_view()),
    "arrow dictionary": arrow(["a", None], pa.dictionary(pa.int8(), pa.string())),
    "category": pd.Series(["a", None], dtype="category"),
    "bytes": objects(b"a", None),
    "arrow binary": arrow([b"a"], pa.binary()),
    "category of numbers": pd.Series(pd.Categorical([1, 2])),
    "category of times": pd.Series(pd.Categorical([NOON])),
    "category of truths": pd.Series(pd.Categorical([True, False])),
    "UUID": objects(UUID),
    "arrow UUID": arrow([UUID.bytes], pa.uuid()),
    "interval": pd.Series(pd.interval_range(0, 2)),
    "text and numbers": objects("a", 1),
    "dates and times of day": objects(dt.date(2024, 1, 31), dt.time(1)),
}
NESTED = {
    "list": objects([1], None),
    "array": objects(np.array([1, 2])),
    "tuple": objects((1,)),
    "dict": objects({"a": 1}),
    "set": objects({1}),
    "a list among text": objects("a", [1]),
    "arrow list": arrow([[1], None], pa.list_(pa.int64())),
    "arrow struct": arrow([{"a": 1}], pa.struct([("a", pa.int64())])),
    "complex": pd.Series([1j]),
}
EMPTY = {
    "no row": pd.Series([], dtype="int64"),
    "NaN": pd.Series([np.nan, np.nan]),
    "None": objects(None, None),
    "NaT": pd.Series([pd.NaT]),
    "Int64": pd.Series([None], dtype="Int64"),
    "arrow null": arrow([None], pa.null()),
    "arrow string": arrow([None], pa.string()),
    "category": pd.Series([None], dtype="category"),
}
KINDS = [
    (NUMBERS, "number", "number"),
    (TRUTHS, "truth", "truth"),
    (INSTANTS, "time", "instant"),
    (DAYS, "time", "instant"),
    (CLOCKS, "time", "time of day"),
    (DURATIONS, "time", "duration"),
    (CATEGORIES, "category", "category"),
    (NESTED, "nested", "nested"),
    (EMPTY, "empty", "empty"),
]


def each(*groups: dict[str, pd.Series]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "column", [pytest.param(c, id=name) for group in groups for name, c in group.items()]
    )


@pytest.mark.parametrize(
    ("column", "kind", "scale"),
    [pytest.param(c, kind, scale, id=f"{scale}: {n}") for group, kind, scale in KINDS for n, c in group.items()],
)
def test_kind_of_when_a_column_is_of_any_type_then_it_is_what_the_values_are(column, kind, scale):
    assert kind_of(column) == kind
    assert scale_of(column) == scale


@each(NUMBERS, TRUTHS, INSTANTS, DAYS, CLOCKS, DURATIONS, EMPTY)
def test_numbers_of_when_values_are_missing_then_they_are_nan_and_all_others_numbers(column):
    found = numbers_of(column)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(found), column.isna())


@each(NUMBERS, TRUTHS)
def test_numbers_of_when_a_one_is_of_any_type_then_it_is_one(column):
    assert numbers_of(column)[0] == 1.0


@each(INSTANTS)
def test_numbers_of_when_an_instant_is_of_any_type_then_seconds_since_1970_in_utc(column):
    assert set(numbers_of(column[column.notna()])) == {SECONDS}
    assert set(canonical(column[column.notna()])) == {"2024-01-31T12:00:00"}


@each(DAYS)
def test_numbers_of_when_a_day_is_of_any_type_then_its_midnight(column):
    assert numbers_of(column)[0] == SECONDS - 12 * 3600
    assert canonical(column)[0] == "2024-01-31"


@each(CLOCKS)
def test_numbers_of_when_a_time_of_day_is_of_any_type_then_seconds_since_midnight(column):
    assert numbers_of(column)[0] == 3661.5
    assert canonical(column)[0] == "01:01:01.5"


@each(DURATIONS)
def test_numbers_of_when_a_duration_is_of_any_type_then_its_seconds(column):
    assert numbers_of(column)[0] == 90.5
    assert canonical(column)[0] == "PT90.5S"


@each(CATEGORIES, NESTED)
def test_numbers_of_when_a_column_holds_no_numbers_then_refuses(column):
    with pytest.raises(ValueError, match="neither numbers nor times"):
        numbers_of(column)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_numbers_of_when_units_differ_then_the_same_doubles(unit):
    stamps = pd.Series(pd.to_datetime(["1969-12-31 23:59:59", "2024-01-31 12:00:01"])).astype(f"datetime64[{unit}]")
    np.testing.assert_array_equal(numbers_of(stamps), [-1.0, SECONDS + 1])


def test_numbers_of_when_microseconds_are_kept_in_another_unit_then_the_same_doubles():
    micro = pd.Series(np.arange(1_706_702_400_000_001, 1_706_702_400_003_000, 7).astype("datetime64[us]"))
    np.testing.assert_array_equal(numbers_of(micro), numbers_of(micro.astype("datetime64[ns]")))
    np.testing.assert_array_equal(numbers_of(micro), numbers_of(micro.dt.tz_localize("UTC").dt.tz_convert(NEW_YORK)))
    np.testing.assert_array_equal(numbers_of(micro), numbers_of(objects(*micro.dt.to_pydatetime())))
    assert canonical(micro).tolist() == canonical(micro.astype("datetime64[ns]")).tolist()


def test_numbers_of_when_dates_lie_centuries_away_then_they_are_exact():
    days = objects(dt.date(1, 1, 1), dt.date(9999, 12, 31))
    np.testing.assert_array_equal(numbers_of(days), [-62135596800.0, 253402214400.0])
    assert canonical(days).tolist() == ["0001-01-01", "9999-12-31"]
    assert numbers_of(days).tolist() == numbers_of(objects(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))).tolist()


def test_numbers_of_when_a_duration_has_months_then_of_thirty_days():
    column = arrow([(1, 1, 500_000_000)], pa.month_day_nano_interval())
    assert numbers_of(column)[0] == 31 * 86400 + 0.5
    assert numbers_of(pa.array([(1, 1, 500_000_000)], pa.month_day_nano_interval()).to_pandas())[0] == 31 * 86400 + 0.5


def test_numbers_of_when_numbers_lie_beyond_a_double_then_infinite():
    assert numbers_of(objects(10**400, -(10**400), 1)).tolist() == [np.inf, -np.inf, 1.0]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_numbers_of_when_the_machine_is_in_another_zone_then_the_same(zone, monkeypatch):
    def all_of():
        return [(numbers_of(c).tolist(), canonical(c).tolist()) for group in (INSTANTS, DAYS) for c in group.values()]

    before = repr(all_of())
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        assert repr(all_of()) == before
    finally:
        monkeypatch.undo()
        time.tzset()


@each(NUMBERS, TRUTHS)
def test_canonical_when_a_one_is_of_any_type_then_the_same_text(column):
    assert canonical(column)[0] == canonical(pd.Series(["1"]))[0] == canonical(pd.Series(pd.Categorical([1])))[0] == "1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (Decimal("0.10"), "0.1"),
        (-0.0, "0"),
        (Decimal("-0.00"), "0"),
        (1e-5, "0.00001"),
        (Decimal("1E-5"), "0.00001"),
        (1e20, "100000000000000000000"),
        (Decimal("1E20"), "100000000000000000000"),
        (2.0**70, str(2**70)),
        (np.inf, "inf"),
        (Decimal("-Infinity"), "-inf"),
        (10**30, "1" + "0" * 30),
        (1.5, "1.5"),
        ("01", "01"),
        ("1.0", "1.0"),
        ("", ""),
        (b"caf\xc3\xa9", "café"),
        (b"\xff", "\\xff"),
        (UUID, str(UUID)),
        (str(UUID).upper(), str(UUID)),
        ("A" * 36, "A" * 36),
        (pd.Interval(1, 2), "(1, 2]"),
        (pd.Interval(1.0, 2.0), "(1, 2]"),
        (dt.timedelta(seconds=-0.5), "PT-0.5S"),
        (dt.time(0), "00:00:00"),
        ([1, None, "a", [2.0]], "[1, null, 'a', [2]]"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_canonical_when_given_a_value_then_its_text(value, text):
    assert canonical(objects(value, None)).tolist() == [text, None]
    assert canonical(objects(value, "other"))[0] == text, "among values of another kind"
    if not isinstance(value, list | dict):
        assert canonical(pd.Series(pd.Categorical([value, None]))).tolist() == [text, None]


def test_canonical_when_whole_numbers_are_wide_then_every_digit_is_kept():
    wide = [2**53 + 1, 2**63 - 1, -(2**63)]
    texts = list(map(str, wide))
    for column in (pd.Series(wide), pd.Series(wide, dtype="Int64"), objects(*wide), objects(*map(Decimal, wide))):
        assert canonical(column).tolist() == texts
    assert canonical(arrow(list(map(Decimal, wide)), pa.decimal128(38, 0))).tolist() == texts
    assert canonical(pd.Series([2**64 - 1], dtype="uint64")).tolist() == [str(2**64 - 1)]


@each(CATEGORIES, NESTED, EMPTY)
def test_canonical_when_values_are_missing_then_none_and_all_others_text(column):
    found = canonical(column)
    assert [text is None for text in found] == column.isna().tolist()
    assert all(isinstance(text, str) for text in found if text is not None)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (objects(1, 2), objects(Decimal(1)), True),
        (objects(1, 2), objects(True), True),
        (objects(1, 2), objects("1", "-0.5"), True),
        (objects(True), objects("1", "0"), True),
        (objects(1, 2), objects(None), True),
        (objects("a"), objects("b"), True),
        (objects(b"a"), objects(UUID), True),
        (INSTANTS["zone"], DAYS["date"], True),
        (objects(1, 2), objects("01"), False),
        (objects(1, 2), objects("1.0"), False),
        (objects(1, 2), objects("1", "a"), False),
        (objects(True), objects("True"), False),
        (objects(1), INSTANTS["zone"], False),
        (INSTANTS["zone"], CLOCKS["time"], False),
        (CLOCKS["time"], DURATIONS["timedelta"], False),
        (DAYS["date"], objects("2024-01-31"), False),
        (objects([1]), objects("a"), False),
    ],
)
def test_alike_when_two_columns_are_of_two_types_then_says_whether_they_compare(first, second, said):
    assert alike(first, second) is alike(second, first) is said


@pytest.mark.parametrize("dtype", ["Float64", "float64[pyarrow]"])
def test_is_missing_when_a_nullable_column_has_a_nan_then_it_is_missing(dtype):
    column = pd.Series([0.0, 1.0, None], dtype=dtype) / pd.Series([0.0, 1.0, 1.0], dtype=dtype)
    assert is_missing(column).tolist() == [True, False, True]
    assert canonical(column).tolist() == [None, "1", None]
    assert numbers_of(column)[1] == 1
    assert kind_of(column.iloc[[0, 2]]) == "empty"


@each(*(group for group, _, _ in KINDS))
def test_categories_of_when_values_repeat_then_positions_among_the_canonical_texts(column):
    again = pd.concat([column, column], ignore_index=True)
    codes, texts = categories_of(again)
    assert len(set(texts)) == len(texts)
    assert [texts[code] if code >= 0 else None for code in codes] == canonical(again).tolist()


def test_categories_of_when_values_of_two_types_are_equal_then_one_category():
    codes, texts = categories_of(objects(1, "1", None, Decimal("1.00"), True, "01", b"1"))
    assert codes.tolist() == [0, 0, -1, 0, 0, 1, 0]
    assert texts.tolist() == ["1", "01"]


@each(*(group for group, _, _ in KINDS))
def test_columns_when_read_then_they_are_left_as_they_were(column):
    before = column.copy(deep=True)
    canonical(column)
    kind_of(column)
    assert column.dtype == before.dtype
    assert repr(column.tolist()) == repr(before.tolist())
