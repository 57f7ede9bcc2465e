"""What is committed is what is read: types, gaps, hostile names, and the hash that says so."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import re
import string
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import ballast.warehouse
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
from ballast.warehouse.names import literal, quoted, view_of
from ballast.warehouse.tables.hashing import content_hash
from tests.warehouse.conftest import homes

ARRAYS = {
    "int8": pa.array([1, None], pa.int8()),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "float16": pa.array(np.array([1.5, -0.0], np.float16)),
    "float32": pa.array([float("nan"), None], pa.float32()),
    "float64": pa.array([float("-inf"), 5e-324]),
    "text": pa.array(["", None]),
    "large text": pa.array(["ä\x00'\"", None], pa.large_string()),
    "boolean": pa.array([True, None]),
    "binary": pa.array([b"\x00\xff", None]),
    "fixed binary": pa.array([b"ab", None], pa.binary(2)),
    "date": pa.array([dt.date(1969, 12, 31), None]),
    "time": pa.array([dt.time(1, 2, 3, 4), None]),
    "seconds": pa.array([1, None], pa.timestamp("s")),
    "nanoseconds": pa.array([1, None], pa.timestamp("ns")),
    "zoned": pa.array([1_000, None], pa.timestamp("ns", "Europe/Paris")),
    "duration": pa.array([-1, None], pa.duration("ns")),
    "decimal": pa.array([decimal.Decimal("1.23"), None]),
    "nothing": pa.nulls(2),
    "category": pa.array(["b", None]).dictionary_encode(),
    "list": pa.array([[1.0, None], None]),
    "struct": pa.array([{"a": 1}, None]),
    "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    "vector": pa.array([[1.0, float("nan")], None], pa.list_(pa.float32(), 2)),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("rows", [2, pytest.param(0, marks=pytest.mark.full)])
def test_arrow_when_of_any_type_then_comes_back_the_same(shared, kind, rows):
    table = pa.table({"value": ARRAYS[kind].slice(0, rows)})
    made = shared.commit("types/x", table)
    back = shared.read_arrow("types/x")
    assert back.schema == table.schema
    assert str(back["value"].to_pylist()) == str(table["value"].to_pylist())  # as text, since nan != nan
    assert content_hash(back) == made.content_hash


def test_pandas_when_of_every_common_type_then_comes_back_the_same(shared):
    frame = pd.DataFrame(
        {
            "whole": [2**53 + 1, -1, 3],
            "gaps": pd.array([2**53 + 1, None, 3], "Int64"),
            "real": [0.1, np.nan, np.inf],
            "single": np.array([0.1, np.nan, 3], np.float32),
            "text": ["a", None, ""],
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], "boolean"),
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-02 03:04:05.000000006"], format="ISO8601"),
            "zoned": pd.to_datetime(["2026-01-01", None, "2026-07-01"]).tz_localize("Europe/Paris"),
            "kind": pd.Categorical(["x", None, "y"]),
        }
    )
    shared.commit("types/x", frame)
    assert_frame_equal(shared.read("types/x"), frame)


def test_zoned_time_when_finer_than_a_microsecond_then_refused_rather_than_rounded(embedded):
    with pytest.raises(WarehouseError, match="kept to the microsecond"):
        embedded.commit("types/x", pa.table({"when": pa.array([1], pa.timestamp("ns", "UTC"))}))


def test_pandas_index_when_named_then_kept_as_a_column_and_else_dropped(shared, weights):
    shared.commit("types/x", weights.set_index("sample_id"))
    assert_frame_equal(shared.read("types/x"), weights)
    shared.commit("types/x", weights.tail(3))
    assert_frame_equal(shared.read("types/x"), weights.tail(3).reset_index(drop=True))


def test_rows_when_many_then_their_order_is_kept(shared):
    order = np.random.default_rng(0).permutation(300_000)
    shared.commit("types/x", pd.DataFrame({"sample_id": order}))
    np.testing.assert_array_equal(shared.read("types/x").sample_id, order)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"a": [1, "x"]}), "mixes types"),
        (pd.DataFrame({"a": [object()]}), "column 'a' .* holds objects of type object"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the same name in SQL"),
        (pd.DataFrame([[1, 2]], columns=["Age", "age"]), "'Age' and 'age' are the same name"),
        (pd.DataFrame({0: [1]}), "column name 0 is not text"),
        (pd.DataFrame({"": [1]}), "is not text"),
        (pd.DataFrame({"_version": [1]}), "'_version' is one the warehouse adds itself"),
        (pa.table({"a": [1], "A": [2]}), "the same name in SQL"),
        ([1, 2], "got list"),
    ],
)
def test_frame_when_sql_cannot_hold_it_then_the_column_is_named(embedded, frame, message):
    with pytest.raises(WarehouseError, match=message):
        embedded.commit("types/x", frame)
    assert embedded.commits() == []


def test_frame_when_it_has_a_column_partition_then_only_a_partitioned_commit_refuses_it(warehouse):
    frame = pd.DataFrame({"partition": ["mine"]})
    warehouse.commit("types/x", frame)
    assert_frame_equal(warehouse.read("types/x"), frame)
    with pytest.raises(WarehouseError, match="'partition' is one the warehouse adds itself"):
        warehouse.commit("types/x", frame, partition="a")


HOSTILE = [
    'dig"its/den"sity',
    "dig'its/'; DROP TABLE ballast.commits; --",
    "select/table",
    "Ünïcode/重み 🙂",
    "two words/and; more",
    "main/x",
    "ballast_digits/#1/#2",
    "new\nline/tab\there",
]


@pytest.mark.parametrize("shared", homes("embedded"), indirect=True, scope="module")
@pytest.mark.parametrize("asset", HOSTILE)
def test_names_when_hostile_then_stored_and_shown_like_any_other(shared, weights, asset):
    hostile = weights.rename(columns={"weight": asset})
    shared.commit("digits/density", weights)
    shared.commit(asset, hostile)
    shared.commit(asset + "/parted", hostile, partition=asset)
    shared.commit(asset + "/parted", hostile.assign(more=1), partition="'\"")
    assert_frame_equal(shared.read(asset), hostile)
    assert_frame_equal(shared.read(asset + "/parted", partition=asset), hostile)
    assert_frame_equal(shared.sql(f"SELECT * FROM {quoted(*view_of(asset))}"), hostile)
    assert len(shared.sql(f"SELECT * FROM {quoted(*view_of(asset + '/parted'))}")) == 2 * len(weights)
    assert_frame_equal(shared.read("digits/density"), weights)


@pytest.mark.parametrize("asset", ["density", "", "/", "digits/", "/density", "digits//x", "digits/ ", "digits/\0"])
def test_names_when_no_pipeline_and_step_then_refused(embedded, weights, asset):
    with pytest.raises(WarehouseError, match="write it as 'pipeline/step'"):
        embedded.commit(asset, weights)


@pytest.mark.parametrize("pipeline", ["ballast", "BALLAST", "ballast_store", "temp", "system", "memory", "pg_catalog"])
def test_names_when_reserved_then_refused(embedded, weights, pipeline):
    with pytest.raises(WarehouseError, match="rename the pipeline"):
        embedded.commit(f"{pipeline}/x", weights)


def test_names_when_the_pipeline_is_called_like_the_file_then_still_found(tmp_path, weights):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/digits.duckdb")
    warehouse.commit("digits/density", weights)
    assert_frame_equal(warehouse.sql("SELECT * FROM digits.density"), weights)


@pytest.mark.parametrize("other", ["digits/train_features", "Digits/train/features", "digits/TRAIN/features"])
def test_names_when_two_would_be_one_view_then_the_second_is_refused(embedded, weights, other):
    embedded.commit("digits/train/features", weights)
    with pytest.raises(WarehouseError, match="would both be the view"):
        embedded.commit(other, weights)
    assert [commit.asset for commit in embedded.commits()] == ["digits/train/features"]


def test_sql_of_the_package_when_it_formats_a_value_then_only_quoted_or_constant():
    """No f-string with SQL in it may take a name in raw: what it formats is quoted, or a constant of the module."""
    statement = re.compile(r'f"[^"\n]*\b(?:SELECT|INSERT|DELETE|CREATE|DROP|ATTACH|USE|FROM|JOIN|DESCRIBE)\b[^"\n]*"')
    allowed = re.compile(
        r"quoted\(.*\)|literal\(.*\)|(layouts\.)?rows_table\(.*\)|int\(version\)|_?[A-Z][A-Z_]+|columns\[layout\]|commits|records|newest"
        r"|options|chosen|milliseconds|incoming|held|source|relation|table|columns|rows|condition|versions|thinned|latest|which"
        r"|(layouts\.|reading\.)?\w+_query\(con, .*\)|self\._select\(\)"  # SQL that this test looks at where it is made
        r"|', '\.join\('\?' \* len\(versions\)\)"
    )
    folder = Path(ballast.warehouse.__file__).parent
    formatted = [
        part
        for path in folder.rglob("*.py")
        for text in statement.findall(path.read_text(encoding="utf-8"))
        for part in re.findall(r"\{([^{}]*)\}", text)
    ]
    assert len(formatted) > 10
    assert [part for part in formatted if not allowed.fullmatch(part)] == []


@given(st.text())
def test_quoting_when_any_text_then_duckdb_reads_the_same_text(text):
    import duckdb

    text = text.replace("\0", "") or "x"
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert duckdb.execute(f"SELECT {literal(text)} AS {quoted(text)}").fetchall() == [(text,)]
    assert duckdb.execute(f"SELECT 1 AS {quoted(text)}").description[0][0] == text


_columns = st.one_of(
    st.tuples(st.just(pa.int64()), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3)),
    st.tuples(st.just(pa.float64()), st.lists(st.none() | st.floats(), min_size=3, max_size=3)),
    st.tuples(st.just(pa.float32()), st.lists(st.none() | st.floats(width=32), min_size=3, max_size=3)),
    st.tuples(
        st.just(pa.string()),
        st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=3, max_size=3),
    ),
    st.tuples(
        st.just(pa.list_(pa.float32(), 2)),
        st.lists(st.none() | st.lists(st.floats(width=32), min_size=2, max_size=2), min_size=3, max_size=3),
    ),
)
_tables = st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=3), _columns, min_size=1, max_size=4)


@pytest.mark.parametrize("shared", homes("embedded"), indirect=True, scope="module")
@given(_tables)
@settings(max_examples=25, deadline=None)
def test_tables_when_drawn_at_random_then_come_back_the_same(shared, drawn):
    table = pa.table({name: pa.array(values, kind) for name, (kind, values) in drawn.items()})
    made = shared.commit("random/x", table)
    back = shared.read_arrow("random/x", version=made.version)
    assert content_hash(back) == made.content_hash
    assert back.schema == table.schema


_names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=300).filter(str.strip)
_ids = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2, unique=True),
    st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2, unique=True),
)


@pytest.mark.parametrize("shared", homes("embedded"), indirect=True, scope="module")
@given(_names, _names, _names, _ids)
@settings(max_examples=15, deadline=None)
def test_names_and_ids_when_drawn_at_random_then_come_back_the_same(shared, step, column, partition, ids):
    asset = f"drawn/{hashlib.sha256(step.encode()).hexdigest()[:8]} {step}"
    if column.casefold() in ("sample_id", "_version", "partition", *shared.home.reserved):
        return
    frame = pd.DataFrame({"sample_id": ids, column: [float("nan"), 5e-324]})
    made = shared.commit(asset, frame, partition=partition)
    assert shared.latest(asset, partition=partition) == made
    assert_frame_equal(shared.read(asset, partition=partition), frame)
    assert (
        len(shared.sql(f"SELECT {quoted(column)} FROM {quoted(*view_of(asset))} WHERE partition = ?", [partition])) == 2
    )


def test_ids_when_of_mixed_types_then_refused(embedded):
    with pytest.raises(
        WarehouseError,
        match=r"'types/x', column 'sample_id' .* mixes types \(int and text\)",
    ):
        embedded.commit("types/x", pd.DataFrame({"sample_id": [1, "a", 2**63]}))


def test_hash_when_only_arrow_differs_then_the_same():
    values = pa.array(["x", None, "yy", "", "zzz"])
    whole = pa.table({"a": values, "b": [1, None, 3, 4, 5], "c": [True, False, None, True, True]})
    chunked = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 0), whole.slice(2)])
    padded = pa.concat_tables([whole, whole]).combine_chunks().slice(5)
    taken = whole.take([0, 1, 2, 3, 4])
    assert {content_hash(table) for table in (whole, chunked, padded, taken)} == {content_hash(whole)}


@pytest.mark.parametrize("kind", ARRAYS)
def test_hash_when_sliced_then_as_if_built_anew(kind):
    array = pa.concat_arrays([ARRAYS[kind], ARRAYS[kind]])
    assert content_hash(pa.table({"x": array.slice(1, 2)})) == content_hash(
        pa.table({"x": pa.array(array.slice(1, 2).to_pylist(), array.type)})
    )


def test_hash_when_anything_but_the_sign_of_zero_and_nan_changes_then_another():
    assert content_hash(pa.table({"a": [0.0, np.nan]})) == content_hash(pa.table({"a": [-0.0, -np.nan]}))
    tables = [
        pa.table({"a": [1, 2]}),
        pa.table({"a": [2, 1]}),
        pa.table({"b": [1, 2]}),
        pa.table({"a": [1, None]}),
        pa.table({"a": [1, 0]}),
        pa.table({"a": [1.0, 2.0]}),
        pa.table({"a": [1]}),
        pa.table({"a": ["1", "2"]}),
        pa.table({"a": ["12", ""]}),
        pa.table({"a": ["", "12"]}),
        pa.table({"a": [[1], [2]]}),
        pa.table({"a": [[1, 2], []]}),
        pa.table({"a": pa.array([], pa.int64())}),
    ]
    assert len({content_hash(table) for table in tables}) == len(tables)


@pytest.mark.parametrize("sql", ["[1, NULL, 3]", "{'a': [1, NULL]}", "[true, NULL]"])
def test_list_that_a_frame_of_duckdb_masks_when_committed_then_read_with_its_gaps(tmp_path, sql):
    rows = duckdb.sql(f"SELECT {sql} AS x")
    warehouse = Warehouse(f"duckdb:///{tmp_path}/store.duckdb")
    warehouse.commit("t/x", rows.df())
    assert list(warehouse.read("t/x")["x"]) == rows.to_arrow_table()["x"].to_pylist()


@pytest.mark.parametrize("kind", [pa.list_(pa.int64(), 2), pa.list_(pa.int64()), pa.large_list(pa.int64())], ids=str)
def test_lists_of_whole_numbers_when_a_row_is_null_then_read_as_whole_numbers(tmp_path, kind):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/store.duckdb")
    warehouse.commit("t/x", pa.table({"x": pa.array([[2**53 + 1, 1], None, [3, 4]], kind)}))
    first, gap, last = warehouse.read("t/x")["x"]
    assert first.dtype == last.dtype == np.int64
    assert (first.tolist(), gap, last.tolist()) == ([2**53 + 1, 1], None, [3, 4])
