"""Tasks, threads and forks of one process: each has its own transaction, and none ends another's."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import pyarrow as pa
import pytest

from ballast.errors import BallastError, VersionNotFoundError, WarehouseError, WarehouseLockedError
from ballast.warehouse import Verdict, Warehouse


def table(rows: int) -> pa.Table:
    return pa.table({"sample_id": range(rows)})


def gathered(*tasks: Coroutine[Any, Any, Any]) -> list[Any]:
    """Runs tasks in one event loop and gives what each gave or raised."""

    async def main() -> list[Any]:
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(main())


def test_task_commits_while_another_tasks_block_is_undone_then_its_own_stays(warehouse: Warehouse):
    inside, done = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        with warehouse.writing():
            warehouse.commit("p/one", table(1))
            inside.set()
            await done.wait()
            raise RuntimeError("undone")

    async def commits() -> int:
        await inside.wait()
        version = warehouse.commit("p/two", table(3)).version
        done.set()
        return version

    warehouse.commit("p/x", table(2))
    failed, version = gathered(fails(), commits())
    assert (str(failed), version) == ("undone", 1)
    assert sorted(commit.asset for commit in warehouse.commits()) == ["p/two", "p/x"]


def test_tasks_that_store_one_asset_at_once_get_versions_of_their_own(embedded: Warehouse):
    inside, done = asyncio.Event(), asyncio.Event()

    async def first() -> int:
        with embedded.writing():
            version = embedded.commit("p/x", table(3)).version
            inside.set()
            await done.wait()
        return version

    async def second() -> int:
        await inside.wait()
        version = embedded.commit("p/x", table(4)).version
        done.set()
        return version

    embedded.commit("p/x", table(2))
    assert gathered(first(), second()) == [2, 3]
    assert [(c.version, c.row_count, len(embedded.read("p/x", version=c.version))) for c in embedded.commits()] == [
        (3, 4, 4),
        (2, 3, 3),
        (1, 2, 2),
    ]


def test_tasks_that_make_one_asset_at_once_then_the_later_is_told_and_the_earlier_stays(embedded: Warehouse):
    inside = asyncio.Event()

    async def first() -> None:
        with embedded.writing():
            embedded.commit("p/new", table(3))
            inside.set()
            await asyncio.sleep(0)

    async def second() -> None:
        await inside.wait()
        embedded.commit("p/new", table(4))

    embedded.commit("p/x", table(2))
    kept, refused = gathered(first(), second())
    assert kept is None
    assert isinstance(refused, WarehouseError)
    assert "another task of this thread stored the same" in str(refused)
    assert [commit.row_count for commit in embedded.commits("p/new")] == [3]


def test_task_writes_while_another_one_reads_the_file_then_refused_at_once(embedded: Warehouse):
    async def reads(inside: asyncio.Event, done: asyncio.Event) -> int:
        with embedded.reading():
            inside.set()
            await done.wait()
            return len(embedded.read("p/x"))

    async def writes(inside: asyncio.Event, done: asyncio.Event) -> str:
        await inside.wait()
        try:
            with pytest.raises(WarehouseLockedError, match=r"another task of this thread.*asyncio.to_thread") as raised:
                embedded.commit("p/x", table(3))
            assert len(embedded.read("p/x")) == 2
        finally:
            done.set()
        return str(raised.value)

    embedded.commit("p/x", table(2))
    inside, done = asyncio.Event(), asyncio.Event()
    assert gathered(reads(inside, done), writes(inside, done))[0] == 2
    assert embedded.commit("p/x", table(3)).version == 2


def test_task_or_thread_started_within_a_block_then_has_a_transaction_of_its_own(warehouse: Warehouse):
    async def rows() -> int:
        return len(warehouse.read("p/x"))

    async def main() -> tuple[int, int]:
        with warehouse.writing():
            warehouse.commit("p/x", table(7))
            seen = await asyncio.create_task(rows())
            later = asyncio.create_task(asyncio.to_thread(warehouse.commit, "p/x", table(1)))
            await asyncio.sleep(0)
        return seen, (await later).version

    warehouse.commit("p/x", table(2))
    assert gathered(main()) == [(2, 3)]
    assert [commit.row_count for commit in warehouse.commits("p/x")] == [1, 7, 2]


def test_second_warehouse_on_the_same_file_within_a_block_then_shares_it(warehouse: Warehouse):
    other = Warehouse(warehouse.url, timeout=1)
    with warehouse.writing():
        warehouse.commit("p/x", table(2))
        assert len(other.read("p/x")) == 2
        other.commit("p/y", table(3))
    with warehouse.reading(), pytest.raises(WarehouseError, match="write after it"):
        other.commit("p/y", table(3))
    assert sorted(commit.asset for commit in other.commits()) == ["p/x", "p/y"]


def test_error_caught_within_writing_then_nothing_of_the_block_is_stored_and_it_says_so(warehouse, monkeypatch):
    from ballast.warehouse.tables import commits

    insert, asked = commits.insert_commit, []

    def fails_once(*arguments: object) -> None:
        asked.append(arguments)
        if len(asked) == 1:
            raise WarehouseError("the record cannot be written")
        insert(*arguments)

    warehouse.commit("p/x", table(2))
    monkeypatch.setattr(commits, "insert_commit", fails_once)  # after the rows have gone in

    def block() -> None:
        with warehouse.writing():
            with pytest.raises(WarehouseError, match="record cannot be written"):
                warehouse.commit("p/x", table(5))
            warehouse.commit("p/y", table(7))

    with pytest.raises(WarehouseError, match=r"nothing of this block .* is stored: .*record cannot be written"):
        block()
    assert [(c.asset, c.version) for c in warehouse.commits()] == [("p/x", 1)]
    assert len(warehouse.read("p/x")) == 2
    assert warehouse.commit("p/x", table(3)).version == 2
    assert len(warehouse.read("p/x")) == 3


def test_call_refused_before_it_writes_within_writing_then_the_rest_is_stored(warehouse: Warehouse):
    with warehouse.writing():
        twice = Verdict("p/x", None, 1, "gate", passed=True, severity="error")
        with pytest.raises(WarehouseError, match="two verdicts by gate"):
            warehouse.record_verdicts([twice, twice])
        with pytest.raises(VersionNotFoundError):
            warehouse.read("p/x")
        warehouse.commit("p/x", table(3))
    assert len(warehouse.read("p/x")) == 3


def test_errors_of_one_thread_do_not_break_the_calls_of_another(warehouse: Warehouse):
    warehouse.commit("p/x", table(2000))
    stop, failures = threading.Event(), []

    def asks() -> None:
        with pytest.raises(WarehouseError):
            warehouse.sql("SELECT nothing FROM p.x")
        while not stop.is_set():
            with pytest.raises(VersionNotFoundError):
                warehouse.read("p/nothing")

    def works() -> None:
        try:
            for _ in range(2):
                warehouse.commit("p/y", table(500))
                assert len(warehouse.read("p/x")) == 2000
        except BaseException as error:
            failures.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=asks), threading.Thread(target=works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(warehouse.commits("p/y")) == 2


# Forks within a block: the child first calls, then leaves the block, then goes on as a process of its own.
FORKS = """
import os, sys
import pandas as pd
from ballast.errors import WarehouseError
from ballast.warehouse import Warehouse
warehouse, block = Warehouse(sys.argv[1], timeout=60), sys.argv[2]
child = 0
warehouse.commit("p/x", pd.DataFrame({"x": range(200)}))
try:
    with getattr(warehouse, block)():
        if block == "writing":
            warehouse.commit("p/x", pd.DataFrame({"x": range(300)}))
        child = os.fork()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        else:
            try:
                warehouse.read("p/x")
            except WarehouseError as error:
                print("in the block:", error, flush=True)
except WarehouseError as error:
    assert not child
    print("at its end:", error, flush=True)
    os._exit(0)
print(len(warehouse.read("p/x")), warehouse.commit("p/x", pd.DataFrame({"x": [1]})).version)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("block", ["reading", "writing"])
def test_fork_within_a_block_then_the_child_is_told_and_the_parent_goes_on(warehouse, process, block: str):
    output, errors = process(FORKS, warehouse.url, block).communicate(timeout=120)
    first, second, last = output.splitlines() if errors == "" else ("", "", errors)
    assert first.startswith("in the block: this process was forked within a block")
    assert second.startswith("at its end: this process was forked within a block")
    assert last == {"reading": "200 2", "writing": "300 3"}[block]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems fork no threads")
def test_fork_while_another_thread_is_within_a_block_then_neither_waits(embedded: Warehouse):
    embedded.commit("p/x", table(2))
    inside, done, seen = threading.Event(), threading.Event(), []

    def reads() -> None:
        with embedded.reading():
            inside.set()
            done.wait(60)
            seen.append(len(embedded.read("p/x")))

    thread = threading.Thread(target=reads)
    thread.start()
    inside.wait(60)
    child = os.fork()
    if not child:
        try:
            os._exit(3 if len(Warehouse(embedded.url).read("p/x")) == 2 else 4)
        except BallastError:
            os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    done.set()
    thread.join()
    assert seen == [2]
