"""Turns: first come, first served, the dead cleared away, the waiting told for whom; files kept open a moment."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pytest

from ballast.errors import WarehouseError, WarehouseLockedError
from ballast.warehouse import keep_open
from ballast.warehouse.homes import embedded as embedded_homes
from ballast.warehouse.locks.turns import Queue
from tests.orchestration.projects import Project
from tests.warehouse.conftest import make_warehouse

QUEUER = """
import sys, time
from pathlib import Path
from ballast.warehouse.locks.turns import Queue
with Queue(Path(sys.argv[1])).turn(300):
    with open(sys.argv[2], "a") as order:
        order.write(sys.argv[3] + "\\n")
    print("mine", flush=True)
    sys.stdin.readline()
"""


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_turns_come_in_the_order_of_asking(tmp_path: Path, process: Callable[..., Popen[str]]):
    order, queue = tmp_path / "order", Queue(tmp_path / "store")
    with queue.turn(60):
        children = []
        for number in range(6):
            children.append(process(QUEUER, tmp_path / "store", order, number))
            wait_for(lambda n=number: len(list(queue.folder.iterdir())) == 2 + n)
        assert queue.others(1)
        for child in children:
            child.stdin.close()
        assert not order.exists()
    wait_for(lambda: order.exists() and len(order.read_text().split()) == 6)
    assert order.read_text().split() == list("012345")


def test_turn_taken_in_one_thread_may_be_given_back_in_another(tmp_path: Path, process: Callable[..., Popen[str]]):
    queue = Queue(tmp_path / "store")
    held = queue.turn(60)
    for step in (held.__enter__, lambda: held.__exit__(None, None, None)):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert list(queue.folder.iterdir()) == []
    child = process(QUEUER, tmp_path / "store", tmp_path / "order", 0)
    assert child.stdout.readline() == "mine\n"


def test_turns_of_the_killed_go_to_the_next(tmp_path: Path, process: Callable[..., Popen[str]]):
    children = [process(QUEUER, tmp_path / "store", tmp_path / "order", 0)]
    assert children[0].stdout.readline() == "mine\n"
    queue = Queue(tmp_path / "store")
    children.append(process(QUEUER, tmp_path / "store", tmp_path / "order", 1))
    wait_for(lambda: len(list(queue.folder.iterdir())) == 2)
    for child in children:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with queue.turn(30):
        assert len(list(queue.folder.iterdir())) == 1
    assert list(queue.folder.iterdir()) == []


def test_turns_come_though_the_queue_s_folder_is_removed(tmp_path: Path, process: Callable[..., Popen[str]]):
    order, queue = tmp_path / "order", Queue(tmp_path / "store")
    with queue.turn(60):
        children = [process(QUEUER, tmp_path / "store", order, number) for number in range(2)]
        wait_for(lambda: len(list(queue.folder.iterdir())) == 3)
        shutil.rmtree(queue.folder)
        for child in children:
            child.stdin.close()
        assert not order.exists()
    wait_for(lambda: order.exists() and len(order.read_text().split()) == 2)
    assert [child.wait(60) for child in children] == [0, 0]


def test_turns_that_do_not_come_name_who_has_it(tmp_path: Path, process: Callable[..., Popen[str]], caplog):
    child = process(QUEUER, tmp_path / "store", tmp_path / "order", 0)
    assert child.stdout.readline() == "mine\n"
    with (
        caplog.at_level(logging.WARNING, "ballast.warehouse"),
        pytest.raises(WarehouseLockedError, match=f"held by PID {child.pid} .* for all of 1.5 s"),
        Queue(tmp_path / "store").turn(1.5),
    ):
        pass
    assert f"waiting for PID {child.pid}" in caplog.text


def is_open(path: Path) -> bool:
    """Gives whether some process has the file open so that a shell could not write it."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).close()"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode != 0 and "Could not set lock" in done.stderr


def test_keep_open_keeps_the_file_for_a_moment_and_then_lets_go(embedded, weights, monkeypatch):
    monkeypatch.setattr("ballast.warehouse.homes.embedded.LINGER", 3600.0)
    with keep_open():
        embedded.commit("p/a", weights)
        assert is_open(embedded.home.path)
        assert len(embedded.read("p/a")) == len(weights)
        with pytest.raises(WarehouseError, match="no columns"), embedded.writing():
            embedded.commit("p/b", pd.DataFrame())
        assert embedded.commit("p/a", weights).version == 2
    assert not is_open(embedded.home.path)
    monkeypatch.setattr("ballast.warehouse.homes.embedded.LINGER", 0.2)
    with keep_open():
        embedded.commit("p/a", weights)
        wait_for(lambda: not is_open(embedded.home.path))
        assert embedded.commit("p/a", weights).version == 4


def test_keep_open_when_only_read_then_the_file_stays_open_until_another_process_wants_it(
    embedded, weights, monkeypatch, process
):
    monkeypatch.setattr("ballast.warehouse.homes.embedded.LONGEST_LINGER", 3600.0)
    embedded.commit("p/a", weights)
    look, looked = embedded_homes._Place.close_idle, []

    def noted(place, file=None) -> None:
        look(place, file)
        looked.append(file)

    monkeypatch.setattr(embedded_homes._Place, "close_idle", noted)
    with keep_open():
        embedded.read("p/a")
        wait_for(lambda: len(looked) >= 3)  # each look would close one that was written
        assert is_open(embedded.home.path)
        child = process(
            "import sys; from ballast.warehouse import Warehouse; store = Warehouse(sys.argv[1]); "
            "print(store.commit('p/b', store.read('p/a')).version)",
            embedded.url,
        )
        out, err = child.communicate(timeout=60)
        assert out.strip() == "1", err


def test_keep_open_yields_to_another_process_that_waits(embedded, weights, monkeypatch, process):
    monkeypatch.setattr("ballast.warehouse.homes.embedded.LINGER", 3600.0)
    embedded.commit("p/a", weights)
    with keep_open():
        with embedded.writing():
            child = process(
                "import sys; from ballast.warehouse import Warehouse; print(len(Warehouse(sys.argv[1]).read('p/a')))",
                embedded.url,
            )
            wait_for(lambda: len(list(Path(f"{embedded.home.path}.queue").iterdir())) == 2)
        assert child.communicate(timeout=300)[0].strip() == str(len(weights))


def test_keep_open_lets_threads_share_the_file(embedded, weights):
    with keep_open():
        threads = [threading.Thread(target=lambda n=n: embedded.commit(f"p/a{n}", weights)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=300)
    assert sorted(commit.asset for commit in embedded.commits()) == ["p/a0", "p/a1", "p/a2", "p/a3"]


HOLDER = """
import sys
import duckdb
with duckdb.connect(sys.argv[1]) as con:
    con.execute("SELECT 1")
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_a_run_waits_for_a_shell_that_holds_the_file_says_so_and_finishes(tmp_path: Path, process, caplog):
    project = Project(tmp_path)
    project.warehouse.commit("other/asset", pd.DataFrame({"x": [1]}))
    holder = process(HOLDER, project.warehouse.home.path)
    assert holder.stdout.readline() == "holding\n"

    class Release(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            holder.stdin.close()

    logger, release = logging.getLogger("ballast.warehouse"), Release()
    logger.addHandler(release)
    try:
        with caplog.at_level(logging.WARNING, "ballast.warehouse"):
            finished = project.run("train")
    finally:
        logger.removeHandler(release)
    assert finished.success, finished.messages
    assert f"is held by PID {holder.pid}" in caplog.text


# Holds the lock that writers of a lake in Postgres take, until its standard input closes.
WRITING = """
import sys
from ballast.warehouse import Warehouse
with Warehouse(sys.argv[1]).writing():
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_turns_in_postgres_name_who_has_it_and_waiting_costs_no_processor_time(
    tmp_path: Path, request: pytest.FixtureRequest, process: Callable[..., Popen[str]], caplog
):
    warehouse = make_warehouse("postgres", tmp_path, request, timeout=3)
    warehouse.commit("p/a", pd.DataFrame({"x": [1]}))
    child = process(WRITING, warehouse.url)
    assert child.stdout.readline() == "mine\n"
    holder = f"ballast on {socket.gethostname()}, PID {child.pid}"
    used = time.process_time()
    with (
        caplog.at_level(logging.WARNING, "ballast.warehouse"),
        pytest.raises(WarehouseLockedError, match=f"held by {re.escape(holder)} for all of 3 s"),
    ):
        warehouse.commit("p/a", pd.DataFrame({"x": [2]}))
    assert time.process_time() - used < 1.5  # a wait that spins uses all of the 3 s
    assert f"waiting for {holder}" in caplog.text
    child.communicate("")
    assert warehouse.commit("p/a", pd.DataFrame({"x": [2]})).version == 2
