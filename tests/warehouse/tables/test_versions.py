"""Old versions: read by number, time and run, in Python and in SQL, and pruned without loss of what models need."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from ballast.errors import VersionNotFoundError, WarehouseError
from ballast.warehouse import Commit, Verdict, Warehouse


def frame(value: float, rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"sample_id": range(rows), "weight": [value] * rows})


@pytest.fixture
def history(warehouse: Warehouse) -> list[Commit]:
    """Three versions of one asset, the last with a further column."""
    made = [warehouse.commit("p/weights", frame(float(n)), run_id=f"run-{n}") for n in (1, 2)]
    return [*made, warehouse.commit("p/weights", frame(3.0).assign(more="x"), run_id="run-3")]


def test_read_as_of_a_time_gives_what_was_the_latest_then(warehouse, history):
    for commit, value in zip(history, (1.0, 2.0, 3.0), strict=True):
        assert warehouse.read("p/weights", as_of=commit.created_at).weight.tolist() == [value] * 3
    just_before = history[1].created_at - timedelta(microseconds=1)
    assert warehouse.read("p/weights", as_of=just_before).weight.tolist() == [1.0] * 3
    with pytest.raises(VersionNotFoundError, match="the oldest that is stored is of"):
        warehouse.read("p/weights", as_of=history[0].created_at - timedelta(days=1))


def test_read_of_a_run_gives_what_it_committed(warehouse, history):
    assert_frame_equal(warehouse.read("p/weights", run="run-2"), frame(2.0))
    with pytest.raises(VersionNotFoundError, match="committed by run 'run-4'"):
        warehouse.read("p/weights", run="run-4")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"version": 1, "run": "run-1"}, "one of version, as_of and run"),
        ({"as_of": datetime(2026, 1, 1)}, "has no time zone"),
    ],
)
def test_read_refuses_what_is_not_clear(embedded, choice, message):
    embedded.commit("p/weights", frame(1.0))
    with pytest.raises(WarehouseError, match=message):
        embedded.read("p/weights", **choice)


def test_read_as_of_a_time_gives_every_partition_as_it_was(warehouse):
    warehouse.commit("p/weights", frame(1.0, 1), partition="a")
    second = warehouse.commit("p/weights", frame(2.0, 1), partition="b")
    warehouse.commit("p/weights", frame(3.0, 1), partition="a")
    then = warehouse.read("p/weights", as_of=second.created_at)
    assert dict(zip(then.partition, then.weight, strict=True)) == {"a": 1.0, "b": 2.0}
    assert warehouse.read("p/weights", as_of=second.created_at, partition="a").weight.tolist() == [1.0]


def test_sql_reads_versions_beside_the_latest(warehouse, history):
    changed = warehouse.sql(
        "SELECT old.weight AS old, new.weight AS new, density.weight AS bare FROM p.weights AS old AT (VERSION => 1) "
        "JOIN p.weights AS new USING (sample_id) JOIN p.weights AS density AT (VERSION => 2) USING (sample_id) "
        "WHERE sample_id < $most",
        {"most": 2},
    )
    assert changed.to_dict("list") == {"old": [1.0, 1.0], "new": [3.0, 3.0], "bare": [2.0, 2.0]}
    moment = history[1].created_at.replace(tzinfo=None)
    assert (
        warehouse.sql(f"SELECT weights.weight AS w FROM p.weights AT (TIMESTAMP => '{moment}')").w.tolist() == [2.0] * 3
    )


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("VERSION => 9", "no version 9: there are 3, from 1 to 3"),
        ("VERSION => 'x'", "a version is a whole number"),
        ("VERSION => 1 + 1", "not an expression"),
        ("TIMESTAMP => 'yesterday'", "write it in UTC"),
        ("TIMESTAMP => '1999-01-01'", "had no version at 1999"),
    ],
)
def test_sql_says_what_is_wrong_with_a_version(shared, clause, message):
    if shared.latest("q/weights") is None:
        for value in (1.0, 2.0, 3.0):
            shared.commit("q/weights", frame(value))
    with pytest.raises((WarehouseError, VersionNotFoundError), match=message):
        shared.sql(f"SELECT * FROM q.weights AT ({clause})")
    with pytest.raises(WarehouseError, match="there is no step with that name"):
        shared.sql("SELECT * FROM q.gone AT (VERSION => 1)")


def test_prune_keeps_the_newest_and_the_rest_is_gone(warehouse, history):
    warehouse.record_verdicts([Verdict("p/weights", None, n, "gate", passed=True, severity="error") for n in (1, 2, 3)])
    other = warehouse.commit("p/other", frame(1.0))
    assert [c.version for c in warehouse.prune(keep=1, dry_run=True)] == [1, 2]
    assert len(warehouse.commits("p/weights")) == 3
    assert [(c.asset, c.version) for c in warehouse.prune(keep=2)] == [("p/weights", 1)]
    assert warehouse.commits("p/weights") == [history[2], history[1]]
    assert warehouse.verdicts("p/weights", version=1) == []
    assert len(warehouse.verdicts("p/weights", version=2)) == 1
    assert_frame_equal(warehouse.read("p/weights", version=2), frame(2.0))
    assert warehouse.latest("p/other") == other
    with pytest.raises(VersionNotFoundError, match="from 2 to 3"):
        warehouse.read("p/weights", version=1)
    assert len(warehouse.sql("SELECT * FROM p.weights")) == 3
    assert warehouse.commit("p/weights", frame(4.0)).version == 4
    assert warehouse.prune(keep=5) == []


def test_prune_by_age_never_takes_the_latest(warehouse, history):
    assert warehouse.prune(older_than=timedelta(days=1)) == []
    assert [c.version for c in warehouse.prune(older_than=timedelta(0))] == [1, 2]
    assert [c.version for c in warehouse.commits("p/weights")] == [3]


def test_prune_keeps_the_latest_of_every_partition(warehouse):
    for number, partition in enumerate("aabb"):
        warehouse.commit("p/weights", frame(float(number), 1), partition=partition)
    assert [(c.partition, c.version) for c in warehouse.prune(keep=1)] == [("a", 1), ("b", 3)]
    assert warehouse.read("p/weights").weight.tolist() == [1.0, 3.0]


def test_prune_leaves_what_a_stored_model_was_trained_on_unless_told(warehouse):
    for value in (1.0, 2.0, 3.0):
        warehouse.commit("p/weights", frame(value))
    stored = pd.DataFrame({"path": ["m"]})
    for version in (1, 2):
        warehouse.commit("p/model", stored, kind="learner", inputs={"p/weights": version})
    assert warehouse.prune(keep=1) == []
    gone = warehouse.prune(keep=1, models=True)
    assert [(c.asset, c.version) for c in gone] == [("p/weights", 1), ("p/weights", 2), ("p/model", 1)]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "one of keep"),
        ({"keep": 1, "older_than": timedelta(1)}, "one of keep"),
        ({"keep": 1, "partitions": []}, "one of keep"),
        ({"keep": 0}, "at least 1"),
        ({"older_than": timedelta(-1)}, "must not be negative"),
    ],
)
def test_prune_refuses_what_would_take_all_or_is_not_clear(embedded, choice, message):
    with pytest.raises(WarehouseError, match=message):
        embedded.prune(**choice)


def test_prune_of_nothing_is_nothing(embedded):
    assert embedded.prune(keep=1) == []


def test_retired_partition_is_left_out_of_views_and_reads_until_it_is_there_again(warehouse):
    for number, key in enumerate("abc"):
        warehouse.commit("p/weights", frame(float(number), 1), partition=key)
    stored = [("p/weights", key) for key in "abc"]
    assert warehouse.partitions(["p/weights", "p/gone"]) == stored
    warehouse.retire(["p/weights"], [("p/weights", "b")])
    assert warehouse.sql("SELECT partition FROM p.weights ORDER BY 1").partition.tolist() == ["a", "c"]
    assert warehouse.read("p/weights").partition.tolist() == ["a", "c"]
    assert warehouse.read_column("p/weights", "weight").tolist() == [0.0, 2.0]
    assert warehouse.read("p/weights", partition="b").weight.tolist() == [1.0]
    assert warehouse.partitions(["p/weights"]) == stored
    with pytest.raises(VersionNotFoundError, match=r"its partitions are a, b \(retired\), c"):
        warehouse.read("p/weights", partition="d")
    warehouse.commit("p/weights", frame(3.0, 1).assign(more=1), partition="b")
    assert warehouse.sql("SELECT partition FROM p.weights ORDER BY 1").partition.tolist() == ["a", "b", "c"]
    warehouse.retire(["p/weights"], [("p/weights", "a")])
    warehouse.retire(["p/weights"], [("p/weights", "b")])
    assert warehouse.read("p/weights").columns.tolist() == ["partition", *frame(1.0).columns]
    assert warehouse.read("p/weights").partition.tolist() == ["a", "c"]


def test_prune_of_partitions_takes_all_their_versions_but_what_another_model_was_made_from(warehouse):
    for key in "aab":
        warehouse.commit("p/weights", frame(1.0, 1), partition=key)
    warehouse.commit("p/model", frame(1.0, 1), kind="learner", inputs={"p/weights": 1})
    warehouse.commit("p/local", frame(1.0, 1), kind="learner", inputs={"p/weights": 2}, partition="a")
    warehouse.retire(["p/weights"], [("p/weights", "a")])
    gone = [("p/weights", "a"), ("p/local", "a")]
    would = [(c.asset, c.version) for c in warehouse.prune(partitions=gone, dry_run=True)]
    assert would == [("p/weights", 2), ("p/local", 1)]
    assert [(c.asset, c.version) for c in warehouse.prune(partitions=gone)] == would
    assert sorted((c.asset, c.version) for c in warehouse.commits()) == [
        ("p/model", 1), ("p/weights", 1), ("p/weights", 3)
    ]  # fmt: skip
    assert warehouse.read("p/weights").partition.tolist() == ["b"]
    assert warehouse.prune(partitions=gone) == []
