"""A gate that cannot be judged, or never was, is closed; a force is recorded whatever it overrode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from ballast.warehouse import Verdict
from tests.orchestration.projects import Project, spec

STRICT = {"expect_effective_sample_size": {"min_share": 1.0}}
ADDED = {"expect_column_to_exist": {"column": "weight"}}
UPSTREAM = ("train", "target", "test", "encoder")
RAISING = {
    "Great Expectations' own": {"expect_column_values_to_be_between": {"column": "heigth", "min_value": 0}},
    "Ballast's own": {"expect_finite_values": {"columns": ["heigth"]}},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def _upstream(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("upstream"))
    assert made.run(*UPSTREAM).success
    return made


@pytest.fixture
def upstream(_upstream: Project, tmp_path: Path) -> Project:
    """A project of which all that density reads has run."""
    return _upstream.copied(tmp_path)


@pytest.fixture(scope="module")
def _weighed(_upstream: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = _upstream.copied(tmp_path_factory.mktemp("weighed"))
    assert made.run("density").success
    return made


@pytest.fixture
def weighed(_weighed: Project, tmp_path: Path) -> Project:
    """A project that has run up to density."""
    return _weighed.copied(tmp_path)


def gated(*gates: dict[str, Any]) -> dict[str, Any]:
    return spec(gates__density=list(gates))


def reweighted(project: Project) -> int:
    return len(project.warehouse.commits("demo/reweighted"))


@pytest.mark.parametrize("gate", RAISING.values(), ids=RAISING)
def test_gate_that_raises_is_closed_in_its_run_and_later(project: Project, gate):
    project.attributes = spec(gates__train=[gate])
    finished = project.run()
    assert finished.states["train"] == "failed"
    assert finished.states["density"] == "skipped"
    (closed,) = (v for v in project.warehouse.verdicts("demo/train", version=1) if v.gate.startswith(next(iter(gate))))
    assert not closed.passed
    assert "cannot be judged" in closed.message
    assert "heigth" in closed.message
    refused = project.run("encoder")
    assert not refused.success
    assert closed.gate in refused.messages["encoder"]
    assert "cannot be judged" in refused.messages["encoder"]
    assert project.warehouse.commits("demo/encoder") == []


def test_version_that_no_gate_has_judged_is_not_read(upstream: Project):
    ids = pd.read_csv(upstream.folder / "train.csv")["key"]
    upstream.warehouse.commit("demo/density", pd.DataFrame({"sample_id": ids, "weight": 1.0}))
    finished = upstream.run("reweighted")
    message = finished.messages["reweighted"]
    for words in ("demo/density (version 1)", "never judged by", "expect_effective_sample_size", "run density again"):
        assert words in message
    assert reweighted(upstream) == 0


def test_gate_added_after_its_step_ran_must_be_judged_before_the_next_step_runs(weighed: Project):
    weighed.attributes = gated(ADDED)
    assert "never judged by expect_column_to_exist__weight" in weighed.run("reweighted").messages["reweighted"]
    assert reweighted(weighed) == 0
    assert weighed.run("density").success
    assert weighed.run("reweighted").success


def test_closed_gate_holds_where_dagster_knows_nothing_of_it(project: Project):
    project.attributes = gated(STRICT)
    project.run()
    project.instance = dg.DagsterInstance.ephemeral()
    assert "expect_effective_sample_size" in project.run("reweighted").messages["reweighted"]
    assert reweighted(project) == 0


def test_step_cannot_be_launched_without_its_checks(upstream: Project):
    definitions = upstream.definitions
    alone = dg.AssetSelection.keys(["demo", "density"], ["demo", "reweighted"]).without_checks()
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.materialize(
            list(definitions.assets or []),
            selection=alone,
            resources=definitions.resources,
            instance=upstream.instance,
        )
    assert upstream.warehouse.commits("demo/density") == []


def recorded(project: Project) -> list[Verdict]:
    return [v for v in project.warehouse.verdicts("demo/density", version=1) if v.forced]


def test_force_past_a_gate_that_never_judged_is_recorded(weighed: Project):
    weighed.attributes = gated(ADDED)
    assert weighed.run("reweighted", force=True).success
    (kept,) = recorded(weighed)
    assert kept.gate == "expect_column_to_exist__weight"
    assert not kept.passed
    assert "never judged" in kept.message


def test_force_stays_on_record_when_the_gate_is_judged_again(project: Project):
    project.attributes = gated(STRICT)
    project.run()
    assert project.run("reweighted", force=True).success
    (before,) = recorded(project)
    assert before.gate == "expect_effective_sample_size"
    project.attributes = gated(STRICT, ADDED)
    project.run()
    (after,) = recorded(project)
    assert after.forced_by == before.forced_by
    assert after.run_id not in (before.run_id, before.forced_by)


def test_gate_that_is_no_longer_declared_closes_nothing(project: Project):
    project.attributes = gated({"expect_column_max_to_be_between": {"column": "weight", "max_value": 0.1}})
    assert not project.run().success
    project.attributes = spec()
    finished = project.run()
    assert finished.success, finished.messages
    assert reweighted(project) == 1


def test_gate_made_blocking_after_it_warned_closes(project: Project):
    project.attributes = gated({"expect_effective_sample_size": {"min_share": 1.0, "severity": "warn"}})
    project.run(*UPSTREAM, "density")
    project.attributes = gated(STRICT)
    assert "expect_effective_sample_size" in project.run("reweighted").messages["reweighted"]
    assert reweighted(project) == 0


def test_gate_tightened_after_its_step_ran_must_be_judged_before_the_next_step_runs(weighed: Project):
    weighed.attributes = gated(STRICT)
    assert "expect_effective_sample_size" in weighed.run("reweighted").messages["reweighted"]
    assert reweighted(weighed) == 0
