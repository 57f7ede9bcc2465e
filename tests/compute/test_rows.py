"""A table as parts: the same rows whatever files and parts they lie in."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.compute import rows as module
from ballast.compute.rows import Rows
from ballast.errors import DataError


def table(n: int) -> pa.Table:
    rng = np.random.default_rng(n)
    letters = pa.array(rng.choice(list("abc"), n)).dictionary_encode()
    return pa.table({"id": np.arange(n), "x": rng.normal(size=n), "c": letters})


def written(folder: Path, whole: pa.Table, sizes: list[int], group: int = 700) -> list[Path]:
    files, start = [], 0
    for number, size in enumerate(sizes):
        files.append(folder / f"{number}.parquet")
        pq.write_table(whole.slice(start, size), files[-1], row_group_size=group)
        start += size
    return files


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_ROWS", 1000)
    monkeypatch.setattr(module, "MOST_ROWS", 300)
    monkeypatch.setattr(module, "FEWEST_ROWS", 10)


def test_rows_of_files_when_read_then_all_are_there_in_order(tmp_path: Path, small_parts: None) -> None:
    whole = table(5000)
    rows = Rows.of_files(written(tmp_path, whole, [2500, 0, 1, 2499]))
    assert len(rows) == 5000
    assert [part.rows for part in rows.parts] == [1400, 1100, 1, 1400, 1099]  # of row groups of 700
    assert rows.reader().read_all().equals(whole)
    assert max(len(batch) for part in rows.parts for batch in rows.batches(part)) <= 300


def test_rows_of_a_table_when_read_then_they_are_those_of_its_file(tmp_path: Path, small_parts: None) -> None:
    whole = table(3300)
    assert Rows.of_table(whole).reader().read_all().equals(whole)
    assert len(Rows.of_table(whole.slice(0, 0))) == 0
    assert Rows.of_table(whole.slice(0, 0)).reader().read_all().equals(whole.slice(0, 0))


@pytest.mark.parametrize(("start", "stop"), [(0, 5000), (0, 1), (699, 701), (1399, 2600), (4999, 5000), (2500, 2500)])
def test_range_when_it_crosses_parts_and_files_then_those_rows_come(
    tmp_path: Path, small_parts: None, start: int, stop: int
) -> None:
    whole = table(5000)
    rows = Rows.of_files(written(tmp_path, whole, [2500, 2500]))
    got = pa.Table.from_batches(rows.range(start, stop), rows.schema)
    assert got.equals(whole.slice(start, stop - start))


def test_select_when_columns_are_few_then_the_batches_stay_those_of_all(tmp_path: Path, small_parts: None) -> None:
    rows = Rows.of_files(written(tmp_path, table(5000), [5000]))
    few = rows.select(["x"])
    assert few.reader().read_all().column_names == ["x"]
    lengths = [[len(b) for part in r.parts for b in r.batches(part)] for r in (rows, few)]
    assert lengths[0] == lengths[1]
    with pytest.raises(DataError, match="no column 'y'"):
        rows.select(["y"])


def test_beside_when_the_other_lies_in_other_parts_then_rows_still_meet(tmp_path: Path, small_parts: None) -> None:
    whole = table(5000)
    (tmp_path / "w").mkdir()
    weights = pa.table({"weight": whole.column("id").to_numpy() * 2.0})
    one = Rows.of_files(written(tmp_path, whole, [2500, 2500]))
    for other in (Rows.of_files(written(tmp_path / "w", weights, [100, 4900], 450)), Rows.of_table(weights)):
        both = one.beside(other).select(["weight", "id"])
        got = both.reader().read_all()
        assert got.column("weight").to_numpy().tolist() == (got.column("id").to_numpy() * 2.0).tolist()
        assert len(got) == 5000
        part = pickle.loads(pickle.dumps((both.without_parts(), both.parts[2])))
        assert sum(map(len, part[0].batches(part[1]))) == both.parts[2].rows
    with pytest.raises(DataError, match="5000 and 7 rows"):
        one.beside(Rows.of_table(weights.slice(0, 7)))
    with pytest.raises(DataError, match="both tables have a column 'id'"):
        one.beside(one)


def test_parts_of_files_when_sent_to_a_process_then_the_data_stay(tmp_path: Path) -> None:
    rows = Rows.of_files(written(tmp_path, table(200_000), [200_000], 10_000))
    assert len(pickle.dumps(rows)) < 3000


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]])
def test_files_that_differ_when_a_schema_is_given_then_each_is_read_by_it(tmp_path: Path, order: list[int]) -> None:
    tables = [
        pa.table({"id": [1, 2, 3], "x": pa.array([1, 2, 3], pa.int64()), "c": ["u", "v", None]}),
        pa.table({"id": [4, 5], "x": pa.array([4.5, None]), "c": pa.nulls(2)}),
        pa.table({"id": [6], "x": pa.array([6], pa.int32()), "z": [1.0]}),
        pa.table({"c": pa.array(["v"]).dictionary_encode(), "id": [7], "x": pa.array([7.0], pa.float32())}),
    ]
    for number, one in enumerate(tables):
        pq.write_table(one, tmp_path / f"{number}.parquet")
    schema = pa.schema({"id": pa.int64(), "x": pa.float64(), "c": pa.string()})
    files = [tmp_path / f"{i}.parquet" for i in order]
    got = Rows.of_files(files, schema).reader().read_all()
    assert got.num_rows == 7
    x = [v for v in got.column("x").to_pylist() if v is not None]
    assert (len(x), sum(x)) == (6, 23.5)
    assert got.column("c").null_count == 4
    with pytest.raises(DataError, match="other columns or types than"):
        Rows.of_files(files)
    with pytest.raises(DataError, match=r"column 'c' is (string|dictionary.*) and not double"):
        Rows.of_files(files[:1] + files[1:], schema.set(2, pa.field("c", pa.float64()))).reader().read_all()


def test_file_when_damaged_or_missing_then_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    for name in ("a.parquet", "b.parquet"):
        with pytest.raises(DataError, match=name):
            Rows.of_files([tmp_path / name])
    with pytest.raises(DataError, match="no file was given"):
        Rows.of_files([])
