"""Files of tables when processes are killed, transactions are undone, and somebody prunes beside those that work."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ballast.errors import VersionNotFoundError, WarehouseError
from ballast.warehouse import Warehouse
from ballast.warehouse.homes.lake import Lake
from ballast.warehouse.locks import leases
from ballast.warehouse.tables.kept_files import LAKE
from tests.warehouse.conftest import homes, make_warehouse
from tests.warehouse.test_files import BEYOND, ROWS, parquet, table

# Each does its part with a table of files, says so, and goes on once its standard input closes.
BEGINS = """
import sys
import pyarrow as pa, pyarrow.parquet as pq
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1], files_beyond=1000)
rows = pa.table({"id": range(3000)})
"""
STAGES = f"""{BEGINS}
with warehouse.staging("p/new") as folder:
    pq.write_table(rows, folder / "by a worker.parquet")
    print("written", flush=True)
    sys.stdin.read()
    print(warehouse.commit("p/new", [folder / "by a worker.parquet"]).version)
"""
COMMITS = f"""{BEGINS}
with warehouse.writing():
    warehouse.commit("p/new", rows)
    print("written", flush=True)
    sys.stdin.read()
"""
FOREVER = f"""{BEGINS}
print("committing", flush=True)
while True:
    warehouse.commit("p/new", pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(max_chunksize=100)))
"""
READS = f"""{BEGINS}
with warehouse.read_batches("p/x", version=1) as batches:
    print("reading", flush=True)
    sys.stdin.read()
    print(sum(batch.num_rows for batch in batches))
"""


@pytest.fixture(params=homes("embedded"))
def big(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    warehouse = make_warehouse(request.param, tmp_path, request)
    warehouse.files_beyond = BEYOND
    return warehouse


class UndoneError(Exception):
    """What ends a block `with warehouse.writing()` badly."""


def kept(warehouse: Warehouse) -> list[Path]:
    """Gives the Parquet files that are there, without those that a lake says it will remove in an hour."""
    there = parquet(warehouse)
    if not isinstance(warehouse.home, Lake):
        return there
    with warehouse._reading() as con:
        assert con is not None
        found = con.execute(f"SELECT path FROM {LAKE}.ducklake_files_scheduled_for_deletion").fetchall()
    return [path for path in there if not any(str(path).endswith(f"/{waiting}") for (waiting,) in found)]


def kill(child: subprocess.Popen[str]) -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def test_prune_beside_a_process_that_writes_then_its_files_stay_until_it_has_ended(big, process):
    for seed in (1, 2):
        big.commit("p/x", table(seed))
    children = [process(STAGES, big.url) for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "written\n"
    staged = [path for path in parquet(big) if "worker" in path.name]
    assert len(staged) == 2
    assert [commit.version for commit in big.prune(keep=1)] == [1]
    assert [path for path in parquet(big) if "worker" in path.name] == staged
    output, errors = children[0].communicate("")
    assert output == "1\n", errors
    kill(children[1])
    assert len([path for path in parquet(big) if "worker" in path.name]) == 1
    assert big.prune(keep=1) == []
    assert sorted(kept(big)) == sorted([*big.files("p/x"), *big.files("p/new")])


@pytest.mark.parametrize("big", homes("embedded", "sqlite"), indirect=True)
def test_commit_when_its_process_is_killed_in_the_transaction_then_no_version_and_prune_takes_its_files(big, process):
    big.commit("p/x", table())
    before = parquet(big)
    child = process(COMMITS, big.url)
    assert child.stdout.readline() == "written\n"
    assert len(parquet(big)) == 2
    kill(child)
    assert [commit.asset for commit in big.commits()] == ["p/x"]
    with pytest.raises(VersionNotFoundError):
        big.read("p/new")
    big.prune(keep=1)
    assert parquet(big) == before
    assert big.commit("p/new", table()).version == 1
    assert len(big.sql("FROM p.new")) == ROWS


@pytest.mark.full
@pytest.mark.parametrize("big", homes("embedded", "sqlite"), indirect=True)
def test_commits_when_their_process_is_killed_at_any_time_then_whole_versions_and_their_files_remain(big, process):
    expected = 0
    for rounds in range(6):
        child = process(FOREVER, big.url)
        assert child.stdout.readline() == "committing\n"
        while len(big.commits("p/new")) <= expected + rounds % 3:  # then amid one of those that follow
            assert child.poll() is None
        kill(child)
        versions = [commit.version for commit in big.commits("p/new")]
        assert versions == list(range(len(versions), 0, -1))
        assert {big.read_arrow("p/new", version=version).num_rows for version in versions} == {ROWS}
        assert len(big.sql("FROM p.new")) == ROWS
        expected = len(versions)
    big.prune(keep=2)
    assert sorted(kept(big)) == sorted(path for n in (expected, expected - 1) for path in big.files("p/new", version=n))


@pytest.mark.parametrize("big", homes("embedded", "sqlite"), indirect=True)
def test_commit_when_its_transaction_is_undone_then_its_files_are_where_they_were(big):
    whole = table()
    with big.staging("p/x") as folder:
        given = folder / "a.parquet"
        pq.write_table(whole, given)
        with suppress(UndoneError), big.writing():
            big.commit("p/x", [given])
            assert not given.exists()
            raise UndoneError
        assert big.commits() == []
        assert parquet(big) == [given]
        assert big.commit("p/x", [given]).version == 1
    with suppress(UndoneError), big.writing():
        big.commit("p/x", whole)
        raise UndoneError
    assert parquet(big) == big.files("p/x")


def test_commit_when_it_is_refused_in_the_transaction_then_nothing_is_left(big):
    big.commit("p/x/y", table())
    before = parquet(big)
    with pytest.raises(WarehouseError, match="would both be the view"):
        big.commit("p/x_y", table())
    assert parquet(big) == before


def test_prune_beside_a_process_that_reads_then_it_reads_to_the_end_and_the_next_prune_takes_the_files(big, process):
    for seed in (1, 2):
        big.commit("p/x", table(seed))
    before = parquet(big)
    child = process(READS, big.url)
    assert child.stdout.readline() == "reading\n"
    assert [commit.version for commit in big.prune(keep=1)] == [1]
    with pytest.raises(VersionNotFoundError):
        big.read("p/x", version=1)
    assert parquet(big) == before
    output, errors = child.communicate("")
    assert output == f"{ROWS}\n", errors
    big.commit("p/x", table(3))
    big.prune(keep=1)
    assert kept(big) == big.files("p/x")


def test_prune_when_versions_go_then_their_files_alone_go_with_them(big):
    for seed in (1, 2, 3):
        big.commit("p/x", table(seed))
        big.commit("p/y", table(seed))
    big.commit("p/model", pa.table({"path": ["m"]}), kind="learner", inputs={"p/x": 1})
    big.prune(keep=1, dry_run=True)
    assert len(parquet(big)) == 6
    big.prune(keep=1)
    stay = [("p/x", 1), ("p/x", 3), ("p/y", 3)]
    assert sorted(kept(big)) == sorted(path for asset, n in stay for path in big.files(asset, version=n))
    assert [big.read_arrow(asset, version=n).num_rows for asset, n in stay] == [ROWS] * 3


def test_prune_within_a_block_that_is_undone_then_nothing_has_gone(embedded):
    embedded.files_beyond = BEYOND
    for seed in (1, 2):
        embedded.commit("p/x", table(seed))
    with suppress(UndoneError), embedded.writing():
        embedded.prune(keep=1)
        raise UndoneError
    assert [embedded.read_arrow("p/x", version=version).num_rows for version in (1, 2)] == [ROWS] * 2


def test_folder_of_a_lease_when_its_block_ends_then_gone_with_its_lock(tmp_path):
    with leases.leased(tmp_path / "s") as one, leases.leased(tmp_path / "s") as other:
        (one / "x").write_text("1")
        assert one != other
        since = leases.clear(tmp_path / "s")
        assert since is not None
        assert since <= one.stat().st_mtime
        assert (one / "x").exists()
    assert list((tmp_path / "s").iterdir()) == []
    assert leases.clear(tmp_path / "s") is None


# A limit on the size of files stands for a full disk: writing beyond it fails in the same way.
FULL = f"""{BEGINS}
import resource, numpy as np
from ballast.errors import WarehouseError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    warehouse.commit("p/new", pa.table({{"x": np.random.default_rng(0).random(100_000)}}))
except WarehouseError as error:
    print(error)
"""


def test_disk_when_full_then_the_error_names_the_file_and_nothing_is_left(embedded, process):
    embedded.files_beyond = BEYOND
    embedded.commit("p/x", table())
    output, errors = process(FULL, embedded.url).communicate()
    assert "asset 'p/new' cannot be written to" in output, errors
    assert "disk has room" in output
    assert parquet(embedded) == embedded.files("p/x")
