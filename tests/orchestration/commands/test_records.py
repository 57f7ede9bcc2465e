"""Dagster's records in SQLite with kept connections are those that Dagster itself reads and writes."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ballast.orchestration.projects.instance import instance


@dg.asset
def thing() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"size": 3})


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path))
    made = instance()
    assert "_connect" in vars(made.event_log_storage)
    return made


def steps_of(on: dg.DagsterInstance, run_id: str) -> set[str | None]:
    return {entry.step_key for entry in on.all_logs(run_id)} - {None}


def test_events_of_many_runs_are_read_by_dagsters_own_storage(kept: dg.DagsterInstance):
    runs = [dg.materialize([thing], instance=kept).run_id for _ in range(6)]
    assert all(steps_of(kept, run_id) == {"thing"} for run_id in reversed(runs))
    with dg.DagsterInstance.get() as other:
        assert type(other.event_log_storage) is type(kept.event_log_storage)
        assert "_connect" not in vars(other.event_log_storage)
        assert all(steps_of(other, run_id) == {"thing"} for run_id in runs)
        assert len(other.fetch_materializations(dg.AssetKey("thing"), limit=10).records) == 6


def test_events_when_another_process_has_wiped_the_records_go_into_new_files(kept: dg.DagsterInstance):
    dg.materialize([thing], instance=kept)
    with dg.DagsterInstance.get() as other:
        other.wipe()
    again = dg.materialize([thing], instance=kept).run_id
    with dg.DagsterInstance.get() as other:
        assert steps_of(other, again) == {"thing"}
        assert len(other.fetch_materializations(dg.AssetKey("thing"), limit=10).records) == 1


def test_events_when_the_folder_was_removed_are_recorded_again(kept: dg.DagsterInstance):
    dg.materialize([thing], instance=kept)
    storage = kept.event_log_storage
    for file in Path(storage.path_for_shard("index")).parent.glob("*.db*"):  # type: ignore[attr-defined]
        file.unlink()
    again = dg.materialize([thing], instance=kept).run_id
    assert steps_of(kept, again) == {"thing"}
