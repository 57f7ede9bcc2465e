"""Values that a source could change on the way: each comes as it is, or is refused with its column."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.errors import DataError
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import opened, read_table
from ballast.orchestration.spec.data import DataSpec


def read(folder: Path, given: Any = None, like: pa.Schema | None = None, **keys: Any) -> pa.Table:
    spec = DataSpec(id="id", **keys) if given is None else DataSpec(id="id", asset="rows")
    return read_table(spec, where="data.test", folder=folder, given=given, like=like)


ENDINGS = ("csv", "json", "parquet")


@pytest.fixture(scope="module")
def many_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives a folder with 300,000 rows in two files of each format."""
    folder = tmp_path_factory.mktemp("rows")
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT i AS id, 'w' || (i % 50) AS s FROM range(300000) r(i)")
        for kind in ENDINGS:
            con.execute(f"COPY (FROM t WHERE id < 200000) TO '{folder}/t1.{kind}'")
            con.execute(f"COPY (FROM t WHERE id >= 200000) TO '{folder}/t2.{kind}'")
    return folder


@pytest.mark.parametrize("partition", [None, {"s": Partition("w7")}], ids=["all", "a partition"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_of_files_keep_their_order_when_several_threads_read(many_rows: Path, ending: str, partition: Any):
    with opened(DataSpec(id="id", path=f"t*.{ending}"), where="data.test", folder=many_rows) as source:
        source.con.execute("SET threads = 4")
        ids = source.raw(partition=partition)["id"].cast(pa.int64())
    assert ids.to_pylist() == [i for i in range(300_000) if partition is None or i % 50 == 7]


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_of_a_query_for_many_words_keep_their_order(many_rows: Path, ending: str):
    words = ", ".join(f"'w{i}'" for i in range(40))
    table = read(many_rows, query=f"FROM 't*.{ending}' WHERE s IN ({words})")
    assert table["id"].to_pylist() == [i for i in range(300_000) if i % 50 < 40]


_DIGITS = '{"id": 1, "x": 12345678.1234567891, "y z-1": "a 1.50, -2", "s": {"k": [1.10, -2e-1]}, "t": 1.50}\n'


@pytest.mark.parametrize("layout", ["{}", "[{}]"], ids=["lines", "a list"])
def test_json_numbers_keep_every_digit_where_they_are_decimals_or_text(tmp_path: Path, layout: str):
    (tmp_path / "rows.json").write_text(layout.replace("{}", _DIGITS))
    like = pa.schema([("s", pa.struct([("k", pa.list_(pa.decimal128(10, 2)))]))])
    table = read(tmp_path, like=like, path="rows.json", types={"x": "decimal", "t": "text"})
    assert table["x"].to_pylist() == [Decimal("12345678.1234567891")]
    assert table["t"].to_pylist() == ["1.50"]
    assert table["y z-1"].to_pylist() == ["a 1.50, -2"]
    assert table["s"].to_pylist() == [{"k": [Decimal("1.10"), Decimal("-0.20")]}]


def test_nested_json_that_is_to_be_text_keeps_the_digits_of_its_numbers(tmp_path: Path):
    (tmp_path / "rows.json").write_text(
        r'{"id": 1, "x": {"a": 1.10, "1.50": ["1.50", 1e2, -12345678901234567890.50, "\"2.0\"", true]}}'
        "\n"
        '{"id": 2, "x": [1.10]}\n{"id": 3, "x": 2.50}\n{"id": 4, "x": "7.0"}'
    )
    assert read(tmp_path, path="rows.json", types={"x": "text"})["x"].to_pylist() == [
        r'{"a":1.10,"1.50":["1.50",1e2,-12345678901234567890.50,"\"2.0\"",true]}', "[1.10]", "2.50", "7.0"
    ]  # fmt: skip


def test_json_texts_within_lists_and_objects_keep_what_they_escape(tmp_path: Path):
    (tmp_path / "rows.json").write_text(r'{"id": 1, "l": ["a\tb", "\n", "\u00e9", "[", null], "s": {"k": "a\tb"}}')
    table = read(tmp_path, path="rows.json")
    assert table["l"].to_pylist() == [["a\tb", "\n", "é", "[", None]]
    assert table["s"].to_pylist() == [{"k": "a\tb"}]


_BESIDE_MAP = pa.struct([("p", pa.map_(pa.string(), pa.int64())), ("q", pa.int64())])


def test_nested_json_with_a_map_is_read_where_it_has_no_other_keys(tmp_path: Path):
    (tmp_path / "rows.json").write_text(
        '{"id": 1, "x": {"p": {"x": 1}, "q": 2}}\n{"id": 2, "x": {"p": null}}\n{"id": 3, "x": null}'
    )
    table = read(tmp_path, like=pa.schema([("x", _BESIDE_MAP)]), path="rows.json")
    assert table["x"].to_pylist() == [{"p": [("x", 1)], "q": 2}, {"p": None, "q": None}, None]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.list_(pa.int64()), '["x"]'),
        (pa.list_(pa.int64()), "[1.5]"),
        (pa.list_(pa.int64()), "5"),
        (pa.list_(pa.int64()), '{"a": 1}'),
        (pa.list_(pa.int64(), 2), "[1, 2, 3]"),
        (pa.list_(pa.decimal128(5, 2)), "[1.255]"),
        (pa.list_(pa.time64("us")), '["25:00:00"]'),
        (pa.struct([("a", pa.int64()), ("b", pa.string())]), '{"a": "x", "b": "y"}'),
        (pa.struct([("a", pa.int64()), ("b", pa.string())]), '{"a": 1, "c": 2}'),
        (pa.list_(pa.struct([("a", pa.string())])), '[{"a": "x", "b": 1}]'),
        (pa.struct([("a", pa.int64())]), "[1]"),
        (pa.map_(pa.string(), pa.int64()), '{"x": "q"}'),
        (pa.map_(pa.string(), pa.int64()), "[1]"),
        (_BESIDE_MAP, '{"p": {"x": 1}, "q": 2, "r": 3}'),
        (_BESIDE_MAP, '{"p": [1], "q": 2}'),
        (pa.list_(_BESIDE_MAP), '[{"p": {"x": 1}, "q": 2}, {"p": {}, "q": 2, "r": 3}]'),
        (pa.map_(pa.string(), _BESIDE_MAP), '{"k": {"p": {"x": 1}, "q": 2, "r": 3}}'),
    ],
    ids=str,
)
def test_nested_json_that_the_training_type_does_not_hold_is_refused(tmp_path: Path, kind: pa.DataType, value: str):
    (tmp_path / "rows.json").write_text(f'{{"id": 1, "x": {value}}}\n')
    with pytest.raises(DataError, match="column 'x', row 1"):
        read(tmp_path, like=pa.schema([("x", kind)]), path="rows.json")


@pytest.mark.parametrize(
    "sql", ["[1, NULL, 3]", "[[1, NULL]]", "{'a': [1, NULL]}", "[1.5, NULL]::FLOAT[]", "[true, NULL]"]
)
def test_what_a_frame_of_duckdb_masks_in_its_lists_is_missing(tmp_path: Path, sql: str):
    rows = duckdb.sql(f"SELECT 1 AS id, {sql} AS x")
    assert read(tmp_path, rows.df())["x"].to_pylist() == rows.to_arrow_table()["x"].to_pylist()


@pytest.mark.parametrize("array", [np.ma.array([1, 2], mask=[False, True]), np.ma.array([1, 2])], ids=["gap", "none"])
def test_masked_array_is_read_without_what_it_masks(tmp_path: Path, array: np.ma.MaskedArray):
    frame = pd.DataFrame({"id": [1], "x": [array]})
    assert read(tmp_path, frame)["x"].to_pylist() == [array.tolist()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: pl.Series([1]), "a table is needed .* got Series"),
        (lambda: duckdb.sql(f"SELECT 1 AS id, {2**128 - 1}::UHUGEINT AS x"), "column 'x'"),
        (lambda: duckdb.sql("SELECT 1 AS id, 5::BIGNUM AS x").to_arrow_table(), "column 'x'"),
        (lambda: duckdb.sql("SELECT 1 AS id, '24:00:00'::TIME AS x"), "column 'x' holds the time 24:00:00"),
        (lambda: duckdb.sql("SELECT 1 AS id, ['24:00:00'::TIME] AS x"), "column 'x' holds the time 24:00:00"),
        (lambda: duckdb.sql("SELECT 1 AS id, ['infinity'::DATE] AS x"), "column 'x' holds a date"),
    ],
    ids=["a Polars series", "39 digits", "BIGNUM", "24:00", "24:00 in a list", "infinity in a list"],
)
def test_value_that_is_not_kept_is_refused_with_its_column(tmp_path: Path, given: Any, said: str):
    with pytest.raises(DataError, match=said):
        read(tmp_path, given())


@pytest.mark.parametrize("kind", [pa.time64("ns"), pa.timestamp("ns", "UTC")], ids=str)
def test_nanoseconds_are_refused_within_lists_and_whole_microseconds_are_read(tmp_path: Path, kind: pa.DataType):
    def written(value: int) -> None:
        pq.write_table(pa.table({"id": [1], "x": pa.array([[value]], pa.list_(kind))}), tmp_path / "rows.parquet")

    written(1001)
    with pytest.raises(DataError, match=r"'rows\.parquet': column 'x' holds nanoseconds"):
        read(tmp_path, path="rows.parquet")
    written(1000)
    (value,) = read(tmp_path, path="rows.parquet")["x"].to_pylist()[0]
    assert value.microsecond == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.duration("s"), timedelta(seconds=5)),
        (pa.list_(pa.duration("us")), [timedelta(seconds=5), None]),
        (pa.struct([("d", pa.duration("ms"))]), {"d": timedelta(seconds=5)}),
        (pa.map_(pa.string(), pa.duration("s")), [("x", timedelta(seconds=5))]),
    ],
    ids=str,
)
def test_durations_of_parquet_are_durations_on_every_level(tmp_path: Path, kind: pa.DataType, value: Any):
    pq.write_table(pa.table({"id": [1], "x": pa.array([value], kind)}), tmp_path / "rows.parquet")
    assert read(tmp_path, path="rows.parquet")["x"].to_pylist() == [value]


def test_list_of_another_width_than_the_training_arrays_is_refused_with_its_row(tmp_path: Path):
    like = pa.schema([("x", pa.list_(pa.int64(), 2))])
    frame = pd.DataFrame({"id": [1, 2], "x": [np.array([2**53 + 1, 2]), np.array([1, 2])]})
    table = read(tmp_path, frame, like)
    assert table["x"].type == like.field("x").type
    assert table["x"].to_pylist() == [[2**53 + 1, 2], [1, 2]]
    with pytest.raises(DataError, match=r"row 2: .*column 'x'"):
        read(tmp_path, pd.DataFrame({"id": [1, 2], "x": [np.array([1, 2]), np.array([1, 2, 3])]}), like)
