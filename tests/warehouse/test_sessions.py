"""Several calls share one opening of the file: reads see one state, writes are all stored or none."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from ballast.errors import WarehouseError
from ballast.warehouse import Verdict, Warehouse

TABLE = pa.table({"sample_id": [1, 2], "weight": [0.5, 1.5]})


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")


def verdict(version: int) -> Verdict:
    return Verdict("p/a", None, version, "gate", passed=True, severity="error", observed={}, message="", run_id="r")


def test_writing_stores_commits_and_verdicts_together(warehouse: Warehouse):
    with warehouse.writing(TABLE):
        commit = warehouse.commit("p/a", TABLE)
        warehouse.commit("p/b", TABLE)
        warehouse.record_verdicts([verdict(commit.version)])
        assert warehouse.latest("p/a") == commit
    assert [c.asset for c in warehouse.commits()] == ["p/b", "p/a"]
    assert len(warehouse.verdicts("p/a", version=1)) == 1


def test_writing_when_the_block_fails_stores_nothing(warehouse: Warehouse):
    warehouse.commit("p/a", TABLE)

    def stopped() -> None:
        with warehouse.writing(TABLE):
            warehouse.commit("p/a", TABLE)
            warehouse.commit("p/b", TABLE)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        stopped()
    assert [(c.asset, c.version) for c in warehouse.commits()] == [("p/a", 1)]
    assert warehouse.commit("p/b", TABLE).version == 1


def test_reading_refuses_to_write_and_says_so(warehouse: Warehouse):
    warehouse.commit("p/a", TABLE)
    with warehouse.reading():
        assert warehouse.read("p/a")["weight"].tolist() == [0.5, 1.5]
        with pytest.raises(WarehouseError, match="write after it"):
            warehouse.commit("p/a", TABLE)
    assert warehouse.commit("p/a", TABLE).version == 2


@pytest.mark.parametrize("block", [lambda w: w.reading(), lambda w: w.writing(TABLE)], ids=["reading", "writing"])
def test_sql_when_called_within_a_block_then_refused_at_once_instead_of_waiting_for_itself(warehouse, block):
    warehouse.commit("p/a", TABLE)
    with block(warehouse), pytest.raises(WarehouseError, match="before or after the block"):
        warehouse.sql("SELECT 1")
    assert warehouse.sql("SELECT count(*) AS n FROM p.a").n.tolist() == [2]


def test_reading_of_a_store_that_is_not_there_finds_nothing(warehouse: Warehouse):
    with warehouse.reading():
        assert warehouse.latest("p/a") is None


def test_another_thread_waits_for_the_block_and_then_writes(warehouse: Warehouse):
    versions: list[int] = []
    other = threading.Thread(target=lambda: versions.append(warehouse.commit("p/a", TABLE).version))
    with warehouse.writing(TABLE):
        other.start()
        assert warehouse.commit("p/a", TABLE).version == 1
    other.join(timeout=300)
    assert versions == [2]
