"""Tables kept as Parquet files: the same rows, types, versions and SQL as those in the store's own tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_series_equal

from ballast.errors import VersionNotFoundError, WarehouseError
from ballast.warehouse import Warehouse
from ballast.warehouse.tables import kept_files, parts
from ballast.warehouse.tables.hashing import content_hash
from tests.warehouse.conftest import homes, make_warehouse
from tests.warehouse.tables.test_round_trips import ARRAYS
from tests.warehouse.tables.test_types import FRAMES, TABLES

BEYOND = 4_000  # bytes
ROWS = 3_000


@pytest.fixture(params=homes("embedded"))
def big(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """An empty warehouse in each of the homes, in which few bytes are many."""
    warehouse = make_warehouse(request.param, tmp_path / "a [b], it's 100 %", request)
    warehouse.files_beyond = BEYOND
    return warehouse


@pytest.fixture
def embedded(tmp_path: Path, request: pytest.FixtureRequest) -> Warehouse:
    warehouse = make_warehouse("embedded", tmp_path, request)
    warehouse.files_beyond = BEYOND
    return warehouse


def table(seed: int = 0, rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(seed)
    levels = pa.array(["spare", "u", "v"])
    kinds = pa.DictionaryArray.from_arrays(pa.array(rng.integers(1, 3, rows), pa.int8()), levels)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(size=2 * rows).astype(np.float32)), 2)
    when = pa.array(rng.integers(0, 2**40, rows), pa.timestamp("us", "UTC"))
    return pa.table({"id": rng.permutation(rows), "x": rng.normal(size=rows), "kind": kinds, "v": vectors, "t": when})


def stream(whole: pa.Table, rows: int) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(whole.schema, whole.to_batches(max_chunksize=rows))


def parquet(warehouse: Warehouse) -> list[Path]:
    return sorted(Path(warehouse.home.data).rglob("*.parquet"))


# -- the same table, whichever way it came -----------------------------------------------------------------------


@pytest.mark.parametrize("big", homes("embedded", "sqlite"), indirect=True)
def test_table_when_it_comes_whole_as_a_stream_or_as_files_then_the_same_version_is_stored(big):
    whole = table()
    with big.staging("p/x") as folder:
        cuts = [(0, 1), (1, 1200), (1200, ROWS)]
        for number, (start, end) in enumerate(cuts):
            pq.write_table(whole.slice(start, end - start), folder / f"by worker {9 - number}.parquet")
        given = [folder / f"by worker {9 - number}.parquet" for number in range(len(cuts))]
        made = [big.commit("p/x", each) for each in (whole, stream(whole, 7), stream(whole, ROWS), given)]
    assert {commit.content_hash for commit in made} == {content_hash(whole)}
    assert {commit.row_count for commit in made} == {ROWS}
    for version in (1, 2, 3, 4):
        back = big.read_arrow("p/x", version=version)
        assert content_hash(back) == content_hash(whole)
        assert back.schema == whole.schema
        assert big.sql(f"SELECT sum(id) AS n FROM p.x AT (VERSION => {version})").n[0] == sum(range(ROWS))
    for version in (1, 2, 3):
        assert big.read("p/x", version=version).kind.cat.categories.tolist() == ["spare", "u", "v"]
    assert len(big.files("p/x", version=4)) == 3
    assert not any(kept_files.STAGING in str(path) for path in parquet(big))
    assert big.sql("SELECT count(*) AS n FROM p.x WHERE kind = 'u'").n[0] == (whole["kind"].to_pandas() == "u").sum()


def test_table_when_small_then_in_the_stores_own_tables_whichever_way_it_came(big):
    few = table(rows=5)
    with big.staging("p/x") as folder:
        pq.write_table(few, folder / "few.parquet")
        hashes = {big.commit("p/x", each).content_hash for each in (few, stream(few, 2), [folder / "few.parquet"])}
    assert hashes == {content_hash(few)}
    assert big.files("p/x") is None
    assert big.sql("SELECT count(*) AS n FROM ballast_store.files").n[0] == 0


def test_versions_when_some_are_files_then_read_sql_and_history_go_over_both(big):
    frames = [table(1), table(2, 3), table(3), table(4).append_column("more", pa.array(range(ROWS)))]
    made = [big.commit("p/x", each, run_id=f"run {number}") for number, each in enumerate(frames)]
    for commit, given in zip(made, frames, strict=True):
        assert content_hash(big.read_arrow("p/x", version=commit.version)) == commit.content_hash
        assert big.read_arrow("p/x", as_of=commit.created_at).num_rows == given.num_rows
        assert big.read_arrow("p/x", run=commit.run_id).schema == given.schema
    assert big.sql("SELECT max(more) AS most FROM p.x").most[0] == ROWS - 1
    assert len(big.sql("FROM p.x AT (VERSION => 2)")) == 3
    assert big.read_column("p/x", "id").tolist() == frames[3]["id"].to_pylist()


def test_partitions_when_some_are_files_of_other_types_then_the_view_has_all(big):
    one, few = table(1), table(2, 3)
    other = table(3).set_column(1, "x", pa.array(np.arange(ROWS), pa.int32()))
    for key, each in {"a": one, "b": few, "c": other}.items():
        big.commit("p/x", each, partition=key)
    told = big.sql("SELECT partition, count(*) AS n, typeof(any_value(x)) AS kind FROM p.x GROUP BY ALL ORDER BY 1")
    assert told.n.tolist() == [ROWS, 3, ROWS]
    assert set(told.kind) == {"DOUBLE"}
    assert big.read("p/x").partition.value_counts().to_dict() == {"a": ROWS, "b": 3, "c": ROWS}
    assert big.read_arrow("p/x", partition="c")["x"].type == pa.int32()
    with big.read_batches("p/x", where=[("x", ">", 2_990)]) as batches:
        assert batches.read_all()["partition"].to_pylist() == ["c"] * 9
    big.retire(["p/x"], [("p/x", "a")])
    assert sorted(big.sql("SELECT DISTINCT partition FROM p.x").partition) == ["b", "c"]
    with pytest.raises(WarehouseError, match=r"has partitions \(b, c\).*name one"):
        big.files("p/x")
    big.prune(partitions=[("p/x", key) for key in "abc"])
    assert big.commit("p/x", few).version == 1
    assert len(big.sql("FROM p.x")) == 3


def test_asset_when_all_its_versions_were_files_and_went_then_its_name_is_free(big):
    for key in "ab":
        big.commit("p/x", table(), partition=key)
    big.prune(partitions=[("p/x", "a"), ("p/x", "b")])
    assert big.commits() == []
    with pytest.raises(WarehouseError):
        big.sql("FROM p.x")
    big.commit("p/x", table(), partition="c")
    assert big.sql("SELECT DISTINCT partition FROM p.x").partition.tolist() == ["c"]


@pytest.mark.parametrize("asset", ["Ünïcode/重み 🙂", "select/'; DROP TABLE x; --", "a/../../b", "p/" + "long " * 60])
def test_asset_when_its_name_is_hostile_then_its_files_lie_in_the_stores_folder(embedded, asset):
    embedded.commit(asset, table())
    (path,) = embedded.files(asset)
    assert path.resolve().is_relative_to(embedded.home.files.resolve())
    assert len(path.relative_to(embedded.home.files).parts) == 3
    assert embedded.read_arrow(asset).num_rows == ROWS


def test_rows_when_they_are_thinned_then_the_same_ones_each_time(big):
    big.commit("p/x", table())
    first, second = (big.read_arrow("p/x", columns=["id"], one_in=10)["id"].to_pylist() for _ in range(2))
    assert first == second
    assert 0.05 * ROWS < len(first) < 0.15 * ROWS


# -- types -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", homes("embedded", "sqlite"))
def test_table_of_any_type_when_kept_as_files_then_comes_back_the_same(home, tmp_path, request):
    warehouse = make_warehouse(home, tmp_path, request)
    warehouse.files_beyond = 0
    times = 60
    arrays = {**TABLES, **{f"plain {name}": array for name, array in ARRAYS.items()}}
    given = {n: pa.chunked_array([a] * times).combine_chunks() for n, a in arrays.items() if "wide" not in n}
    whole = pa.table({name: pa.chunked_array([one]) for name, one in given.items()})
    made = warehouse.commit("t/x", stream(whole, 50))
    assert warehouse.files("t/x") is not None
    back = Warehouse(warehouse.url).read_arrow("t/x")
    assert back.schema == whole.schema
    for name in whole.column_names:
        assert content_hash(back.select([name])) == content_hash(whole.select([name])), name
    assert made.content_hash == content_hash(back) == content_hash(whole)
    with warehouse.read_batches("t/x") as batches:
        assert content_hash(batches.read_all()) == made.content_hash
    assert len(warehouse.sql("FROM t.x")) == len(warehouse.read("t/x")) == whole.num_rows


@pytest.mark.parametrize("home", homes("embedded"))
def test_frame_of_any_type_when_kept_as_files_then_pandas_gets_the_same(home, tmp_path, request):
    warehouse = make_warehouse(home, tmp_path, request)
    warehouse.files_beyond = 0
    frame = pd.DataFrame({name: pd.Series(values) for name, values in FRAMES.items()})
    warehouse.commit("t/x", frame)
    assert warehouse.files("t/x") is not None
    back = warehouse.read("t/x")
    for name in FRAMES:
        assert_series_equal(back[name], frame[name])


def test_types_of_sql_when_a_table_is_files_then_those_of_a_table_of_rows(embedded):
    whole = pa.table({"v": pa.array([[1.0, 2.0]] * ROWS, pa.list_(pa.float32(), 2)), "s": pa.array([1] * ROWS, pa.timestamp("s"))})  # fmt: skip  # noqa: E501
    embedded.commit("p/files", whole)
    embedded.commit("p/rows", whole.slice(0, 3))
    described = [embedded.sql(f"DESCRIBE p.{name}").column_type.tolist() for name in ("files", "rows")]
    assert described == [["FLOAT[2]", "TIMESTAMP_S"]] * 2


def test_intervals_when_a_table_is_large_then_it_stays_rows_and_a_stream_of_them_is_refused(embedded):
    whole = pa.table({"x": pa.array([(1, 2, 3_000)] * ROWS, pa.month_day_nano_interval())})
    made = embedded.commit("p/x", whole)
    assert content_hash(embedded.read_arrow("p/x")) == made.content_hash
    assert embedded.files("p/x") is None
    with pytest.raises(WarehouseError, match=r"'p/x'.*no intervals of months; write months, days and a duration"):
        embedded.commit("p/x", stream(whole, 100))
    assert [commit.version for commit in embedded.commits()] == [1]


def test_stream_when_a_value_cannot_be_stored_then_its_rows_are_named_and_nothing_is_left(big):
    good = pa.table({"id": range(ROWS), "t": pa.array([0] * ROWS, pa.time64("ns"))})
    bad = pa.table({"id": [1, 2], "t": pa.array([1_000, 1], pa.time64("ns"))})
    batches = [*good.to_batches(), *bad.to_batches()]
    with pytest.raises(WarehouseError, match=r"column 't'.*microsecond.*\(rows 3000 to 3001 of the stream\)"):
        big.commit("p/x", pa.RecordBatchReader.from_batches(good.schema, batches))
    assert big.commits() == []
    assert parquet(big) == []


def test_stream_when_it_fails_on_the_way_then_its_error_comes_through_and_nothing_is_left(big):
    def batches() -> Iterator[pa.RecordBatch]:
        yield from table().to_batches()
        raise ZeroDivisionError("of the source")

    with pytest.raises(ZeroDivisionError, match="of the source"):
        big.commit("p/x", pa.RecordBatchReader.from_batches(table().schema, batches()))
    assert big.commits() == []
    assert parquet(big) == []


def test_stream_when_cut_otherwise_then_its_row_groups_and_files_are_the_same(embedded, monkeypatch):
    monkeypatch.setattr(parts, "GROUP_BYTES", 2**15)
    monkeypatch.setattr(parts, "PART_BYTES", 2**21)
    text = [f"{'long ' * (number % 50)}{number}" for number in range(40_000)]
    whole = pa.table({"id": range(40_000), "text": text, "gap": pa.array([None, 1] * 20_000)})
    dealt = []
    for rows in (999, 16_384, 40_000):
        embedded.commit("p/x", stream(whole, rows))
        found = [pq.read_metadata(path) for path in embedded.files("p/x")]
        dealt.append([[each.row_group(k).num_rows for k in range(each.num_row_groups)] for each in found])
    assert dealt[0] == dealt[1] == dealt[2]
    assert len(dealt[0]) == 3
    assert len(dealt[0][0]) > 3


# -- files that others wrote -------------------------------------------------------------------------------------


def test_files_when_they_are_not_one_table_then_file_and_column_are_named(embedded):
    with embedded.staging("p/x") as folder:
        pq.write_table(table(), folder / "a.parquet")
        pq.write_table(table().drop_columns(["x"]), folder / "b.parquet")
        pq.write_table(table().set_column(1, "x", pa.array(["1"] * ROWS)), folder / "c.parquet")
        ordered = table()["kind"].combine_chunks()
        ordered = pa.DictionaryArray.from_arrays(ordered.indices, ordered.dictionary, ordered=True)
        pq.write_table(pa.table({"kind": ordered}), folder / "d.parquet")
        (folder / "e.parquet").write_bytes(b"no")
        shutil.copy(folder / "a.parquet", folder.parent.parent / "elsewhere.parquet")
        for names, said in {
            "ab": r"b\.parquet has the columns id, kind, v, t, .*a\.parquet has id, x, kind",
            "ac": r"column 'x': .*c\.parquet holds string, .*a\.parquet holds double",
            "d": r"column 'kind': a Parquet file does not keep the order",
            "ae": r"e\.parquet cannot be read as Parquet",
            "aa": "a file is given twice",
            "": "no file is given",
        }.items():
            with pytest.raises(WarehouseError, match=rf"'p/x'.*{said}"):
                embedded.commit("p/x", [folder / f"{name}.parquet" for name in names])
        with pytest.raises(WarehouseError, match=r"elsewhere\.parquet is not in a folder that the warehouse gave"):
            embedded.commit("p/x", [folder.parent.parent / "elsewhere.parquet"])
    assert embedded.commits() == []


def test_files_when_of_types_that_the_store_has_not_then_they_are_written_anew(big):
    whole = pa.table({"id": range(ROWS), "t": pa.array([1] * ROWS, pa.duration("s"))})
    with big.staging("p/x") as folder:
        pq.write_table(whole, folder / "a.parquet")
        made = big.commit("p/x", [folder / "a.parquet"])
    assert made.content_hash == content_hash(whole)
    assert big.read_arrow("p/x").schema == whole.schema


# -- batches out -------------------------------------------------------------------------------------------------


def test_batches_when_columns_and_rows_are_chosen_then_in_stored_order_whichever_way_it_is_kept(big, monkeypatch):
    monkeypatch.setattr(parts, "GROUP_BYTES", 2**14)
    rng = np.random.default_rng(0)
    whole = pa.table({"id": rng.permutation(20_000), "t": pa.array(range(20_000), pa.duration("s")), "b": ["x", "y"] * 10_000})  # fmt: skip  # noqa: E501
    big.commit("p/x", whole)
    assert pq.read_metadata(big.files("p/x")[0]).num_row_groups > 5
    big.files_beyond = 2**30
    big.commit("p/x", whole)
    expected = whole.to_pandas()
    for version in (1, 2):
        with big.read_batches("p/x", version=version, columns=["B", "id"]) as batches:
            assert batches.schema == pa.schema({"b": pa.string(), "id": pa.int64()})
            assert batches.read_all()["id"].to_pylist() == whole["id"].to_pylist()
        for where, right in {
            (("id", "<", 50), ("b", "!=", "x")): (expected.id < 50) & (expected.b != "x"),
            (("t", ">=", pd.Timedelta(seconds=19_990)),): expected.t >= pd.Timedelta(seconds=19_990),
            (("id", "in", (np.int64(3), 5)),): expected.id.isin([3, 5]),
            (("id", "not in", ()),): expected.id >= 0,
            (("id", "in", ()),): expected.id < 0,
        }.items():
            with big.read_batches("p/x", version=version, where=where) as batches:
                assert batches.read_all()["id"].to_pylist() == expected.id[right].tolist()


@pytest.mark.parametrize("big", homes("embedded", "sqlite"), indirect=True)
def test_batches_while_they_are_read_then_the_store_is_free_for_others(big):
    big.commit("p/x", table())
    with big.read_batches("p/x") as batches:
        assert big.commit("p/y", table(1)).version == 1
        assert sum(batch.num_rows for batch in batches) == ROWS


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"columns": ["no"]}, "no column 'no': it has id, x, kind"),
        ({"where": [("no", "=", 1)]}, "no column 'no'"),
        ({"where": [("id", "like", 1)]}, "compare with one of"),
        ({"where": [("id", "=", None)]}, "no row meets a comparison with None"),
        ({"where": [("id", "=", "one")]}, "'one'"),
        ({"version": 2}, "no version 2"),
    ],
)
def test_batches_when_what_is_asked_is_not_there_then_said_before_any_row(embedded, asked, said):
    embedded.commit("p/x", table())
    with pytest.raises((WarehouseError, VersionNotFoundError), match=said), embedded.read_batches("p/x", **asked):
        pass


# -- files that are not as they were -----------------------------------------------------------------------------


def reads(warehouse: Warehouse) -> Iterator[Callable[[], object]]:
    yield lambda: warehouse.read_arrow("p/x")
    yield lambda: warehouse.sql("SELECT count(*) FROM p.x")
    yield lambda: warehouse.sql("SELECT count(*) FROM p.x AT (VERSION => 1)")
    yield lambda: warehouse.files("p/x")
    yield lambda: warehouse.read_batches("p/x").__enter__()


def test_file_when_it_is_missing_or_was_changed_then_each_reading_names_it(big):
    big.commit("p/x", table())
    (path,) = big.files("p/x")
    before, stat = path.read_bytes(), path.stat()
    changed = bytearray(before)
    changed[len(before) // 3] ^= 1  # of the same size and, once it is put back, the same time
    path.write_bytes(bytes(changed))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    for read in reads(big):
        with pytest.raises(
            WarehouseError, match=r"'p/x' \(version 1\): .*part-00000\.parquet.* not as it was committed"
        ):
            read()
    path.write_bytes(before)
    assert big.read_arrow("p/x").num_rows == ROWS
    path.rename(path.with_name("away"))
    for read in reads(big):
        with pytest.raises(WarehouseError, match=r"part-00000\.parquet.*cannot be read.*restore it from a copy"):
            read()


@pytest.mark.parametrize("big", ["embedded", pytest.param("sqlite", marks=pytest.mark.full)], indirect=True)
def test_warehouse_when_moved_with_its_folder_then_reads_queries_and_goes_on(big, tmp_path):
    big.commit("p/x", table())
    old = big.home.path.parent
    new = tmp_path / "moved 'away'"
    shutil.copytree(old, new)
    shutil.rmtree(old)
    moved = Warehouse(big.url.replace(str(old), str(new)), files_beyond=BEYOND)
    assert content_hash(moved.read_arrow("p/x")) == content_hash(table())
    assert all(path.is_relative_to(new) for path in parquet(moved))
    assert len(moved.sql("FROM p.x")) == ROWS
    moved.commit("p/y", table(1))
    assert len(moved.sql("FROM p.x")) == len(moved.sql("FROM p.y")) == ROWS


def test_warehouse_when_moved_without_its_folder_then_only_what_lay_there_is_missing(embedded, tmp_path):
    embedded.commit("p/x", table())
    embedded.commit("p/few", table(rows=3))
    (tmp_path / "new").mkdir()
    embedded.home.path.rename(tmp_path / "new" / "w.duckdb")
    moved = Warehouse(f"duckdb:///{tmp_path}/new/w.duckdb", files_beyond=BEYOND)
    assert len(moved.sql("FROM p.few")) == 3
    assert moved.commit("p/y", table(1)).row_count == len(moved.sql("FROM p.y"))
    for read in reads(moved):
        with pytest.raises(WarehouseError, match=r"'p/x' \(version 1\): .*new/w\.duckdb\.tables.*moves together with"):
            read()
    assert moved.commit("p/x", table(2)).version == 2
    assert len(moved.sql("FROM p.x")) == ROWS


def test_view_in_a_persons_own_shell_then_it_reads_the_files(embedded):
    embedded.commit("p/x", table())
    with duckdb.connect(embedded.home.path, read_only=True) as con:
        assert con.execute("SELECT count(*), sum(id) FROM p.x").fetchone() == (ROWS, sum(range(ROWS)))
