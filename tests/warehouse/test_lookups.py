"""What is looked up again and again is asked of the file once, and never held beyond what may change it."""

from __future__ import annotations

import asyncio

import duckdb
import pyarrow as pa

from ballast.warehouse import Verdict, Warehouse, keep_open
from ballast.warehouse.tables import commits
from tests.warehouse.test_tasks import gathered, table

COMMITS = """
import sys
import pyarrow as pa
from ballast.warehouse import Warehouse
Warehouse(sys.argv[1]).commit("p/x", pa.table({"sample_id": range(3)}))
"""


def latest(warehouse: Warehouse) -> int:
    found = warehouse.latest("p/x")
    assert found is not None
    return found.version


def test_lookup_when_nothing_was_written_since_then_the_file_is_not_asked_again(embedded: Warehouse, monkeypatch):
    asked = []

    def fetched(con: duckdb.DuckDBPyConnection, query: str, values=()):
        asked.append(query)
        return con.execute(query, values).fetchall()

    embedded.commit("p/x", table(1))
    monkeypatch.setattr(commits, "fetched", fetched)
    with keep_open():
        before = [latest(embedded) for _ in range(5)]
        once = len(asked)
        embedded.commit("p/x", table(2))
        after = [latest(embedded) for _ in range(5)]
    assert (before, after) == ([1] * 5, [2] * 5)
    assert once == 1


def test_lookup_when_what_is_given_is_changed_then_the_next_one_is_whole(embedded: Warehouse):
    verdicts = [Verdict("p/x", None, 1, gate, True, "error") for gate in ("a", "b")]
    embedded.commit("p/x", table(1))
    with keep_open():
        embedded.record_verdicts(verdicts)
        first = embedded.verdicts("p/x", version=1)
        first[0].observed["of"] = "mine"
        first.clear()
        assert [(v.gate, v.observed) for v in embedded.verdicts("p/x", version=1)] == [("a", {}), ("b", {})]


def test_lookup_when_another_process_commits_between_then_is_of_the_newest(embedded: Warehouse, process):
    embedded.commit("p/x", table(1))
    with keep_open():
        assert latest(embedded) == 1
        child = process(COMMITS, embedded.url)
        _, said = child.communicate(timeout=60)
        assert child.returncode == 0, said
        assert latest(embedded) == 2


def test_lookup_when_another_task_writes_within_the_block_then_is_of_the_newest_after_it(embedded: Warehouse):
    """The block goes on seeing the state of its start; what it looked up does not outlive it."""
    embedded.commit("p/x", table(1))
    began, written = asyncio.Event(), asyncio.Event()

    async def reads() -> list[int]:
        with embedded.reading():
            seen = [latest(embedded)]
            began.set()
            await written.wait()
            seen.append(latest(embedded))
        return [*seen, latest(embedded)]

    async def writes() -> int:
        await began.wait()
        try:
            return embedded.commit("p/x", pa.table({"sample_id": range(4)})).version
        finally:
            written.set()

    with keep_open():
        embedded.commit("p/other", table(1))  # the file stays open for writing
        seen, version = gathered(reads(), writes())
    assert (seen, version) == ([1, 1, 2], 2)


def test_lookup_when_within_a_writing_block_then_sees_what_the_block_wrote_and_nothing_of_it_once_undone(
    embedded: Warehouse,
):
    embedded.commit("p/x", table(1))
    with keep_open():
        assert latest(embedded) == 1
        try:
            with embedded.writing():
                embedded.commit("p/x", table(2))
                assert latest(embedded) == 2
                raise RuntimeError("undone")
        except RuntimeError:
            assert latest(embedded) == 1
