"""Files of one source that differ: one schema, whichever of them stands first, and what some lack is blank and told."""

from __future__ import annotations

import itertools
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.errors import DataError
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import conversions, read_batches, read_table, schema_of
from ballast.orchestration.spec.data import DataSpec

WHERE = "defs.yaml: data.train"
TABLES = {
    "A": pa.table({"id": [1, 2, 3], "x": pa.array([1, 2, 3], pa.int64()), "c": ["u", "v", None]}),
    "B": pa.table({"id": [4, 5], "x": [4.5, None], "c": pa.nulls(2)}),
    "C": pa.table({"id": [6], "x": pa.array([6], pa.int32()), "z": [1.0]}),
    "D": pa.table({"c": pa.array([], pa.string()), "x": pa.array([], pa.float64()), "id": pa.array([], pa.int64())}),
    "E": pa.table({"c": pa.array(["v"]).dictionary_encode(), "id": [7], "x": pa.array([7.0], pa.float32())}),
}  # fmt: skip
ROWS = {1: ("u", 1.0, None), 2: ("v", 2.0, None), 3: (None, 3.0, None), 4: (None, 4.5, None), 5: (None, None, None),
        6: (None, 6.0, 1.0), 7: ("v", 7.0, None)}  # fmt: skip
SCHEMA = pa.schema([("c", pa.string()), ("id", pa.int64()), ("x", pa.float64()), ("z", pa.float64())])


def write(file: Path, table: pa.Table) -> None:
    if file.suffix == ".parquet":
        pq.write_table(table, file)
    elif file.suffix == ".csv":
        table.to_pandas().to_csv(file, index=False)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def written(folder: Path, ending: str, *tables: pa.Table) -> DataSpec:
    for i, table in enumerate(tables):
        write(folder / f"f{i}.{ending}", table)
    return DataSpec(id="id", path=f"f*.{ending}")


def read(folder: Path, spec: DataSpec, **keys: Any) -> pa.Table:
    return read_table(spec, where=WHERE, folder=folder, **keys)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.full)], ids=["some", "all"])
@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_files_that_differ_give_the_same_rows_and_one_schema_in_every_order(tmp_path: Path, ending: str, step: int):
    orders = [*itertools.permutations(TABLES)]
    assert len(orders) == 120
    for order in orders[::step]:
        spec = written(tmp_path, ending, *(TABLES[name] for name in order))
        table = read(tmp_path, spec)
        assert table.schema.remove_metadata() == SCHEMA, order
        assert table["id"].to_pylist() == [i for name in order for i in TABLES[name]["id"].to_pylist()]
        assert {row["id"]: (row["c"], row["x"], row["z"]) for row in table.to_pylist()} == ROWS
        told = conversions(table)
        assert told["c"] == f"blank: missing in 1 of 5 files (f{order.index('C')}.{ending}): its 1 row has no value"
        assert told["z"].endswith("their 6 rows have no value")
        assert told.get("x", "").endswith("to DOUBLE") == (ending == "parquet")


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_batches_of_files_that_differ_are_those_of_the_table(tmp_path: Path, ending: str):
    for order in ("ABCDE", "CEDAB", "DCBEA"):
        spec = written(tmp_path, ending, *(TABLES[name] for name in order))
        assert schema_of(spec, where=WHERE, folder=tmp_path) == SCHEMA
        with read_batches(spec, where=WHERE, folder=tmp_path) as batches:
            assert batches.read_all().equals(read(tmp_path, spec).replace_schema_metadata(None))


UNITED = {
    "whole numbers of two widths": (pa.array([2**31 - 1], pa.int32()), pa.array([2**62]), pa.int64()),
    "whole numbers with and without a sign": (pa.array([2**64 - 1], pa.uint64()), pa.array([-1]), pa.decimal128(38, 0)),
    "unsigned numbers that fit": (pa.array([2**32 - 1], pa.uint32()), pa.array([-1], pa.int8()), pa.int64()),
    "whole numbers and floats": (pa.array([2**24 + 1], pa.int64()), pa.array([0.5], pa.float32()), pa.float64()),
    "floats of two widths": (pa.array([0.5], pa.float32()), pa.array([0.1]), pa.float64()),
    "decimals of two scales": (
        pa.array([Decimal("1.5")], pa.decimal128(3, 1)), pa.array([Decimal("1.25")], pa.decimal128(3, 2)),
        pa.decimal128(4, 2),
    ),
    "decimals whose digits have just room": (
        pa.array([Decimal(10**19)], pa.decimal128(38, 0)), pa.array([Decimal("0.25")], pa.decimal128(38, 18)),
        pa.decimal128(38, 18),
    ),
    "whole numbers and decimals": (
        pa.array([2**31 - 1], pa.int32()), pa.array([Decimal("1.25")], pa.decimal128(3, 2)), pa.decimal128(12, 2),
    ),
    "dates and times": (
        pa.array([date(2024, 1, 2)]), pa.array([datetime(2024, 1, 2, 3)], pa.timestamp("us")), pa.timestamp("us")
    ),
    "times of two units": (
        pa.array([datetime(2024, 1, 2)], pa.timestamp("us")), pa.array([1], pa.timestamp("ns")), pa.timestamp("ns")
    ),
    "categories and text": (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), pa.string()),
    "lists of floats": (
        pa.array([[0.5]], pa.list_(pa.float32())), pa.array([[0.1]], pa.list_(pa.float64())), pa.list_(pa.float64())
    ),
    "no values of another type": (pa.array([None], pa.float64()), pa.array(["b"]), pa.string()),
    "no values at all": (pa.array([None], pa.float64()), pa.array([None], pa.bool_()), pa.string()),
    "durations and no values": (pa.nulls(1), pa.array([1], pa.duration("us")), pa.duration("us")),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "kind"), UNITED.values(), ids=UNITED)
def test_column_of_two_types_has_one_that_keeps_every_value_whichever_file_stands_first(
    tmp_path: Path, ours: pa.Array, theirs: pa.Array, kind: pa.DataType
):
    files = [pa.table({"id": [1], "x": ours}), pa.table({"id": [2], "x": theirs})]
    for order in (files, files[::-1]):
        spec = written(tmp_path, "parquet", *order)
        table = read(tmp_path, spec)
        assert table["x"].type == kind
        assert table.schema.remove_metadata() == schema_of(spec, where=WHERE, folder=tmp_path)
        assert table["x"].to_pylist() == [t["x"].combine_chunks().cast(kind)[0].as_py() for t in order]


APART = {
    "numbers and text": (pa.array([1]), pa.array(["b"]), "BIGINT", "VARCHAR"),
    "numbers and truths": (pa.array([1]), pa.array([True]), "BIGINT", "BOOLEAN"),
    "decimals and floats": (pa.array([Decimal("1.5")]), pa.array([0.5]), "DECIMAL(2,1)", "DOUBLE"),
    "numbers beyond floats": (pa.array([2**53 + 1]), pa.array([0.5]), "BIGINT", "DOUBLE"),
    "numbers below floats": (pa.array([-(2**63)]), pa.array([0.5], pa.float32()), "BIGINT", "FLOAT"),
    "unsigned numbers beyond floats": (pa.array([2**64 - 1], pa.uint64()), pa.array([0.5]), "UBIGINT", "DOUBLE"),
    "decimals without room": (
        pa.array([Decimal(10**37)]), pa.array([Decimal("0.25")]), "DECIMAL(38,0)", "DECIMAL(2,2)"
    ),
    "times with and without a zone": (
        pa.array([1], pa.timestamp("us", "UTC")), pa.array([1], pa.timestamp("us")), "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP",
    ),
    "dates beyond nanoseconds": (
        pa.array([date(2500, 1, 1)]), pa.array([1], pa.timestamp("ns")), "DATE", "TIMESTAMP_NS"
    ),
    "durations and numbers": (pa.array([1], pa.duration("us")), pa.array([1]), "duration[us]", "BIGINT"),
    "durations of two units": (
        pa.array([1], pa.duration("us")), pa.array([1], pa.duration("ms")), "duration[us]", "duration[ms]"
    ),
    "lists of whole numbers beyond floats": (pa.array([[1]]), pa.array([[0.5]]), "BIGINT[]", "DOUBLE[]"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "kind", "other"), APART.values(), ids=APART)
def test_column_whose_types_have_none_in_common_is_refused_with_both_types_and_files(
    tmp_path: Path, ours: pa.Array, theirs: pa.Array, kind: str, other: str
):
    files = {kind: pa.table({"id": [1], "x": ours}), other: pa.table({"id": [2], "x": theirs})}
    for order in ([kind, other], [other, kind]):
        spec = written(tmp_path, "parquet", *(files[name] for name in order))
        with pytest.raises(DataError, match=r"data\.train\.path: column 'x' is ") as refused:
            read(tmp_path, spec)
        for i, name in enumerate(order):
            assert f"{name} in 'f{i}.parquet'" in str(refused.value)


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
@pytest.mark.parametrize("key", ["id", "label", "weight"])
def test_column_that_the_spec_names_is_refused_with_the_files_that_lack_it(tmp_path: Path, ending: str, key: str):
    tables = [pa.table({name: [i] for name in ("key", "y", "z")}) for i in range(3)]
    spec = written(tmp_path, ending, tables[0], tables[1].drop_columns(["y"]), tables[2])
    named = DataSpec.model_validate({"path": spec.path, "id": "key", key: "y"})
    with pytest.raises(DataError, match=rf"train\.{key}: column 'y' is missing in 1 of 3 files \(f1\.{ending}\)"):
        read(tmp_path, named)


def test_dropped_column_that_a_file_lacks_is_not_spoken_of(tmp_path: Path):
    spec = written(tmp_path, "parquet", pa.table({"id": [1], "x": [1]}), pa.table({"id": [2]}))
    assert conversions(read(tmp_path, spec.model_copy(update={"drop": ["x"]}))) == {}


def test_rows_of_a_file_without_the_partition_s_column_are_in_none(tmp_path: Path):
    spec = written(tmp_path, "parquet", pa.table({"id": [1], "k": ["a"]}), pa.table({"id": [2], "x": [1]}))
    assert read(tmp_path, spec, partition={"k": Partition("a")})["id"].to_pylist() == [1]


def test_whole_numbers_among_texts_are_text_where_they_are_to_the_training_rows(tmp_path: Path):
    spec = written(tmp_path, "parquet", pa.table({"id": [1], "x": [7]}), pa.table({"id": [2], "x": ["a"]}))
    assert read(tmp_path, spec, like=pa.schema([("x", pa.string())]))["x"].to_pylist() == ["7", "a"]


def test_names_that_differ_in_capitals_from_file_to_file_are_refused_with_both(tmp_path: Path):
    spec = written(tmp_path, "csv", pa.table({"id": [1], "x": [7]}), pa.table({"id": [2], "X": [8]}))
    with pytest.raises(DataError, match=r"'(x|X)' of 'f[01].csv' and column '(x|X)' of 'f[01].csv' have the same name"):
        read(tmp_path, spec)


def test_files_without_a_header_and_of_two_widths_are_refused(tmp_path: Path):
    (tmp_path / "f0.csv").write_text("1,2\n")
    (tmp_path / "f1.csv").write_text("1,2,3\n")
    spec = DataSpec(id="column0", path="f*.csv", options={"header": False})
    with pytest.raises(DataError, match=r"not the same number of columns \(2 in 'f0.csv' and 3 in 'f1.csv'\)"):
        read(tmp_path, spec)


@pytest.mark.parametrize("texts", [["", "1.5"], ["1.5", ""]], ids=["first", "last"])
def test_column_without_values_in_the_first_rows_is_typed_by_the_others(tmp_path: Path, texts: list[str]):
    for i, text in enumerate(texts):
        (tmp_path / f"f{i}.csv").write_text("id,x\n" + "".join(f"{2000 * i + j},{text}\n" for j in range(2000)))
    spec = DataSpec(id="id", path="f*.csv")
    table = read(tmp_path, spec)
    assert table["x"].type == pa.float64()
    assert table["x"].null_count == 2000
    assert schema_of(spec, where=WHERE, folder=tmp_path) == table.schema


def test_keys_of_folders_have_one_type_whatever_each_folder_s_looks_like(tmp_path: Path):
    for key in ("1", "north"):
        (tmp_path / f"shop={key}").mkdir()
        write(
            tmp_path / f"shop={key}" / "f.parquet", pa.table({"id": [len(key)], **({"x": [1]} if key == "1" else {})})
        )
    table = read(tmp_path, DataSpec(id="id", path="*/f.parquet", hive=True))
    assert dict(zip(table["id"].to_pylist(), table["shop"].to_pylist(), strict=True)) == {1: "1", 5: "north"}
