"""A data role that is what another pipeline has stored."""

from __future__ import annotations

import dagster as dg
import pytest

from ballast import Pipeline
from ballast.errors import SpecError
from ballast.orchestration.commands.run import Finished, run
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.projects.find import Declared
from tests.orchestration.projects import Project, rows

SECOND = {
    "name": "second",
    "data": {
        "train": {"step": "demo/density", "id": "sample_id"},
        "target": {"step": "demo/density", "id": "sample_id"},
    },
    "steps": {"drift": {"use": "kolmogorov_smirnov"}},
    "gates": {"target": [{"expect_no_shared_ids": {"with": ["train"], "severity": "warn"}}]},
}


def run_second(project: Project, *select: str) -> Finished:
    plan = Pipeline(**SECOND).plan("second.yaml")
    both = dg.Definitions.merge(project.definitions, definitions_of(plan, project.folder))
    return run(
        Declared(project.folder / "second.yaml", project.folder, SECOND), plan, both, select=select, on=project.instance
    )


def test_role_of_anothers_step_when_its_gates_are_open_then_has_its_latest_rows(ran: Project):
    finished = run_second(ran)
    assert finished.success, finished.messages
    assert set(finished.states) == {"train", "target", "drift", "report"}
    stored = ran.warehouse.latest("second/train")
    assert stored is not None
    assert stored.inputs == {"demo/density": 1}
    assert ran.warehouse.read("second/train").equals(ran.warehouse.read("demo/density"))


def test_role_of_anothers_step_when_that_is_made_anew_then_follows_and_mixes_none(ran: Project):
    assert run_second(ran).success
    ran.write("train", rows(200, seed=7))
    assert ran.run().success
    assert run_second(ran, "train").success
    refused = run_second(ran, "drift")
    assert "stands on different versions of" in refused.messages["drift"]
    assert run_second(ran).success
    newest = ran.warehouse.latest("second/train")
    assert newest is not None
    assert newest.inputs == {"demo/density": 2}


def test_role_of_anothers_step_when_a_gate_behind_it_is_closed_then_is_refused(stopped: Project):
    finished = run_second(stopped)
    assert not finished.success
    assert "train does not read demo/density: the gate behind it (version 1) is closed" in finished.messages["train"]
    assert stopped.warehouse.latest("second/train") is None


def test_role_of_anothers_step_when_that_was_never_made_then_says_what_there_is(project: Project):
    assert "has no asset 'demo/density'" in run_second(project).messages["train"]


@pytest.mark.parametrize(
    ("step", "told"),
    [("density", "write pipeline/step"), ("second/drift", "is of this pipeline"), ("demo/den sity", "write pipeline/")],
)
def test_role_of_a_step_when_it_is_not_anothers_then_refused_at_load(step: str, told: str):
    spec = {**SECOND, "data": {**SECOND["data"], "target": {"step": step, "id": "sample_id"}}}
    with pytest.raises(SpecError, match=told):
        Pipeline(**spec).plan("second.yaml")
