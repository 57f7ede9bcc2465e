"""Commits: versions, partitions, histories, and what happens when columns change."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from ballast.errors import VersionNotFoundError, WarehouseError
from ballast.warehouse import Verdict, Warehouse


def test_commit_when_given_everything_then_history_gives_it_back(warehouse, weights):
    before = datetime.now(UTC)
    made = warehouse.commit(
        "digits/density",
        weights,
        method="kliep",
        parameters={"n_centers": np.int64(200), "grid": np.array([0.1, 1.0])},
        code_version="3",
        fingerprint="abc",
        inputs={"digits/features": 7},
        run_id="run-1",
        kind="weights",
        summary={"effective_sample_size": np.float32(0.5), "widest": float("inf")},
    )
    assert (made.version, made.row_count, made.partition) == (1, 50, None)
    assert made.parameters == {"n_centers": 200, "grid": [0.1, 1.0]}
    assert made.summary == {"effective_sample_size": 0.5, "widest": float("inf")}
    assert before <= made.created_at <= datetime.now(UTC)
    assert warehouse.commits("digits/density") == [made]
    assert warehouse.latest("digits/density") == made
    assert warehouse.version("digits/density", 1) == made


def test_versions_when_committed_again_then_older_ones_stay_as_they_were(warehouse, weights):
    frames = [weights.assign(weight=weights.weight * factor).head(10 * factor) for factor in (1, 2, 3)]
    assert [warehouse.commit("digits/density", frame).version for frame in frames] == [1, 2, 3]
    for version, frame in enumerate(frames, start=1):
        assert_frame_equal(warehouse.read("digits/density", version=version), frame)
    assert_frame_equal(warehouse.read("digits/density"), frames[-1])
    assert [commit.version for commit in warehouse.commits("digits/density")] == [3, 2, 1]


def test_versions_when_two_assets_then_each_counts_for_itself(warehouse, weights):
    warehouse.commit("digits/density", weights)
    warehouse.commit("digits/density", weights)
    assert warehouse.commit("digits/other", weights).version == 1
    assert [(commit.asset, commit.version) for commit in warehouse.commits()] == [
        ("digits/other", 1),
        ("digits/density", 2),
        ("digits/density", 1),
    ]


def test_partitions_when_read_whole_then_latest_of_each_with_its_name(warehouse, weights):
    warehouse.commit("sites/density", weights.head(2), partition="b")
    warehouse.commit("sites/density", weights.head(3), partition="a")
    warehouse.commit("sites/density", weights.head(4), partition="b")
    whole = warehouse.read("sites/density")
    assert list(whole.columns) == ["partition", "sample_id", "weight"]
    assert whole.partition.value_counts().to_dict() == {"b": 4, "a": 3}
    assert_frame_equal(warehouse.read("sites/density", partition="b"), weights.head(4))
    assert_frame_equal(warehouse.read("sites/density", version=1), weights.head(2))
    latest = warehouse.latest("sites/density", partition="a")
    assert latest is not None
    assert latest.version == 2


def test_partitions_when_an_asset_stops_having_them_then_the_view_follows(warehouse, weights):
    other_columns = weights.head(2).assign(more=1)
    warehouse.commit("sites/density", other_columns, partition="b")
    warehouse.commit("sites/density", weights.head(5))
    assert_frame_equal(warehouse.read("sites/density"), weights.head(5))
    assert_frame_equal(warehouse.sql("FROM sites.density"), weights.head(5))
    assert_frame_equal(warehouse.read("sites/density", partition="b"), other_columns)
    warehouse.commit("sites/density", weights.head(3), partition="a")
    assert warehouse.read("sites/density").partition.value_counts().to_dict() == {"a": 3, "b": 2}
    assert warehouse.sql("FROM sites.density").partition.value_counts().to_dict() == {"a": 3, "b": 2}


def test_read_when_version_and_partition_disagree_then_says_what_there_is(warehouse, weights):
    warehouse.commit("sites/density", weights, partition="a")
    warehouse.commit("sites/density", weights, partition="b")
    with pytest.raises(VersionNotFoundError, match=r"no version 2 of partition 'a': there are 1, from 1 to 1"):
        warehouse.read("sites/density", version=2, partition="a")


def test_columns_when_they_change_then_every_version_keeps_its_own(warehouse, weights):
    second = weights.assign(clipped=True)
    third = pd.DataFrame({"sample_id": [1, 2], "weight": ["high", "low"]})
    for frame in (weights, second, third, weights):
        warehouse.commit("digits/density", frame)
    for version, frame in enumerate((weights, second, third, weights), start=1):
        assert_frame_equal(warehouse.read("digits/density", version=version), frame)
    assert_frame_equal(warehouse.sql("SELECT * FROM digits.density"), weights)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float32(), 3))),
        (pa.array([1]), pa.array(["one"])),
        (pa.array([1]), pa.array([1.5])),
        (pa.array([1.5]), pa.array([[1.0]], pa.list_(pa.float32(), 1))),
        (pa.array([True]), pa.array([datetime(2026, 1, 1)])),
    ],
)
def test_partitions_when_their_types_differ_then_the_view_finds_a_common_one(warehouse, first, second):
    warehouse.commit("sites/x", pa.table({"value": first}), partition="a")
    warehouse.commit("sites/x", pa.table({"value": second, "more": [1]}), partition="b")
    assert warehouse.read_arrow("sites/x", partition="a")["value"].combine_chunks() == first
    assert warehouse.read_arrow("sites/x", partition="b")["value"].combine_chunks() == second
    for whole in (warehouse.read("sites/x"), warehouse.sql("FROM sites.x ORDER BY partition")):
        assert whole.partition.tolist() == ["a", "b"]
        assert whole.more.isna().tolist() == [True, False]


def test_not_found_when_names_are_near_then_the_nearest_is_named(embedded, weights):
    with pytest.raises(VersionNotFoundError, match="nothing was committed yet"):
        embedded.read("digits/density")
    for _ in range(3):
        embedded.commit("digits/density", weights)
    embedded.commit("sites/density", weights, partition="north")
    with pytest.raises(VersionNotFoundError, match="did you mean 'digits/density'"):
        embedded.read("digits/densitty")
    with pytest.raises(VersionNotFoundError, match=r"from 1 to 3; the nearest is 3"):
        embedded.version("digits/density", 9)
    with pytest.raises(VersionNotFoundError, match="did you mean 'north'"):
        embedded.read("sites/density", partition="nort")
    with pytest.raises(VersionNotFoundError, match="it has no partitions"):
        embedded.read("digits/density", partition="north")


def test_nothing_when_no_file_is_there_then_reading_makes_none(embedded):
    assert embedded.commits() == []
    assert embedded.latest("digits/density") is None
    assert embedded.verdicts("digits/density", version=1) == []
    with pytest.raises(WarehouseError, match="not there yet"):
        embedded.sql("SELECT 1")
    assert not embedded.home.path.parent.exists()


@pytest.mark.parametrize("value", [object(), {"step": object()}, {1, 2}])
def test_parameters_when_no_json_can_hold_them_then_refused(warehouse, weights, value):
    with pytest.raises(WarehouseError, match="parameters must hold plain numbers"):
        warehouse.commit("digits/density", weights, parameters={"x": value})
    assert warehouse.commits() == []


@pytest.mark.parametrize("url", ["ducklake:x.ducklake", "postgres://host/db", "ballast.duckdb", "", "DUCKDB:///x"])
def test_url_when_its_scheme_is_unknown_then_valid_ones_are_named(url):
    with pytest.raises(WarehouseError, match=r"duckdb:///folder/name\.duckdb"):
        Warehouse(url)


@pytest.mark.parametrize(
    "url", ["duckdb://", "duckdb:///", "duckdb:///folder/", "duckdb:///:memory:", "duckdb://x.duckdb"]
)
def test_url_when_it_names_no_file_then_refused(url):
    with pytest.raises(WarehouseError, match="names no file"):
        Warehouse(url)


def test_url_when_relative_then_it_stays_where_it_was_made(tmp_path, monkeypatch, weights):
    monkeypatch.chdir(tmp_path)
    warehouse = Warehouse("duckdb:///store/ballast.duckdb")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    warehouse.commit("digits/density", weights)
    assert (tmp_path / "store" / "ballast.duckdb").exists()


def test_file_when_it_was_a_users_own_database_then_both_live_in_it(embedded, weights):
    import duckdb

    embedded.home.path.parent.mkdir(parents=True)
    with duckdb.connect(embedded.home.path) as con:
        con.execute("CREATE SCHEMA digits; CREATE TABLE digits.raw AS SELECT 42 AS answer")
    assert embedded.commits() == []
    embedded.commit("digits/density", weights)
    assert embedded.sql("SELECT answer FROM digits.raw").answer.tolist() == [42]
    with pytest.raises(WarehouseError, match=r"already has a base table of that name which Ballast did not make"):
        embedded.commit("digits/raw", weights)


def _verdict(gate: str, **changes: object) -> Verdict:
    values = {"asset": "digits/density", "partition": None, "version": 1, "gate": gate, "passed": True}
    return Verdict(**{**values, "severity": "error", **changes})


def test_verdicts_when_recorded_again_then_the_newer_one_stands(warehouse):
    closed = _verdict("ess", passed=False, observed={"ess": np.float64(3.5)}, message="too few", run_id="r1")
    warehouse.record_verdicts([closed, _verdict("range", severity="warn", forced_by="r9")])
    warehouse.record_verdicts([_verdict("ess", version=2, passed=False)])
    assert warehouse.verdicts("digits/density", version=1) == [
        closed,
        _verdict("range", severity="warn", forced_by="r9"),
    ]
    warehouse.record_verdicts([_verdict("ess", observed={"ess": 30})])
    assert [verdict.passed for verdict in warehouse.verdicts("digits/density", version=1)] == [True, True]
    assert [verdict.passed for verdict in warehouse.verdicts("digits/density", version=2)] == [False]
    assert warehouse.sql("SELECT count(*) AS n FROM ballast.gates").n.tolist() == [3]


def test_verdicts_when_one_gate_speaks_twice_then_refused_since_one_would_hide_the_other(warehouse):
    with pytest.raises(WarehouseError, match="one would hide the other"):
        warehouse.record_verdicts([_verdict("null", passed=False), _verdict("null")])
    assert warehouse.verdicts("digits/density", version=1) == []


def test_verdicts_when_partitioned_then_told_apart(warehouse):
    warehouse.record_verdicts([_verdict("ess", partition="a")])
    assert len(warehouse.verdicts("digits/density", version=1, partition="a")) == 1
    assert warehouse.verdicts("digits/density", version=1, partition="b") == []
