"""In which processes a pipeline's job runs, and which failures are tried again: what passes by itself, and no other."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pyarrow as pa
import pytest

from ballast import BallastResource
from ballast.errors import GateClosedError, OwnedError, WarehouseUnreachableError, is_passing
from ballast.orchestration.commands.run import Finished
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.projects.find import find
from ballast.orchestration.run.inputs import MixedError, OvertakenError
from ballast.warehouse import Warehouse
from tests import postgres
from tests.orchestration.projects import Project, spec

FLAKY = """
import os
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression

TRIES = Path(__file__).with_name("tries")


def fails(times, error):
    tries = len(TRIES.read_text()) if TRIES.exists() else 0
    TRIES.write_text("x" * (tries + 1))
    if tries < times:
        if error == "SIGINT":
            os.kill(os.getpid(), 2)
        raise eval(error)("no answer")


def rows(times, error, file):
    fails(times, error)
    return pd.read_csv(file)


class Classifier(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        fails(1, "RuntimeError")
        return super().fit(X, y, sample_weight)
"""
NETWORK = {"use": "torch_mlp"}


def job_of(project: Project, **more: Any) -> dg.JobDefinition:
    found = project.definitions
    if more:
        found = dg.Definitions.merge(found, dg.Definitions(**more))
    return found.resolve_job_def("demo")


def executor(project: Project, **more: Any) -> str:
    return job_of(project, **more).executor_def.name


def test_job_when_no_step_is_long_and_none_is_said_then_runs_in_one_process(tmp_path):
    short = {"use": "torch_mlp", "params": {"max_epochs": 30}}
    assert executor(Project(tmp_path)) == "in_process"
    assert executor(Project(tmp_path, spec(steps__network=short))) == "in_process"


@pytest.mark.parametrize("params", [{}, {"max_epochs": 500}, {"patience": None}])
def test_job_when_a_step_trains_for_all_its_epochs_then_is_dagsters_default(tmp_path, params):
    project = Project(tmp_path, spec(steps__network={**NETWORK, "params": params}))
    assert job_of(project).executor_def is dg.multi_or_in_process_executor


def test_job_when_the_project_names_an_executor_and_the_pipeline_none_then_has_the_projects(tmp_path):
    assert executor(Project(tmp_path), executor=dg.multiprocess_executor) == "multiprocess"
    long = Project(tmp_path, spec(steps__network=NETWORK))
    assert executor(long, executor=dg.in_process_executor) == "in_process"


@pytest.mark.parametrize(("said", "other"), [("in_process", "multiprocess"), ("multiprocess", "in_process")])
@pytest.mark.parametrize("form", [lambda name: name, lambda name: {name: None}, lambda name: {name: {}}])
def test_job_when_the_pipeline_names_an_executor_then_has_it_whatever_the_steps_and_the_project_say(
    tmp_path, said, other, form
):
    project = Project(tmp_path, spec(executor=form(said), steps__network=NETWORK))
    assert executor(project) == said
    assert executor(project, executor=getattr(dg, f"{other}_executor")) == said


def test_job_when_told_how_many_processes_then_starts_no_more(tmp_path: Path):
    job = job_of(Project(tmp_path, spec(executor={"multiprocess": {"max_concurrent": 2}})))
    assert job.executor_def.config_schema.resolve_config({}).value["config"]["max_concurrent"] == 2


@pytest.mark.parametrize("name", ["digits", "cameras", "tumours", "adult", "diabetes"])
def test_bundled_pipelines_when_loaded_then_have_no_long_step(name: str, tmp_path: Path):
    plan = find(name, Path(__file__).parents[3]).plan()
    bare = Project(tmp_path, spec(steps__network=NETWORK))
    kind = type(definitions_of(plan, tmp_path).jobs[0])  # type: ignore[index]
    assert kind is not type(definitions_of(bare.plan, tmp_path).jobs[0])  # type: ignore[index]


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project with a module of its own that fails, and counts how often it was tried."""
    (tmp_path / "flaky.py").write_text(FLAKY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "flaky", raising=False)
    return tmp_path


def tries(folder: Path) -> int:
    return len((folder / "tries").read_text())


def loading(folder: Path, times: int, error: str, **more: Any) -> Project:
    """Gives a project whose training rows come from a loader that fails so many times with an error."""
    params = {"times": times, "error": error, "file": str(folder / "train.csv")}
    train = {"loader": "flaky.rows", "params": params, "id": "key", "label": "kind"}
    return Project(folder, spec(data__train=train, **more))


def waits(project: Project, finished: Finished) -> list[float]:
    """Gives the waits before each new try of a run."""
    events = [entry.dagster_event for entry in project.instance.all_logs(finished.run_id) if entry.dagster_event]
    return [e.step_retry_data.seconds_to_wait or 0.0 for e in events if e.event_type_value == "STEP_UP_FOR_RETRY"]


@pytest.mark.parametrize("error", ["ConnectionResetError", "TimeoutError", "OSError", "RuntimeError", "MemoryError"])
def test_step_when_it_fails_in_passing_then_is_tried_again_and_stored(flaky: Path, error: str):
    project = loading(flaky, 1, error, retries=1)
    finished = project.run("train")
    assert finished.states == {"train": "done"}
    assert waits(project, finished) == [0.0]
    assert tries(flaky) == 2
    assert [c.row_count for c in project.warehouse.commits("demo/train")] == [200]


@pytest.mark.parametrize("error", ["ValueError", "KeyError", "TypeError", "FileNotFoundError", "PermissionError"])
def test_step_when_data_or_code_is_wrong_then_is_not_tried_again(flaky: Path, error: str):
    project = loading(flaky, 1, error, retries=3)
    finished = project.run("train")
    assert finished.states == {"train": "failed"}
    assert "no answer" in finished.messages["train"]
    assert waits(project, finished) == []
    assert tries(flaky) == 1


def test_step_when_no_retries_are_asked_for_then_is_not_tried_again(flaky: Path):
    assert loading(flaky, 1, "ConnectionResetError").run("train").states == {"train": "failed"}
    assert tries(flaky) == 1


def test_step_when_all_tries_fail_then_says_its_own_error_after_waits_that_grow(flaky: Path):
    project = loading(flaky, 9, "OSError", retries={"max": 3, "delay": 0.01, "backoff": "exponential"})
    finished = project.run("train")
    assert finished.messages == {
        "train": "demo/train: defs.yaml: data.train.loader: flaky.rows failed: OSError: no answer"
    }
    assert waits(project, finished) == pytest.approx([0.01, 0.03, 0.07])
    assert tries(flaky) == 4


def test_step_when_it_has_retries_of_its_own_then_they_hold_instead_of_the_pipelines(
    flaky: Path, begun: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", "flaky.Classifier")
    begun.attributes["steps"]["baseline"] = {"use": "flaky.Classifier", "retries": 1}
    assert begun.run("train/features", "baseline").states["baseline"] == "done"
    assert tries(flaky) == 2
    (flaky / "tries").unlink()
    begun.attributes["steps"]["baseline"] = {"use": "flaky.Classifier", "params": {"C": 2.0}, "retries": 0}
    begun.attributes["retries"] = 5
    assert begun.run("baseline").states["baseline"] == "failed"
    assert tries(flaky) == 1


def test_run_when_it_is_interrupted_then_stops_however_many_retries_there_are(flaky: Path):
    project = loading(flaky, 1, "SIGINT", retries=3)
    with pytest.raises(KeyboardInterrupt):
        project.run("train")
    assert tries(flaky) == 1


def test_step_behind_a_closed_gate_when_there_are_retries_then_is_not_tried_again(stopped: Project):
    stopped.attributes["retries"] = 3
    finished = stopped.run("reweighted")
    assert finished.states == {"reweighted": "failed"}
    assert "effective_sample_size" in finished.messages["reweighted"]
    assert waits(stopped, finished) == []


def test_step_when_the_warehouse_is_locked_then_is_tried_again_once_it_is_free(begun: Project):
    begun.attributes["retries"] = 2
    run_id = str(uuid4())
    begun.instance.add_event_listener(run_id, lambda entry: _free_at_retry(entry, free))
    free, held = threading.Event(), threading.Event()

    def hold() -> None:
        with begun.warehouse.writing():
            held.set()
            free.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    resource = BallastResource(folder=str(begun.folder / "home"), timeout=0.1)
    defs = dg.Definitions.merge(
        definitions_of(begun.plan, begun.folder), dg.Definitions(resources={"ballast": resource})
    )
    done = defs.resolve_job_def("demo").execute_in_process(
        instance=begun.instance, run_id=run_id, asset_selection=[dg.AssetKey(["demo", "drift"])]
    )
    holder.join()
    assert done.success
    assert [e for e in done.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"]


def _free_at_retry(entry: dg.EventLogEntry, free: threading.Event) -> None:
    if entry.dagster_event and entry.dagster_event.event_type_value == "STEP_UP_FOR_RETRY":
        free.set()


def test_warehouse_when_its_server_has_stopped_then_says_what_may_pass(tmp_path: Path):
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, postgres.server(Path(folder)) as server:
        warehouse = Warehouse(f"ducklake:{postgres.new_database(server, 'a')}?data_path={tmp_path}", timeout=5)
        warehouse.latest("demo/train")
    with pytest.raises(WarehouseUnreachableError):
        warehouse.latest("demo/train")
    with pytest.raises(WarehouseUnreachableError):
        warehouse.commit("demo/train", pa.table({"key": [1]}))


def test_errors_when_others_are_at_work_then_may_pass_and_refusals_do_not():
    assert all(is_passing(error("")) for error in (OvertakenError, MixedError))
    assert not any(is_passing(error("")) for error in (GateClosedError, OwnedError))
