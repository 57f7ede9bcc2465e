"""Raw rows come in from files, queries and loaders, or are refused with file, key, column, row count and remedy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ballast.errors import DataError
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import conversions, feature_columns, read_batches, read_source, read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse.tables.frames import pandas_frame

TABLE = pd.DataFrame({"key": ["a", "b", "c"], "size": [1.5, 2.5, 3.5], "kind": ["x", "y", "x"]})


def table() -> pd.DataFrame:
    return TABLE


def broken() -> pd.DataFrame:
    raise RuntimeError("the tap is dry")


def read(folder, given=None, partition=None, **attributes):
    spec = DataSpec(**{"id": "key", **attributes})
    return pandas_frame(
        read_table(spec, where="defs.yaml: data.train", folder=folder, given=given, partition=partition)
    )


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "t.json", "t.jsonl"])
def test_path_of_each_format_gives_the_same_rows(tmp_path, name):
    path = tmp_path / name
    if ".csv" in name:
        TABLE.to_csv(path, index=False)
    elif name.endswith("parquet"):
        TABLE.to_parquet(path)
    else:
        TABLE.to_json(path, orient="records", lines=name.endswith("jsonl"))
    pd.testing.assert_frame_equal(read(tmp_path, path=name), TABLE, check_dtype=False)


def test_path_when_a_glob_matches_several_files_joins_them(tmp_path):
    for i in range(3):
        TABLE.assign(key=[f"{i}{k}" for k in TABLE["key"]]).to_parquet(tmp_path / f"part{i}.parquet")
    assert len(read(tmp_path, path="part*.parquet")) == 9


def test_query_reads_a_duckdb_file_without_writing_to_it(tmp_path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute("CREATE TABLE sales AS SELECT 'a' AS key, 1 AS n")
    assert read(tmp_path, query="SELECT * FROM sales", database="shop.duckdb")["n"].tolist() == [1]
    with pytest.raises(DataError, match="a query is read-only"):
        read(tmp_path, query="DROP TABLE sales", database="shop.duckdb")


def test_loader_gives_its_table(tmp_path):
    pd.testing.assert_frame_equal(read(tmp_path, loader=f"{__name__}.table"), TABLE)


def test_asset_when_arrow_or_polars_like_is_turned_into_a_frame(tmp_path):

    pd.testing.assert_frame_equal(read(tmp_path, asset="x", given=pa.Table.from_pandas(TABLE)), TABLE)


REFUSED = {
    "missing file": (
        {"path": "nowhere.csv"},
        ["data.train.path", "there is no file 'nowhere.csv'", "correct the path"],
    ),
    "empty glob": ({"path": "none*.csv"}, ["no file matches"]),
    "unknown ending": ({"path": "t.xls"}, ["has no ending that says its format", ".parquet"]),
    "broken file": ({"path": "bad.parquet"}, ["cannot read 'bad.parquet'"]),
    "empty table": ({"path": "empty.csv"}, ["empty (0 rows", "key"]),
    "id column missing": (
        {"path": "t.csv", "id": "kee"},
        ["data.train.id", "'kee'", "3 columns", "did you mean 'key'"],
    ),
    "label column missing": (
        {"path": "t.csv", "label": "kin"},
        ["data.train.label", "did you mean 'kind'", "3 columns"],
    ),
    "dropped column missing": ({"path": "t.csv", "drop": ["sise"]}, ["data.train.drop", "did you mean 'size'"]),
    "bad query": ({"query": "SELEC 1"}, ["data.train.query", "the query failed"]),
    "missing database": ({"query": "SELECT 1", "database": "no.duckdb"}, ["there is no database 'no.duckdb'"]),
    "missing loader": ({"loader": "no.such.loader"}, ["data.train.loader", "cannot import"]),
    "failing loader": ({"loader": f"{__name__}.broken"}, ["RuntimeError: the tap is dry"]),
    "loader of no table": ({"loader": "os.getcwd"}, ["a table is needed", "got str"]),
}


@pytest.mark.parametrize(("attributes", "said"), REFUSED.values(), ids=REFUSED)
def test_source_that_cannot_be_read_says_where_and_what_to_do(tmp_path, attributes, said):
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    TABLE.head(0).to_csv(tmp_path / "empty.csv", index=False)
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(DataError) as raised:
        read(tmp_path, **attributes)
    message = str(raised.value)
    assert message.startswith("defs.yaml: data.train")
    for words in said:
        assert words in message


def test_source_when_two_columns_share_a_name_is_refused(tmp_path):
    frame = pd.DataFrame([[1, 2]], columns=["key", "key"])
    with pytest.raises(DataError, match="more than once: key"):
        read(tmp_path, asset="x", given=frame)


def test_feature_columns_leave_out_what_is_declared_or_dropped():
    spec = DataSpec(id="key", label="kind", drop=["note"])
    assert feature_columns(spec, ["key", "kind", "note", "site", "size"], ["site"]) == ["size"]


def test_partition_keeps_its_own_rows_and_names_the_values_when_there_are_none(tmp_path):
    kept = read(tmp_path, asset="x", given=TABLE, partition={"kind": Partition("x")})
    assert kept["key"].tolist() == ["a", "c"]
    with pytest.raises(DataError, match=r"partition 'z' has no rows: none of 3 has it in column 'kind' .*x, y"):
        read(tmp_path, asset="x", given=TABLE, partition={"kind": Partition("z")})


def test_partition_of_a_time_window_takes_its_start_and_leaves_its_end(tmp_path):
    days = pd.DataFrame({"key": range(4), "day": pd.date_range("2024-01-01", periods=4), "n": np.arange(4)})
    window = (datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))
    kept = read(tmp_path, asset="x", given=days, partition={"day": Partition("p", window)})
    assert kept["n"].tolist() == [1, 2]


def test_source_as_a_frame_keeps_whole_numbers_with_gaps_and_ids(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("key,x\n007,1\n008,\n")
    frame = read_source(DataSpec(id="key", path="train.csv"), folder=tmp_path)
    assert frame["key"].tolist() == ["007", "008"]
    assert str(frame["x"].dtype) == "Int64"


def test_columns_whose_type_changes_are_told_with_both_types(tmp_path: Path) -> None:
    spec = DataSpec(id="id", query="SELECT 7::DECIMAL(20, 0) AS id, 1.0::DOUBLE AS x, 'a' AS kind")
    like = pa.schema([("x", pa.int64()), ("kind", pa.string())])
    table = read_table(spec, where="defs.yaml: data.test", folder=tmp_path, like=like)
    assert conversions(table) == {
        "id": "converted: decimal128(20, 0) to int64",
        "x": "converted: double to int64",
    }


def test_batches_when_a_number_outgrows_their_schema_then_refused_with_the_rows(tmp_path: Path) -> None:
    spec, like = (
        DataSpec(id="id", query="SELECT 'a' AS id, 300 AS x"),
        pa.schema([("id", pa.string()), ("x", pa.int8())]),
    )
    with (
        read_batches(spec, where="defs.yaml: data.target", folder=tmp_path, like=like) as reader,
        pytest.raises(DataError, match=r"column 'x' holds int32 beyond the room of int8, in rows 1 to 1"),
    ):
        reader.read_all()
