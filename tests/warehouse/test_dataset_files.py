"""What a file holds of the types of rows, and what it says that it does not hold."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from ballast import Warehouse
from ballast.errors import DataError, GateClosedError, WarehouseError
from ballast.warehouse import matrix_table
from ballast.warehouse.datasets.dataset import Dataset
from ballast.warehouse.datasets.files import write

TABLE = pa.table(
    {
        "place": pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), ["a", "b", "unused"], ordered=True),
        "price": pa.array([decimal.Decimal("1.20"), None, decimal.Decimal("3.00")]),
        "at": pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "Europe/Berlin")),
        "day": pa.array([dt.date(2026, 1, 1)] * 3),
        "count": pa.array([1, 2**53 + 1, None], pa.int64()),
        "note": pa.array(["", None, 'a "b",\nc']),
        "share": pa.array([0.1 + 0.2, None, -0.0]),
        "parts": pa.array([[1, 2], None, []]),
    }
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return stored(TABLE, tmp_path_factory.mktemp("store"))


def stored(table: pa.Table, folder: Path) -> Dataset:
    warehouse = Warehouse(f"duckdb:///{folder}/warehouse.duckdb")
    warehouse.commit("own/table", table)
    return warehouse.dataset("own/table", force=True)


@pytest.mark.parametrize(("suffix", "read"), [(".parquet", pa.parquet.read_table), (".arrow", pa.feather.read_table)])
def test_types_when_written_to_parquet_or_arrow_then_survive(found, tmp_path: Path, suffix, read):
    assert write(found, tmp_path / f"rows{suffix}") == []
    back = read(tmp_path / f"rows{suffix}")
    assert back.schema.remove_metadata().equals(TABLE.schema)
    assert back.to_pylist() == TABLE.to_pylist()
    assert b'"own/table"' in back.schema.metadata[b"ballast"]


def test_types_when_written_to_csv_then_values_stay_and_it_is_said_what_is_text_there(found, tmp_path: Path):
    told = write(found, tmp_path / "rows.csv")
    assert told == [
        "CSV holds no types: place (dictionary<values=string, indices=int8, ordered=1>), price (decimal128(3, 2)), at "
        "(timestamp[us, tz=Europe/Berlin]), day (date32[day]), parts (list<item: int64>) are text there; .parquet "
        "and .arrow keep them",
        'in note an empty text is "" and a missing value nothing, which many readers mix up',
    ]
    types = {field.name: field.type for field in TABLE.schema}
    asked = {n: types[n] for n in ("count", "share", "day")} | {n: pa.string() for n in ("price", "parts", "note")}
    options = pa.csv.ConvertOptions(column_types=asked, strings_can_be_null=True, quoted_strings_can_be_null=False)
    back = pa.csv.read_csv(
        tmp_path / "rows.csv",
        convert_options=options,
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
    )
    for name in ("count", "share", "day", "note"):
        assert back[name].to_pylist() == TABLE[name].to_pylist()
    assert back["place"].to_pylist() == ["b", "a", None]
    assert back["price"].to_pylist() == ["1.20", None, "3.00"]
    assert back["parts"].to_pylist() == ["[1, 2]", None, "[]"]


def test_types_when_a_format_lacks_them_then_said_or_refused(tmp_path: Path):
    seconds = stored(pa.table({"at": pa.array([1, 2], pa.timestamp("s")), "raw": [b"a", b"\xff"]}), tmp_path)
    with pytest.raises(DataError, match=r"CSV cannot hold column 'raw' \(binary\)"):
        write(seconds, tmp_path / "rows.csv")
    assert not (tmp_path / "rows.csv").exists()
    told = write(seconds, tmp_path / "rows.parquet")
    assert told == ["the file holds at (timestamp[s] as timestamp[ms]); .arrow keeps these types"]


def test_rows_when_in_partitions_then_one_is_to_be_named(tmp_path: Path):
    warehouse = Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")
    for key in ("a", "b"):
        warehouse.commit("own/table", pa.table({"of": [key]}), partition=key)
    with pytest.raises(WarehouseError, match=r"has partitions \(a, b\): name one"):
        warehouse.dataset("own/table", force=True)
    for options in ({"partition": "a"}, {"version": 1}):
        taken = warehouse.dataset("own/table", force=True, **options)
        assert (taken.partition, taken.arrow["of"].to_pylist()) == ("a", ["a"])
    with pytest.raises(GateClosedError, match="its gates never judged it"):
        warehouse.dataset("own/table", partition="a")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (pa.array([True, None, False]), "1 of 3 rows have no label"),
        (pa.array(["a", "b", None]), "1 of 3 rows have no label"),
        (pa.array([], pa.string()), "has no rows"),
    ],
)
def test_torch_rows_when_labels_or_rows_are_missing_then_refused_with_counts(tmp_path: Path, labels, said):
    warehouse, n = Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb"), len(labels)
    ids = pa.array(range(n), pa.int64())
    declared = {"declared": {"id": "id", "label": "y"}}
    warehouse.commit("own/train", pa.table({"id": ids, "y": labels}), kind="source", summary=declared)
    features = matrix_table(ids, {"features": np.ones((n, 2))})
    warehouse.commit("own/train/features", features, kind="features", inputs={"own/train": 1})
    weights = pa.table({"sample_id": ids, "weight": pa.array([1.0] * n, pa.float64())})
    behind = {"own/train": 1, "own/train/features": 1}
    warehouse.commit("own/weights", weights, kind="weigher", inputs=behind)
    with pytest.raises(DataError, match=said):
        warehouse.dataset("own/weights", force=True).torch()
