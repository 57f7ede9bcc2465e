"""A table by column: each column by what it holds, parts that lack one, and columns that nobody knows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from ballast.compute.states.columns import BATCH, ColumnStates
from ballast.errors import DataError

DAY = 86_400.0
NOON = dt.datetime(1970, 1, 2, 12)


def of(*parts, schema=None, **how):
    found = ColumnStates(schema or parts[0].schema, **how)
    for part in parts:
        state = ColumnStates(schema or parts[0].schema, **how)
        state.add(part)
        found.merge(state)
    return found


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.array([1, None, 3], pa.int8()), [1, 3]),
        (pa.array([2**63, None, 0], pa.uint64()), [2.0**63, 0]),
        (pa.array([2**53 + 1, None, 0]), [2.0**53, 0]),
        (pa.array([0.5, np.nan, 2], pa.float32()), [0.5, 2]),
        (pa.array([Decimal("1.25"), None, Decimal("-3")], pa.decimal128(9, 2)), [1.25, -3]),
        (pa.array([dt.date(1970, 1, 2), None, dt.date(1970, 1, 3)]), [DAY, 2 * DAY]),
        (pa.array([NOON, None, NOON], pa.timestamp("ms")), [1.5 * DAY] * 2),
        (pa.array([NOON, None, NOON], pa.timestamp("us", "Europe/Zurich")), [1.5 * DAY] * 2),
        (pa.array([dt.time(0, 1), None, dt.time(1)], pa.time32("s")), [60, 3600]),
        (pa.array([dt.timedelta(1), None, dt.timedelta(0, 5)]), [DAY, 5]),
    ],
    ids=lambda given: str(given.type) if isinstance(given, pa.Array) else "",
)
def test_column_when_of_numbers_or_times_then_has_moments_and_quantiles(column, numbers):
    found = of(pa.table({"c": column}))
    assert (found.numeric, found.rows, found.counts) == (("c",), 3, {})
    assert (found.moments.count, found.moments.missing) == (2, 1)
    np.testing.assert_allclose(found.moments.mean, np.mean(numbers))
    np.testing.assert_allclose(found.moments.variance, np.var(numbers))
    np.testing.assert_allclose(found.quantiles["c"].quantile([0, 0.5, 1]), np.quantile(numbers, [0, 0.5, 1]))
    assert (found.quantiles["c"].count, found.quantiles["c"].missing) == (2, 1)


@pytest.mark.parametrize(
    ("column", "counts"),
    [
        (pa.array(["a", None, ""]), {"": 1, "a": 1}),
        (pa.array(["a", None, ""]).dictionary_encode(), {"": 1, "a": 1}),
        (pa.array([7, None, 8]).dictionary_encode(), {"7": 1, "8": 1}),
        (pa.array([b"a", None, b"b"]), {"a": 1, "b": 1}),
        (pa.array([True, None, False]), {"0": 1, "1": 1}),
        (pa.nulls(3), {}),
    ],
    ids=lambda given: str(given.type) if isinstance(given, pa.Array) else "",
)
def test_column_when_of_categories_then_has_counts(column, counts):
    found = of(pa.table({"c": column}))
    assert (found.numeric, found.rows, found.quantiles) == ((), 3, {})
    assert found.counts["c"].counts == counts
    assert found.counts["c"].missing == 3 - sum(counts.values())


def test_columns_when_batches_lack_some_then_are_missing_in_all_their_rows():
    whole = pa.table({"x": [1.0, 2.0], "c": ["a", None], "y": [5, None]})
    parts = [whole.select(["c"]), whole, pa.table({"y": [7, 7, 7], "x": pa.nulls(3)}), whole.slice(0, 0)]
    found = of(*parts, schema=whole.schema)
    assert found.rows == 7
    np.testing.assert_array_equal(found.moments.count, [2, 4])
    np.testing.assert_array_equal(found.moments.missing, [5, 3])
    assert [found.quantiles[name].missing for name in ("x", "y")] == [5, 3]
    assert (found.counts["c"].counts, found.counts["c"].missing) == ({"a": 2}, 5)


def test_columns_when_in_another_order_width_or_storage_then_bytes_are_the_same():
    table = pa.table({"x": pa.array([1, 2], pa.int64()), "c": ["a", None]})
    other = pa.table({"c": table["c"].dictionary_encode(), "x": table["x"].cast(pa.int16())})
    assert of(table).to_bytes() == of(other, schema=table.schema).to_bytes()
    (batch,) = table.to_batches()
    assert of(batch, schema=table.schema).to_bytes() == of(table).to_bytes()


def test_columns_when_a_table_is_longer_than_a_batch_then_all_rows_count():
    n = BATCH // 64 + 10
    table = pa.table({"x": np.arange(n), "c": np.arange(n) % 3 == 0})
    found = of(table)
    assert (found.rows, found.moments.count[0], found.counts["c"].count) == (n, n, n)
    np.testing.assert_allclose(found.moments.mean, (n - 1) / 2)
    assert found.quantiles["x"].high == n - 1


def test_columns_when_a_batch_has_one_that_is_not_in_the_schema_then_names_it_and_adds_nothing():
    schema = pa.schema([("price", pa.float64()), ("c", pa.string())])
    state = ColumnStates(schema)
    with pytest.raises(
        DataError, match=r"column 'prize' of a batch of 2 rows is not in the schema, did you mean 'price'"
    ):
        state.add(pa.table({"c": ["a", "b"], "prize": [1.0, 2.0]}))
    assert state.to_bytes() == ColumnStates(schema).to_bytes()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array(["1"]), r"'x' of a batch of 1 row holds categories \(string\), and numbers in the schema"),
        (pa.array([dt.date(2024, 1, 1)]), r"holds instants \(date32\[day\]\), and numbers in the schema"),
        (pa.array([[1.0]]), "holds nested values"),
    ],
)
def test_columns_when_a_batch_holds_something_else_then_says_what(column, message):
    with pytest.raises(DataError, match=message):
        ColumnStates(pa.schema([("x", pa.float64())])).add(pa.table({"x": column}))


def test_columns_when_named_twice_then_says_which():
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    with pytest.raises(DataError, match="the schema has column 'x' more than once"):
        ColumnStates(twice.schema)
    with pytest.raises(DataError, match="a batch of 1 row has column 'x' more than once"):
        ColumnStates(twice.schema.remove(0)).add(twice)


def test_columns_when_of_nested_values_then_says_which():
    with pytest.raises(DataError, match=r"column 'v' holds nested values \(list<item: double>\)"):
        ColumnStates(pa.schema([("v", pa.list_(pa.float64()))]))


def test_states_when_of_other_columns_sizes_or_limits_then_are_not_merged():
    state, schema = ColumnStates(pa.schema([("x", pa.int8()), ("c", pa.string())])), pa.schema([("x", pa.int8())])
    with pytest.raises(DataError, match="cannot be added up: categories in 'c'"):
        state.merge(ColumnStates(schema))
    with pytest.raises(DataError, match="cannot be added up: their order differs"):
        state.merge(ColumnStates(pa.schema([("c", pa.string()), ("x", pa.int64())])))
    for how in ({"size": 8}, {"limit": 8}):
        with pytest.raises(DataError, match="different sizes or limits"):
            ColumnStates(schema).merge(ColumnStates(schema, **how))
