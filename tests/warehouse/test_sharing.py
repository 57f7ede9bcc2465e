"""Many processes, threads and people on one file: queues, holders, kills, and folders that refuse."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ballast.errors import WarehouseError, WarehouseLockedError
from ballast.warehouse import Warehouse

WRITER = """
import sys
import pandas as pd
from ballast.warehouse import Warehouse
url, asset, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(times):
    Warehouse(url).commit(asset, pd.DataFrame({"writer": [asset] * 100, "number": number}), run_id=asset)
    Warehouse(url).read(asset)
"""

# Holds the file as a person's shell would, until its standard input closes.
HOLDER = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1])
print("holding", flush=True)
sys.stdin.read()
"""

# Commits for ever; says so before the first.
KILLED = """
import sys
import pandas as pd
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1])
frame = pd.DataFrame({"number": range(20_000), "text": "x" * 50})
print("committing", flush=True)
while True:
    warehouse.commit("digits/density", frame)
"""


def test_processes_when_many_commit_at_once_then_none_is_lost(warehouse, process):
    assets = ["digits/shared", "digits/shared", "digits/third"]
    children = [process(WRITER, warehouse.url, asset, 5) for asset in assets]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate(timeout=300)
        assert child.returncode == 0, errors
    assert [commit.version for commit in warehouse.commits("digits/shared")] == list(range(10, 0, -1))
    assert [commit.version for commit in warehouse.commits("digits/third")] == [5, 4, 3, 2, 1]
    for version in range(1, 11):
        assert len(warehouse.read("digits/shared", version=version)) == 100


def test_threads_when_they_read_and_write_at_once_then_all_succeed(warehouse, weights):
    failures = []

    def work(name: str) -> None:
        try:
            for _ in range(4):
                warehouse.commit(f"digits/{name}", weights)
                assert_frame_equal(Warehouse(warehouse.url).read(f"digits/{name}"), weights)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(warehouse.commits()) == 16


@pytest.mark.skipif(sys.platform != "linux", reason="the holder's command is read from /proc")
def test_holder_when_a_shell_has_the_file_open_then_named_and_waited_for(embedded, weights, process, caplog):
    embedded.commit("digits/density", weights)
    holder = process(HOLDER, embedded.home.path)
    assert holder.stdout.readline() == "holding\n"

    class Release(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            holder.stdin.close()

    logger = logging.getLogger("ballast.warehouse")
    release = Release()
    logger.addHandler(release)
    try:
        with caplog.at_level(logging.WARNING, "ballast.warehouse"):
            made = embedded.commit("digits/density", weights.head(3))
    finally:
        logger.removeHandler(release)
    assert made.version == 2
    assert f"is held by PID {holder.pid} ({sys.executable} -c" in caplog.text
    assert "import duckdb" in caplog.text


@pytest.mark.parametrize(
    "call", [lambda w: w.read("digits/density"), lambda w: w.commit("a/b", pd.DataFrame({"x": [1]}))]
)
def test_holder_when_it_never_lets_go_then_the_error_names_it(embedded, weights, process, call):
    embedded.commit("digits/density", weights)
    holder = process(HOLDER, embedded.home.path)
    assert holder.stdout.readline() == "holding\n"
    with pytest.raises(WarehouseLockedError, match=rf"held by PID {holder.pid}\b.* for all of 0.2 s; close that"):
        call(Warehouse(embedded.url, timeout=0.2))
    holder.communicate("")
    assert len(embedded.read("digits/density")) == len(weights)


def test_holder_when_it_is_this_process_then_said_so(embedded, weights):
    embedded.commit("digits/density", weights)
    with duckdb.connect(embedded.home.path), pytest.raises(WarehouseLockedError, match="this process itself"):
        Warehouse(embedded.url, timeout=0.1).read("digits/density")


def test_reader_when_another_program_only_reads_then_both_read(embedded, weights, process):
    embedded.commit("digits/density", weights)
    other = process(HOLDER.replace("sys.argv[1])", "sys.argv[1], read_only=True)"), embedded.home.path)
    assert other.stdout.readline() == "holding\n"
    assert_frame_equal(embedded.read("digits/density"), weights)


def test_commit_when_its_process_is_killed_then_whole_versions_remain(embedded, process):
    expected = 0
    for round_number in range(4):
        child = process(KILLED, embedded.url)
        assert child.stdout.readline() == "committing\n"
        # Wait for a first whole commit of this round, then kill amid one of those that follow.
        while len(embedded.commits("digits/density")) <= expected:
            assert child.poll() is None
        for _ in range(round_number):
            embedded.latest("digits/density")
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        versions = [commit.version for commit in embedded.commits("digits/density")]
        assert versions == list(range(len(versions), 0, -1))
        assert len(versions) > expected
        counts = embedded.sql('SELECT _version, count(*) AS n FROM ballast_store."digits/density#1" GROUP BY 1')
        assert sorted(counts._version) == sorted(versions)
        assert set(counts.n) == {20_000}
        expected = len(versions)
    assert [path.suffix for path in embedded.home.path.parent.glob("*.new*")] == []
    assert embedded.commit("digits/density", pd.DataFrame({"number": [1]})).version == expected + 1


# Becomes a user without rights where the tests run as root, then tries to commit and to read.
UNPRIVILEGED = """
import os, sys
import pandas as pd
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
rehearsal = Warehouse(sys.argv[2])  # loads every module while this user may
rehearsal.commit("digits/density", pd.DataFrame({"x": ["1"]}))
rehearsal.read("digits/density")
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
embedded = Warehouse(sys.argv[1])
print(len(embedded.read("digits/density")))
try:
    embedded.commit("digits/density", pd.DataFrame({"x": [1]}))
except WarehouseError as error:
    print(type(error).__name__, error)
"""


def test_folder_when_read_only_then_read_works_and_commit_says_what_to_do(tmp_path_factory, tmp_path, weights, process):
    folder = tmp_path_factory.mktemp("locked")
    warehouse = Warehouse(f"duckdb:///{folder}/x.duckdb")
    warehouse.commit("digits/density", weights)
    (folder / "x.duckdb.lock").unlink()
    (folder / "x.duckdb.queue").rmdir()
    for parent in folder.parents:
        if parent.owner() == folder.owner() and parent.stat().st_mode & 0o007 == 0:
            parent.chmod(0o755)
    warehouse.home.path.chmod(0o444)
    folder.chmod(0o555)
    try:
        output, errors = process(UNPRIVILEGED, warehouse.url, f"duckdb:///{tmp_path}/x.duckdb").communicate(timeout=300)
    finally:
        folder.chmod(0o755)
    assert output.startswith(f"{len(weights)}\nWarehouseError cannot use the warehouse {warehouse.home.path}"), errors
    assert "writable" in output
    assert len(warehouse.commits()) == 1


# A limit on the size of files stands for a full disk: writing beyond it fails in the same way.
FULL = """
import resource, sys
import numpy as np, pandas as pd
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1])
size = warehouse.home.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[2]), resource.RLIM_INFINITY))
values = np.random.default_rng(0).normal(size=(100_000, 4))
try:
    warehouse.commit("digits/density", pd.DataFrame(values, columns=list("abcd")))
except WarehouseError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "room", [20_000, 2_000_000, *(pytest.param(each, marks=pytest.mark.full) for each in (0, 200_000))]
)
def test_disk_when_full_then_the_error_says_so_and_nothing_old_is_lost(embedded, weights, process, room):
    embedded.commit("digits/density", weights)
    output, errors = process(FULL, embedded.url, room).communicate(timeout=300)
    assert f"cannot use the warehouse {embedded.home.path}" in output, errors
    assert "disk has room" in output
    assert_frame_equal(embedded.read("digits/density"), weights)
    assert embedded.commit("digits/density", weights).version == 2


def test_disk_when_the_log_fits_but_not_the_file_then_the_commit_counts(embedded, weights, process):
    embedded.commit("digits/density", weights)
    output, errors = process(FULL.replace("100_000, 4", "10, 4"), embedded.url, 20_000).communicate(timeout=300)
    assert output == "", errors
    assert [commit.version for commit in embedded.commits()] == [2, 1]
    assert len(embedded.read("digits/density")) == 10


def test_folder_when_it_cannot_be_made_then_the_path_is_named(tmp_path, weights):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WarehouseError, match=f"cannot make the folder {tmp_path}/file/store"):
        Warehouse(f"duckdb:///{tmp_path}/file/store/x.duckdb").commit("digits/density", weights)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_file_when_it_is_no_database_then_refused_and_left_alone(embedded, weights, content):
    embedded.home.path.parent.mkdir()
    embedded.home.path.write_bytes(content)
    for call in (lambda: embedded.commit("digits/density", weights), lambda: embedded.read("digits/density")):
        with pytest.raises(WarehouseError, match="Check that it is a DuckDB file"):
            call()
    assert embedded.home.path.read_bytes() == content
