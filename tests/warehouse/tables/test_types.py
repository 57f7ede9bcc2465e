"""Every type that a commit takes comes back: equal values, the same type; the rest is refused."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import pytz
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_series_equal

from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
from ballast.warehouse.tables.frames import pandas_frame
from ballast.warehouse.tables.hashing import content_hash

ONE, TWO = (uuid.UUID(int=7919**number) for number in (5, 9))
DAYS = pd.to_datetime(["2024-01-01", "2024-07-01", None])


def objects(*values: Any) -> pd.Series:
    return pd.Series(np.fromiter(values, object, len(values)), dtype=object)


def arrow(kind: pa.DataType, *values: Any) -> pd.Series:
    return pd.Series(pd.array(values, pd.ArrowDtype(kind)))


FRAMES: dict[str, Any] = {
    "category of whole numbers": pd.Categorical([3, 1, None]),
    "category of truths": pd.Categorical([True, False, None]),
    "category of times": pd.Categorical(DAYS),
    "category of zoned times": pd.Categorical(DAYS.tz_localize("Europe/Paris")),
    "category of durations": pd.Categorical(pd.to_timedelta([1, 2, None])),
    "category of floats": pd.Categorical([0.5, -0.0, None]),
    "category of decimals": pd.Categorical([Decimal("1.50"), Decimal(2), None]),
    "category of dates": pd.Categorical([dt.date(2020, 1, 1), dt.date(2019, 1, 1), None]),
    "category of UUIDs": pd.Categorical([ONE, TWO, None]),
    "category of periods": pd.Categorical(pd.PeriodIndex(["2020-01", "2020-02", None], freq="M")),
    "category of intervals": pd.cut([1, 5, np.nan], 3),
    "category with unused levels": pd.Categorical(["b", "a", None], categories=["z", "b", "a", "q"]),
    "ordered category": pd.Categorical(["b", "a", None], categories=["b", "z", "a"], ordered=True),
    "empty category": pd.Categorical([None, None, None]),
    "category of pandas' own text": pd.Series(["a", "b", None], dtype="string").astype("category"),
    "category of pandas' own numbers": pd.Series([1, 2, None], dtype="Int64").astype("category"),
    "category of Arrow's text": pd.Series(["a", "b", None], dtype=pd.ArrowDtype(pa.string())).astype("category"),
    "UUIDs": objects(ONE, TWO, None),
    "intervals": pd.arrays.IntervalArray.from_tuples([(1, 2), (2, 3), None], closed="left"),
    "intervals of time": pd.interval_range(pd.Timestamp("2020"), periods=3),
    "periods": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
    "quarters": pd.PeriodIndex(["2020Q1", None, "2020Q3"], freq="Q-MAR"),
    "durations": pd.to_timedelta([1, 2, None]),
    "durations in seconds": np.array([1, 2, 3], "m8[s]"),
    "decimals of mixed scale": objects(Decimal("1.2"), Decimal("1.255"), None),
    "decimals of 38 digits": objects(Decimal(10) ** 37, None, -(Decimal(10) ** 37)),
    "dates": objects(dt.date(2020, 1, 1), None, dt.date(1, 1, 1)),
    "times of day": objects(dt.time(1, 2, 3, 4), None, dt.time(0)),
    "times in New York": DAYS.tz_localize("America/New_York").as_unit("us"),
    "times in UTC by the second": DAYS.tz_localize("UTC").as_unit("s"),
    "times at an offset": DAYS.tz_localize("+05:30").tz_convert(pytz.FixedOffset(330)).as_unit("ms"),
    "times of a far year": np.array(["0001", "NaT", "9999"], "M8[s]"),
    "bytes": objects(b"a", None, b"\x00\xff"),
    "lists with gaps": objects([2**53 + 1, None], None, []),
    "lists of gaps": objects([None, None], None, []),
    "lists of floats": objects([1.5, None, float("nan")], None, []),
    "tuples": objects((1, 2), None, ()),
    "lists of lists": objects([[1], [2, 3]], None, [[]]),
    "dicts": objects({"a": 2**53 + 1, "b": ["it's"]}, None, {"b": None, "a": None}),
    "dicts of times": objects({"a": dt.date(2020, 1, 1), "b": float("nan")}, None, {"b": None, "a": None}),
    "lists of dicts": objects([{"a": 2**53 + 1}], None, [{"a": None}]),
    "arrays of one width": objects(*np.arange(6, dtype=np.float32).reshape(3, 2)),
    "arrays of any width": objects(np.arange(2), None, np.arange(3)),
    "pandas' own text": pd.array(["a", None, ""], "string[python]"),
    "Arrow's text in pandas": pd.array(["a", None, ""], "string[pyarrow]"),
    "numbers with gaps": pd.array([2**53 + 1, None, 3], "Int64"),
    "numbers that could have gaps": pd.array([1, 2, 3], "Int64"),
    "bytes of numbers with gaps": pd.array([1, None, 255], "UInt8"),
    "floats with gaps": pd.array([1.5, None, 2], "Float64"),
    "truths with gaps": pd.array([True, None, False], "boolean"),
    "truths that could have gaps": pd.array([True, True, False], "boolean"),
    "half floats": np.array([1.5, 2, 3], np.float16),
    "nothing": objects(None, None, None),
    "Arrow's whole numbers": arrow(pa.int64(), 1, None, 3),
    "Arrow's zoned times": arrow(pa.timestamp("us", "UTC"), 1, None, 3),
    "Arrow's decimals": arrow(pa.decimal128(5, 2), Decimal("1.50"), None, Decimal(2)),
    "Arrow's lists": arrow(pa.list_(pa.int64()), [1], None, [2, None]),
    "Arrow's times of day": arrow(pa.time64("us"), dt.time(1), None, None),
}


@pytest.mark.parametrize("times", [1, 40])  # few rows of a lake lie in its catalog, more in a file
def test_frame_when_of_any_type_then_another_process_reads_the_same(warehouse, times):
    frame = pd.DataFrame({name: pd.concat([pd.Series(v)] * times, ignore_index=True) for name, v in FRAMES.items()})
    made = warehouse.commit("t/x", frame)
    other = Warehouse(warehouse.url)
    back = other.read("t/x")
    for name in FRAMES:
        assert_series_equal(back[name], frame[name])
        assert [type(v) for v in back[name].dropna()] == [type(v) for v in frame[name].dropna()], name
    assert content_hash(other.read_arrow("t/x")) == made.content_hash
    assert other.commit("t/x", back).content_hash == made.content_hash
    assert len(other.sql("SELECT * FROM t.x")) == len(frame)


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ([1, 2.5, None], pd.Series([1.0, 2.5, np.nan])),
        ([True, None, False], pd.Series([True, None, False], dtype="boolean")),
        ([2**64 - 1, 0, None], pd.Series([2**64 - 1, 0, None], dtype="UInt64")),
        ([2**53 + 1, None], pd.Series([2**53 + 1, None], dtype="Int64")),
        ([dt.timedelta(1), None], pd.Series(pd.to_timedelta([dt.timedelta(1), None])).astype("m8[us]")),
        ([dt.datetime(1, 1, 1), None], pd.Series(np.array(["0001-01-01", "NaT"], "M8[us]"))),
        (
            [pd.Interval(1, 2), pd.Interval(2.5, 3)],
            pd.Series(pd.IntervalIndex.from_tuples([(1.0, 2), (2.5, 3)])),
        ),
        ([np.nan, pd.NA, "a"], pd.Series([None, None, "a"], dtype=object)),
    ],
)
def test_objects_when_of_one_type_then_they_come_back_as_a_column_of_it(shared, values, right):
    shared.commit("objects/x", pd.DataFrame({"x": objects(*values)}))
    assert_series_equal(shared.read("objects/x").x, right, check_names=False)


def extension(kind: Any, values: list[Any]) -> pa.Array:
    return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))


def levels(values: pa.Array, *codes: int | None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), values)


BARE = pa.array([ONE.bytes], pa.binary(16))
TABLES = {
    "decimal256": pa.array([Decimal("1.5"), None], pa.decimal256(50, 2)),
    "decimal32": pa.array([Decimal("1.5"), None], pa.decimal32(5, 2)),
    "negative scale": pa.array([Decimal(100), None], pa.decimal128(7, 0)).cast(pa.decimal128(5, -2)),
    "text view": pa.array(["a" * 30, None], pa.string_view()),
    "bytes view": pa.array([b"a", None], pa.binary_view()),
    "large bytes": pa.array([b"a", None], pa.large_binary()),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1, 2], pa.int16()), ["a", None]),
    "UUID": extension(pa.uuid(), [ONE.bytes, None]),
    "JSON": extension(pa.json_(), ['{"a":1}', None]),
    "opaque": extension(pa.opaque(pa.int64(), "kind", "vendor"), [2**53 + 1, None]),
    "bool8": extension(pa.bool8(), [1, None]),
    "tensor": extension(pa.fixed_shape_tensor(pa.int32(), [2]), [[1, 2], None]),
    "time of day in ns": pa.array([1000, None], pa.time64("ns")),
    "time of day in s": pa.array([1, None], pa.time32("s")),
    "date64": pa.array([86_400_000, None], pa.date64()),
    "large list": pa.array([[1], None], pa.large_list(pa.int64())),
    "map of categories": pa.array([[("a", "x")], None], pa.map_(pa.string(), pa.dictionary(pa.int8(), pa.string()))),
    "list of no width": pa.array([[], None], pa.list_(pa.int64(), 0)),
    "list of whole numbers": pa.array([[1, None], None], pa.list_(pa.int32(), 2)),
    "list of categories": pa.array([["a", "b"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
    "list of durations": pa.array([[1], None], pa.list_(pa.duration("s"))),
    "list of zoned times": pa.array([[1], None], pa.list_(pa.timestamp("ms", "Asia/Tokyo"))),
    "list of halves": pa.array([[np.float16(1.5)], None], pa.list_(pa.float16())),
    "list of nothing": pa.array([[None], None], pa.list_(pa.null())),
    "list of several nothings": pa.array([[None, None], None]),
    "list of lists of nothing": pa.array([[[None, None], []], None], pa.list_(pa.list_(pa.null()))),
    "large lists of nothing": pa.array([[[None] * 3], None], pa.large_list(pa.large_list(pa.null()))),
    "arrays of nothing": pa.array([[[None] * 2] * 3, None], pa.list_(pa.list_(pa.null(), 2), 3)),
    "list of UUIDs": pa.ListArray.from_arrays([0, 1, 1], extension(pa.uuid(), [ONE.bytes])),
    "struct of a UUID": pa.StructArray.from_arrays([extension(pa.uuid(), [ONE.bytes, None])], ["u v"]),
    "deep": pa.array([{"a": [{"b": dt.timedelta(1)}]}, None]),
    "category of text views": levels(pa.array(["a"], pa.string_view()), 0, None),
    "category of halves": levels(pa.array([np.float16(1.5)], pa.float16()), 0, None),
    "category with a null level": levels(pa.array(["a", None]), 0, 1),
    "category with a level twice": levels(pa.array(["a", "a"]), 0, 1),
    "category that is not a number": levels(pa.array([1.0, float("nan")]), 0, 1),
    "category of UUIDs": levels(extension(pa.uuid(), [ONE.bytes]), 0, None),
    "category of nothing": levels(pa.nulls(0), None, None),
    "a far second": pa.array([2**40, None], pa.timestamp("s")),
    "the last microsecond": pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("us")),
    "a vector too wide for an array": pa.FixedSizeListArray.from_arrays(np.zeros(200_002, np.float32), 100_001),
}
_PYARROW = int(pa.__version__.split(".")[0])
if _PYARROW < 24:  # it cannot count the bytes of views
    TABLES = {name: array for name, array in TABLES.items() if "view" not in name}
if _PYARROW < 20:  # it cannot bring these to pandas
    del TABLES["decimal32"]


@pytest.mark.parametrize("times", [1, 60])
def test_table_when_of_any_type_then_comes_back_the_same(warehouse, times):
    given = {name: pa.chunked_array([array] * (1 if "wide" in name else times)) for name, array in TABLES.items()}
    wide = {name: column for name, column in given.items() if "wide" in name}
    for asset, columns in {"t/x": {k: v for k, v in given.items() if k not in wide}, "t/wide": wide}.items():
        table = pa.table(columns)
        made = warehouse.commit(asset, table)
        back = Warehouse(warehouse.url).read_arrow(asset)
        assert back.schema == table.schema
        for name in table.column_names:
            assert content_hash(back.select([name])) == content_hash(table.select([name])), name
        assert content_hash(back) == made.content_hash
        assert len(warehouse.read(asset)) == table.num_rows


REFUSED: dict[str, tuple[Any, str]] = {
    "several types": (objects(1, "x"), r"mixes types \(int and text\), such as 1 in row 0 and 'x' in row 1"),
    "text and bytes": (objects("a", b"b"), "mixes types"),
    "truths and numbers": (objects(1, True), "mixes types"),
    "dates and times": (objects(dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 5)), "mixes types"),
    "any object": (objects(object()), "holds objects of type object"),
    "sets": (objects({1}), "holds objects of type set"),
    "offsets": (objects(pd.DateOffset(months=1)), "DateOffset"),
    "wide whole numbers": (objects(2**70), "wider than 64 bits; give them as decimal.Decimal or as text"),
    "wide mixed numbers": (objects(2**63, -1), "wider than 64 bits"),
    "no float": (objects(2**60 + 1, 0.5), "1152921504606846977 is not a floating-point number"),
    "infinite decimal": (objects(Decimal("inf")), "such as Infinity"),
    "wide decimal": (objects(Decimal(10) ** 40), "decimals of up to 38 digits"),
    "zones": (objects(pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020", tz="Asia/Tokyo")), "different zones"),
    "some zones": (objects(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), "different zones or none"),
    "zoned times of day": (objects(dt.time(1, tzinfo=dt.UTC)), "of day with a zone"),
    "keys": (objects({"a": 1}, {"b": 2}), "row 0 holds {'a': 1}, which would come back as {'a': 1, 'b': None}"),
    "matrices": (objects(np.ones((2, 2))), "one dimension"),
    "number types": (objects(np.ones(2), np.ones(2, np.float32)), "one number type"),
    "half a character": (objects("\ud800"), "surrogates not allowed"),
    "sparse": (pd.arrays.SparseArray([0, 1.5]), "sparse.to_dense"),
    "complex": ([1j], "complex128"),
    "fine zoned times": (pa.array([1], pa.timestamp("ns", "UTC")), "kept to the microsecond"),
    "fine times of day": (pa.array([1], pa.time64("ns")), "kept to the microsecond"),
    "fine intervals": (pa.array([(1, 2, 3001)], pa.month_day_nano_interval()), "changes values of|millisecond"),
    "far zoned times": (pa.array([2**62], pa.timestamp("s", "UTC")), "out of bounds"),
    "far dates": (pa.array([2**31 - 1], pa.date32()), "years 1 to 9999"),
    "unknown zone": (pa.array([1], pa.timestamp("us", "Mars/X")), "'Mars/X' is not known"),
    "unions": (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "no type for sparse_union"),
    "nothing inside": (pa.array([{}], pa.struct([])), "no type for struct"),
    "nested categories": (levels(pa.array([{"a": 1}]), 0), "nested values as categories"),
    "damaged text": (
        pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]),
        "damaged",
    ),
    "damaged category": (
        pa.DictionaryArray.from_arrays(pa.array([5], pa.int8()), pa.array(["a"]), safe=False),
        "damaged",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_column_when_it_would_not_come_back_then_refused_with_its_place_before_anything_is_stored(shared, case):
    column, message = REFUSED[case]
    given = pa.table({"id": pa.nulls(len(column)), "x y": column}) if isinstance(column, pa.Array) else column
    frame = given if isinstance(given, pa.Table) else pd.DataFrame({"x y": given})
    with pytest.raises(WarehouseError, match=message) as caught:
        shared.commit("refused/x", frame)
    assert "'refused/x'" in str(caught.value)
    assert "'x y'" in str(caught.value)
    assert shared.commits("refused/x") == []


def test_lake_when_a_table_has_many_chunks_then_its_rows_keep_their_order(warehouse):
    for size in (2, 20_000):
        chunks = [pa.table({"x": np.arange(first, first + size)}) for first in range(0, 20 * size, size)]
        table = pa.concat_tables(chunks)
        warehouse.commit("t/x", table)
        assert warehouse.read_arrow("t/x")["x"].equals(table["x"])


def test_column_when_read_alone_then_it_is_as_in_the_frame(shared):
    frame = pd.DataFrame({"Id": [2**53 + 1, 2], "u": [ONE, TWO], "grade": pd.Categorical([3, 1])})
    shared.commit("columns/x", frame)
    assert shared.read_column("columns/x", "Id").tolist() == [2**53 + 1, 2]
    assert shared.read_column("columns/x", "u").tolist() == [ONE, TWO]
    assert np.asarray(shared.read_column("columns/x", "grade")).tolist() == [3, 1]
    with pytest.raises(WarehouseError, match="no column 'ids': it has Id, u, grade"):
        shared.read_column("columns/x", "ids")


def test_categories_when_pruned_then_only_those_of_the_versions_that_stay_are_kept(warehouse):
    for value in "ab":
        warehouse.commit("t/x", pd.DataFrame({"x": pd.Categorical([value], categories=["z", value])}))
    warehouse.prune(keep=1)
    assert warehouse.sql("SELECT version FROM ballast_store.levels").version.tolist() == [2]
    assert warehouse.read("t/x").x.cat.categories.tolist() == ["z", "b"]


def test_categories_when_an_older_store_kept_no_levels_then_they_are_those_that_appear(embedded):
    embedded.commit("t/x", pd.DataFrame({"x": pd.Categorical([3, 1], categories=[1, 2, 3])}))
    with embedded.home.writing(10, None) as con:
        con.execute("DROP TABLE ballast_store.levels")
    assert embedded.read("t/x").x.cat.categories.tolist() == [3, 1]
    embedded.commit("t/x", pd.DataFrame({"x": pd.Categorical([3, 1], categories=[1, 2, 3])}))
    assert embedded.read("t/x").x.cat.categories.tolist() == [1, 2, 3]


def test_hash_when_the_order_of_an_ordered_category_changes_then_another():
    one, other = (
        pa.table({"x": pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(words), ordered=True)})
        for codes, words in (([0, 1], ["a", "b"]), ([1, 0], ["b", "a"]))
    )
    assert content_hash(one) != content_hash(other)
    assert content_hash(pa.table({"x": ["a", "b"]})) not in (content_hash(one), content_hash(other))


def test_pandas_frame_when_whole_numbers_have_gaps_then_no_value_becomes_a_float():
    table = pa.table({"n": [2**53 + 1, None], "l": [[2**53 + 1, None], None], "s": [{"a": 2**53 + 1}, {"a": None}]})
    frame = pandas_frame(table)
    assert frame.n.dtype == "Int64"
    assert (frame.n[0], frame.l[0][0], frame.s[0]["a"]) == (2**53 + 1,) * 3


_decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
_values = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(),
    "text": st.text(st.characters(codec="utf-8")),
    "bytes": st.binary(),
    "truth": st.booleans(),
    "decimal": _decimals,
    "date": st.dates(),
    "moment": st.datetimes(),
    "zoned": st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(2, 1, 1), max_value=dt.datetime(9998, 1, 1)),
    "time": st.times(),
    "span": st.timedeltas(min_value=dt.timedelta(-(10**5)), max_value=dt.timedelta(10**5)),
    "uuid": st.uuids(),
    "list": st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=3),
    "dict": st.fixed_dictionaries({"a": st.integers(-9, 9), "b": st.lists(st.text("xyz"), max_size=2)}),
}


@st.composite
def _frames(draw: st.DrawFn) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    for name in draw(st.lists(st.sampled_from(sorted(_values)), min_size=1, max_size=4, unique=True)):
        column = objects(*draw(st.lists(_values[name] | st.none(), min_size=3, max_size=3)))
        if name not in ("list", "dict", "real") and draw(st.booleans()):
            column = column.astype("category")
            if draw(st.booleans()):
                column = column.cat.as_ordered()
        columns[name] = column
    return pd.DataFrame(columns)


@given(_frames())
@settings(max_examples=25, deadline=None)
def test_frames_when_drawn_at_random_then_a_second_round_changes_nothing(shared, frame):
    made = shared.commit("random/frame", frame)
    back = Warehouse(shared.url).read("random/frame", version=made.version)
    for name in frame:
        given, kept = frame[name], back[name]
        assert given.isna().tolist() == kept.isna().tolist()
        assert given.dropna().tolist() == kept.dropna().tolist()
        if isinstance(given.dtype, pd.CategoricalDtype):
            assert kept.cat.categories.tolist() == given.cat.categories.tolist()
            assert kept.cat.ordered == given.cat.ordered
    again = shared.commit("random/frame", back)
    assert again.content_hash == made.content_hash
