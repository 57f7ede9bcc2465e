"""Of a partition that folders tell apart only its own files are opened, where the training rows give the types."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.errors import DataError
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.read.sources import conversions, read_batches, read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.orchestration.spec.occasions import PartitionsSpec

DAYS = [date(2024, 1, 1) + timedelta(n) for n in range(4)]
LIKE = pa.schema([("id", pa.int64()), ("x", pa.float64()), ("y", pa.string()), ("day", pa.date32())])
WHERE = "defs.yaml: data.target"


def write(folder: Path, ending: str, *, without_y: date | None = None) -> DataSpec:
    """Writes a file a day, each of one row, the last one without rows."""
    for n, day in enumerate(DAYS):
        (folder / f"day={day}").mkdir()
        file = folder / f"day={day}" / f"rows.{ending}"
        rows = pa.table({"id": [n], "x": [n / 2], "y": ["a"]}).slice(0, 1 if day != DAYS[-1] else 0)
        rows = rows.drop_columns(["y"]) if day == without_y else rows
        if ending == "parquet":
            pq.write_table(rows, file)
        elif ending == "csv":
            rows.to_pandas().to_csv(file, index=False)
        else:
            rows.to_pandas().to_json(file, orient="records", lines=True)
    return DataSpec(id="id", path=f"day=*/rows.{ending}", hive=True)


def spoil(folder: Path, ending: str, *days: date) -> None:
    """Makes files that nothing can read, and that no error is of as long as nobody opens them."""
    for day in days:
        (folder / f"day={day}" / f"rows.{ending}").write_bytes(b'\xff\xfe{"\x00"')


def window(day: date) -> Partition:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Partition(str(day), (start, start + timedelta(1)))


def read(folder: Path, spec: DataSpec, partition: Partition, **keys: Any) -> pa.Table:
    keys = {"like": LIKE, **keys}
    return read_table(spec, where=WHERE, folder=folder, partition={"day": partition}, **keys)


ENDINGS = pytest.mark.parametrize("ending", ["parquet", "csv", "json"])


@ENDINGS
@pytest.mark.parametrize("kind", ["window", "key"])
def test_files_of_other_folders_are_not_opened(tmp_path: Path, ending: str, kind: str):
    spec = write(tmp_path, ending)
    part = window(DAYS[1]) if kind == "window" else Partition(str(DAYS[1]))
    declared = PartitionsSpec(column="day", roles=["target"], time="daily", start=str(DAYS[0]))
    before = read(tmp_path, spec, part, declared=declared)
    assert before.to_pylist() == [{"id": 1, "x": 0.5, "y": "a", "day": DAYS[1]}]
    spoil(
        tmp_path, ending, *DAYS[2:], *([] if ending == "parquet" else DAYS[:1])
    )  # the first says of what type keys are
    after = read(tmp_path, spec, part, declared=declared)
    assert after.equals(before)
    assert conversions(after) == {}
    with read_batches(spec, where=WHERE, folder=tmp_path, like=LIKE, partition={"day": part}) as batches:
        assert batches.read_all().equals(before)


@ENDINGS
def test_column_that_only_other_folders_have_is_blank_and_told(tmp_path: Path, ending: str):
    spec = write(tmp_path, ending, without_y=DAYS[1])
    table = read(tmp_path, spec, window(DAYS[1]))
    assert table.to_pylist() == [{"id": 1, "x": 0.5, "y": None, "day": DAYS[1]}]
    assert conversions(table)["y"].startswith("blank: missing in 1 of ")
    spoil(tmp_path, ending, *DAYS[2:])
    with pytest.raises(DataError, match=str(DAYS[2])):
        read(tmp_path, spec, window(DAYS[1]))
    narrow = read(tmp_path, spec, window(DAYS[1]), expected=["x"]) if ending != "parquet" else None
    assert narrow is None or narrow.column_names == ["id", "x", "day"]


@ENDINGS
def test_rows_of_folders_outside_the_partitions_are_told_with_their_count(tmp_path: Path, ending: str):
    spec = write(tmp_path, ending)
    declared = PartitionsSpec(column="day", roles=["target"], time="daily", start=str(DAYS[1]))
    told = conversions(read(tmp_path, spec, window(DAYS[1]), declared=declared))
    assert told == {"day": f"outside the partitions: 1 of 3 rows are in none: 1 before {DAYS[1]}"}


@ENDINGS
def test_partition_without_rows_names_the_values_of_all_folders(tmp_path: Path, ending: str):
    spec = write(tmp_path, ending)
    for day in (DAYS[-1], DAYS[-1] + timedelta(9)):
        with pytest.raises(DataError, match=rf"none of 3 has it in column 'day' \(values there: {DAYS[0]}, {DAYS[1]}"):
            read(tmp_path, spec, window(day))


@pytest.mark.parametrize(("folder", "key"), [("a%20b", "a b"), ("__HIVE_DEFAULT_PARTITION__", "x"), ("07", "07")])
def test_keys_that_are_written_otherwise_rule_nothing_out(tmp_path: Path, folder: str, key: str):
    for name in (folder, "x"):
        (tmp_path / f"k={name}").mkdir()
        pq.write_table(pa.table({"id": [name]}), tmp_path / f"k={name}" / "f.parquet")
    spec, like = DataSpec(id="id", path="*/f.parquet", hive=True), pa.schema([("k", pa.string())])
    table = read_table(spec, where=WHERE, folder=tmp_path, like=like, partition={"k": Partition(key)})
    assert table["id"].to_pylist() == ["x" if key == "x" else folder]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_column_that_is_in_the_file_as_well_is_the_folder_s(tmp_path: Path, ending: str):
    for key in ("a", "b"):
        (tmp_path / f"k={key}").mkdir()
        table, file = pa.table({"id": [key], "k": ["other"]}), tmp_path / f"k={key}" / f"f.{ending}"
        pq.write_table(table, file) if ending == "parquet" else table.to_pandas().to_csv(file, index=False)
    spec, like = DataSpec(id="id", path=f"*/f.{ending}", hive=True), pa.schema([("k", pa.string())])
    whole = read_table(spec, where=WHERE, folder=tmp_path, like=like)
    assert whole.to_pylist() == [{"id": "a", "k": "a"}, {"id": "b", "k": "b"}]
    some = read_table(spec, where=WHERE, folder=tmp_path, like=like, partition={"k": Partition("b")})
    assert some.to_pylist() == [{"id": "b", "k": "b"}]
