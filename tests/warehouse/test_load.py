"""Under load and under fire: many processes on one store, readers meanwhile, and processes killed amid a commit."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pyarrow as pa
import pytest

from ballast.errors import WarehouseError
from ballast.warehouse import Verdict, Warehouse
from ballast.warehouse.tables.hashing import content_hash
from tests.warehouse.conftest import HOMES, make_warehouse


@dataclass(frozen=True)
class Load:
    """How many processes commit how often tables of how many rows, and how many read meanwhile."""

    processes: int
    commits: int
    rows: int
    readers: int


SMALL, LARGE = Load(4, 4, 1_000, 1), Load(16, 25, 10_000, 4)

# A family of processes that share one start: each child begins with the modules loaded and nothing else.
FAMILY = """
import os, sys
import numpy as np, pyarrow as pa
from ballast.warehouse import Warehouse
url = sys.argv[1]

def weights(child, number):
    values = np.random.default_rng([child, number]).exponential(size=int(sys.argv[4]))
    return pa.table({"sample_id": np.arange(len(values)), "weight": values})

def commit(child):
    for number in range(int(sys.argv[3])):
        Warehouse(url).commit("load/weights", weights(child, number), run_id=f"{child}-{number}")

children = []
for child in range(int(sys.argv[2])):
    pid = os.fork()
    if pid == 0:
        try:
            commit(child)
            os._exit(0)
        except BaseException as error:
            print(child, repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    children.append(pid)
print(sum(os.waitpid(pid, 0)[1] != 0 for pid in children), "failed")
"""

# Says that it is there, then reads without pause until its standard input closes, and at least once; every version it
# sees must be whole.
READER = """
import sys, threading
from ballast.warehouse import Warehouse
url, rows = sys.argv[1], int(sys.argv[2])
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
reads = newest = 0
print("reading", flush=True)
while not stopped.is_set() or not reads:
    latest = Warehouse(url).latest("load/weights")
    if latest is None:
        continue
    assert latest.version >= newest, (latest.version, newest)
    newest = latest.version
    assert len(Warehouse(url).read("load/weights")) == rows
    reads += 1
print(reads)
"""


def expected(child: int, number: int, rows: int) -> str:
    import numpy as np

    values = np.random.default_rng([child, number]).exponential(size=rows)
    return content_hash(pa.table({"sample_id": np.arange(rows), "weight": values}))


@pytest.mark.parametrize(
    ("home", "load"),
    [
        *((home, SMALL) for home in HOMES),
        *(pytest.param(home, LARGE, marks=pytest.mark.full) for home in HOMES),
        pytest.param("embedded", replace(LARGE, readers=0), marks=pytest.mark.full),
    ],
)
def test_many_processes_commit_and_others_read_then_every_version_is_there_and_right(
    home: str, load: Load, tmp_path: Path, request: pytest.FixtureRequest, process: Callable[..., Popen[str]]
):
    warehouse = make_warehouse(home, tmp_path, request, timeout=600)
    url = warehouse.url
    reading = [process(READER, url, load.rows) for _ in range(load.readers)]
    for reader in reading:
        assert reader.stdout.readline() == "reading\n"
    family = process(FAMILY, url, load.processes, load.commits, load.rows)
    output, errors = family.communicate(timeout=900)
    assert output == "0 failed\n", errors
    for reader in reading:
        output, errors = reader.communicate(timeout=600)
        assert reader.returncode == 0, errors
        assert int(output) > 0
    made = warehouse.commits("load/weights")
    total = load.processes * load.commits
    assert [commit.version for commit in made] == list(range(total, 0, -1))
    hashes = {f"{c}-{n}": expected(c, n, load.rows) for c in range(load.processes) for n in range(load.commits)}
    assert {commit.run_id: commit.content_hash for commit in made} == hashes
    for commit in made[:: max(1, total // 20)]:
        assert content_hash(warehouse.read_arrow("load/weights", version=commit.version)) == commit.content_hash
    counts = warehouse.sql('SELECT _version, count(*) AS n FROM ballast_store."load/weights#1" GROUP BY 1')
    assert len(counts) == total
    assert set(counts.n) == {load.rows}


# Starts, for each line it reads, a child that commits for ever and tells each step; says its number and waits for its
# end. What a line says has happened.
KILLED = """
import os, sys
import pandas as pd
from ballast.warehouse import Verdict, Warehouse
frame = pd.DataFrame({"number": range(20_000), "text": "x" * 20})
small = frame.head(10)

def tell(word):
    print(word, flush=True)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        warehouse = Warehouse(sys.argv[1])
        warehouse.latest("load/weights")
        tell(os.getpid())
        while True:
            with warehouse.writing():
                tell("opened")
                made = warehouse.commit("load/weights", frame)
                tell("committed one")
                warehouse.commit("load/few", small)
                tell("committed both")
                warehouse.record_verdicts([Verdict("load/weights", None, made.version, "gate", True, "error")])
                tell("judged")
            tell("stored")
    tell(f"gone by signal {os.WTERMSIG(os.waitpid(pid, 0)[1])}")
"""
STEPS = 5
"""Lines that a child of KILLED tells for each transaction."""


@pytest.mark.parametrize(
    ("home", "kills"),
    [
        *((home, 10) for home in HOMES if home != "postgres"),
        *(pytest.param(home, 200, marks=pytest.mark.full) for home in HOMES),
    ],
)
def test_processes_killed_amid_commits_leave_whole_versions_and_a_store_that_works(
    home: str, kills: int, tmp_path: Path, request: pytest.FixtureRequest, process: Callable[..., Popen[str]]
):
    warehouse = make_warehouse(home, tmp_path, request, timeout=120)
    parent = process(KILLED, warehouse.url)
    draw = random.Random(0)
    moments = [number % (2 * STEPS) for number in range(kills)]  # each step of a first and of a second transaction
    draw.shuffle(moments)
    committed = 0
    for number, moment in enumerate(moments):
        parent.stdin.write("next\n")
        parent.stdin.flush()
        child = parent.stdout.readline()
        assert child, parent.stderr.read()
        told: list[str] = []
        while len(told) < moment:
            told.append(parent.stdout.readline())
            assert not told[-1].startswith("gone"), (told, "the child ended before it was killed")
        time.sleep(draw.uniform(0, 0.02))  # so that the kill falls anywhere into what comes next
        os.kill(int(child), signal.SIGKILL)
        for line in iter(parent.stdout.readline, f"gone by signal {signal.SIGKILL:d}\n"):
            assert line.startswith(("opened", "committed", "judged", "stored")), (line, parent.stderr.read())
            told.append(line)
        latest, few = warehouse.latest_of([("load/weights", None), ("load/few", None)])
        version = latest.version if latest else 0
        # All that was told to be stored, and perhaps what it was killed at the end of.
        assert version - committed - told.count("stored\n") in (0, 1)
        assert (few.version if few else 0) == version  # the other half of the same transaction
        if latest:
            assert content_hash(warehouse.read_arrow("load/weights")) == latest.content_hash
            assert len(warehouse.verdicts("load/weights", version=version)) == 1
        committed = version
        if number % 10 == 9:  # a commit after a kill works and counts on
            with warehouse.writing():
                for asset in ("load/weights", "load/few"):
                    assert warehouse.commit(asset, pd.DataFrame({"number": [1], "text": "y"})).version == version + 1
                warehouse.record_verdicts([Verdict("load/weights", None, version + 1, "gate", True, "error")])
            warehouse.prune(keep=1)
            committed += 1
            counts = warehouse.sql('SELECT _version, count(*) AS n FROM ballast_store."load/weights#1" GROUP BY 1')
            assert counts.to_dict("list") == {"_version": [committed], "n": [1]}


# A limit on the size of files stands for a full disk: writing beyond it fails in the same way.
FULL = """
import resource, sys
import numpy as np, pandas as pd
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
warehouse = Warehouse(sys.argv[1])
warehouse.latest("load/weights")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    values = np.random.default_rng(0).normal(size=(200_000, 4))
    warehouse.commit("load/weights", pd.DataFrame(values, columns=list("abcd")))
except WarehouseError as error:
    print(error)
"""


@pytest.mark.parametrize("home", ["sqlite", "postgres"])
@pytest.mark.parametrize("room", [200_000, *(pytest.param(each, marks=pytest.mark.full) for each in (0, 3_000_000))])
def test_a_full_disk_under_a_lake_is_told_and_loses_nothing(
    home: str, room: int, weights: pd.DataFrame, tmp_path: Path, request: pytest.FixtureRequest, process
):
    warehouse = make_warehouse(home, tmp_path, request)
    before = warehouse.commit("load/weights", weights)
    output, errors = process(FULL, warehouse.url, room).communicate(timeout=300)
    assert "disk has room" in output, errors
    assert warehouse.commits() == [before]
    assert content_hash(warehouse.read_arrow("load/weights")) == before.content_hash
    assert warehouse.commit("load/weights", weights).version == 2


def test_a_lake_that_cannot_be_reached_is_named_without_its_password(weights: pd.DataFrame):
    warehouse = Warehouse("ducklake:postgresql://me:hunter2%21@127.0.0.1:1/lake?data_path=/tmp/x", timeout=1)
    assert "hunter2" not in repr(warehouse)
    with pytest.raises(WarehouseError, match=r"me:\*\*\*@127.0.0.1:1/lake") as caught:
        warehouse.commit("p/a", weights)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
