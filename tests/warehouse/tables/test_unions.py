"""Partitions of different types under one another: in SQL they still compare, sort and add up as what they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
from ballast.warehouse.tables.unions import common_type


def put(warehouse: Warehouse, *columns: pa.Array, asset: str = "t/x") -> None:
    for number, column in enumerate(columns):
        warehouse.commit(asset, pa.table({"x": column}), partition=f"p{number}")


def test_view_when_decimals_differ_in_width_then_their_maximum_is_the_largest_number(warehouse):
    for month, prices in {"jan": ["1.25", "9.99"], "feb": ["101.25", "9.99"]}.items():
        warehouse.commit("t/dec", pd.DataFrame({"price": [Decimal(price) for price in prices]}), partition=month)
    answer = warehouse.sql("SELECT max(price) AS most, avg(price) AS mean, typeof(any_value(price)) AS kind FROM t.dec")
    assert (str(answer.most[0]), answer["mean"][0], answer.kind[0]) == ("101.25", 30.62, "DECIMAL(5,2)")
    assert warehouse.read("t/dec").price.max() == Decimal("101.25")


TYPES = {
    "decimals of other scales": (
        pa.array([Decimal("9.125")]),
        pa.array([Decimal("10.5")]),
        [Decimal("9.125"), Decimal("10.500")],
    ),
    "whole numbers and decimals": (pa.array([9]), pa.array([Decimal("10.5")]), [Decimal("9.0"), Decimal("10.5")]),
    "unsigned beyond signed": (
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([-1]),
        [Decimal(-1), Decimal(2**64 - 1)],
    ),
    "unsigned within signed": (pa.array([255], pa.uint8()), pa.array([-1], pa.int8()), [-1, 255]),
    "truths and numbers": (pa.array([True]), pa.array([10]), [1, 10]),
    "small and floating": (pa.array([10]), pa.array([9.5]), [9.5, 10.0]),
    "floats": (pa.array([10.5], pa.float32()), pa.array([9.1]), [9.1, 10.5]),
    "decimals and floating": (pa.array([Decimal("10.1")]), pa.array([9.5]), [9.5, 10.1]),
    "dates and timestamps": (
        pa.array([dt.date(2024, 1, 10)]),
        pa.array([dt.datetime(2024, 1, 9, 5)]),
        [pd.Timestamp(2024, 1, 9, 5), pd.Timestamp(2024, 1, 10)],
    ),
    "units of time": (
        pa.array([10], pa.timestamp("s")),
        pa.array([9_000_000_001], pa.timestamp("ns")),
        [pd.Timestamp("1970-01-01 00:00:09.000000001"), pd.Timestamp("1970-01-01 00:00:10")],
    ),
    "zones": (
        pa.array([10], pa.timestamp("s", "Asia/Tokyo")),
        pa.array([9], pa.timestamp("s", "America/New_York")),
        [pd.Timestamp(9, unit="s", tz="UTC"), pd.Timestamp(10, unit="s", tz="UTC")],
    ),
    "with and without zone": (
        pa.array([10], pa.timestamp("us")),
        pa.array([9_000], pa.timestamp("ms", "Asia/Tokyo")),
        [pd.Timestamp(10, unit="us", tz="UTC"), pd.Timestamp(9, unit="s", tz="UTC")],
    ),
    "nothing at all": (pa.nulls(1), pa.array([Decimal("1.5")]), [Decimal("1.5"), None]),
    "text": (pa.array(["b"]), pa.array([10]), ["10", "b"]),
    "categories and text": (pa.array(["b"]).dictionary_encode(), pa.array(["a"]), ["a", "b"]),
}


@pytest.mark.parametrize("case", TYPES)
def test_view_when_partitions_are_of_one_kind_then_it_sorts_as_that_and_reads_the_same(shared, case):
    one, other, right = TYPES[case]
    asset = f"t/{case}"
    put(shared, one, other, asset=asset)
    answer = shared.sql(f'SELECT x FROM t."{case}" ORDER BY x')["x"].tolist()
    assert [None if pd.isna(value) else value for value in answer] == right
    read = shared.read(asset).sort_values("x", na_position="last")["x"].tolist()
    assert [None if pd.isna(value) else value for value in read] == right


def test_view_when_durations_differ_in_unit_then_the_longer_is_more(warehouse):
    put(warehouse, pa.array([10], pa.duration("s")), pa.array([9_000_000], pa.duration("us")))
    assert warehouse.sql("SELECT partition FROM t.x ORDER BY x")["partition"].tolist() == ["p1", "p0"]
    assert warehouse.read("t/x").x.max() == pd.Timedelta(seconds=10)


@pytest.mark.parametrize("wide", [pa.array([2**53 + 1]), pa.array([Decimal(2**53 + 1)])])
def test_view_when_no_float_is_a_whole_number_then_it_says_so_rather_than_round(shared, wide):
    asset = f"t/wide {wide.type}"
    put(shared, wide, pa.array([0.5]), asset=asset)
    with pytest.raises(WarehouseError, match="floating-point elsewhere, which cannot hold 9007199254740993"):
        shared.sql(f'SELECT max(x) FROM t."wide {wide.type}"')
    with pytest.raises(WarehouseError, match="read one partition at a time"):
        shared.read(asset)
    assert shared.read_arrow(asset, partition="p0")["x"].combine_chunks() == wide


def test_read_when_partitions_have_other_categories_then_it_has_them_all(warehouse):
    for number, levels in enumerate((["z", "a"], ["b", "a"])):
        frame = pd.DataFrame({"x": pd.Categorical(["a"], categories=levels, ordered=True)})
        warehouse.commit("t/x", frame, partition=str(number))
        assert warehouse.read("t/x", partition=str(number)).x.cat.categories.tolist() == levels
    whole = warehouse.read("t/x").x
    assert (whole.cat.categories.tolist(), whole.cat.ordered, whole.tolist()) == (["z", "a", "b"], False, ["a", "a"])


def test_view_of_an_older_store_is_made_anew_by_the_first_commit(embedded):
    put(embedded, pa.array([Decimal("9.99")]), pa.array([Decimal("101.25")]))
    with embedded.home.writing(10, None) as con:  # as the version before made it
        con.execute("DROP TABLE ballast_store.levels")
        con.execute("CREATE OR REPLACE VIEW t.x AS SELECT '9.99' AS x")
    assert embedded.read("t/x").x.tolist() == [Decimal("9.99"), Decimal("101.25")]
    embedded.commit("t/other", pa.table({"x": [1]}))
    assert embedded.sql("SELECT max(x) AS most FROM t.x").most[0] == Decimal("101.25")


@pytest.mark.parametrize(
    ("kinds", "right"),
    [
        ([pa.int8(), pa.uint8()], pa.int16()),
        ([pa.int64(), pa.uint64()], pa.decimal128(20, 0)),
        ([pa.decimal128(38, 0), pa.decimal128(38, 10)], pa.decimal128(38, 10)),
        ([pa.bool_(), pa.date32()], pa.string()),
        ([pa.null(), pa.null()], pa.null()),
        ([pa.null(), pa.list_(pa.int64())], pa.list_(pa.int64())),
        ([pa.list_(pa.float32(), 2), pa.list_(pa.float32(), 3)], pa.list_(pa.float32())),
        ([pa.list_(pa.float32(), 2), pa.list_(pa.float64(), 2)], pa.list_(pa.float64(), 2)),
        ([pa.list_(pa.int64()), pa.list_(pa.float64())], pa.string()),
        ([pa.binary(), pa.binary(3)], pa.large_binary()),
        ([pa.float32(), pa.int32()], pa.float64()),
        ([pa.date32(), pa.timestamp("s", "UTC")], pa.timestamp("s", "UTC")),
    ],
)
def test_common_type_holds_all_values_whichever_comes_first(kinds, right):
    assert common_type(kinds) == common_type(kinds[::-1]) == right


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [
        ([1, 2], ["x", "y"], ["1", "2", "x", "y"]),
        ([1, 2], [0.5, 1.5], [1.0, 2.0, 0.5, 1.5]),
        (pd.Categorical(["a", "b"]), pd.Categorical(["b", "c"]), ["a", "b", "b", "c"]),
    ],
    ids=["text", "floats", "categories"],
)
def test_read_of_partitions_whose_column_differs_in_capitals_and_type_then_in_the_type_of_both(
    embedded, first, second, read
):
    embedded.commit("p/x", pd.DataFrame({"Value": first}), partition="a")
    embedded.commit("p/x", pd.DataFrame({"value": second}), partition="b")
    assert embedded.read("p/x")["Value"].tolist() == read
