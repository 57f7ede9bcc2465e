"""What gates said of a stored version stands while nothing changes that it rests on, and no longer."""

from __future__ import annotations

from typing import Any

import pytest

from ballast.orchestration.run import standing
from ballast.orchestration.run import unit as execution
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import Stored, run_unit
from tests.orchestration.projects import Project, rows


def run_again(project: Project, unit: str, run_id: str) -> list[Stored]:
    plan = project.plan
    run = Run(plan, project.warehouse, project.resource.model_store(), project.folder, run_id=run_id)
    return run_unit(run, dict(plan.units())[unit])


def judged_by(project: Project, name: str) -> dict[str, str | None]:
    """Gives the run that came to each verdict on the latest version."""
    commit = project.warehouse.latest(f"demo/{name}")
    assert commit is not None
    return {v.gate: v.run_id for v in project.warehouse.verdicts(commit.asset, version=commit.version)}


def test_verdicts_when_nothing_has_changed_then_stand_and_are_shown_again(ran: Project):
    before = judged_by(ran, "density")
    (stored,) = run_again(ran, "density", "again")
    assert stored.reused
    assert {j.name for j in stored.judgements} == before.keys() != set()
    assert all(j.passed and j.message for j in stored.judgements)
    assert judged_by(ran, "density") == before


def test_verdicts_between_roles_when_neither_has_changed_then_stand(ran: Project, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.delattr(execution, "judged")
        for role in ("train", "test"):
            (stored,) = run_again(ran, role, "again")
            assert stored.reused
            assert {j.name for j in stored.judgements if "shared_ids" in j.name}
            assert set(judged_by(ran, role).values()) == {"again"}


def test_verdicts_between_roles_when_the_other_has_changed_then_are_come_to_anew(ran: Project):
    ran.write("train", rows(200, seed=1, start=2000))  # the ids of the test rows, too
    (closed,) = [j for j in run_again(ran, "train", "other")[0].judgements if not j.passed]
    assert closed.name.startswith("expect_no_shared_ids")
    ran.write("train", rows(200, seed=1))
    assert all(j.passed for j in run_again(ran, "train", "back")[0].judgements)


@pytest.mark.parametrize(
    "change",
    [
        {"gates": {"density": [{"expect_effective_sample_size": {"min_share": 0.01}}]}},
        {"gates": {"density": [{"expect_effective_sample_size": {"min_share": 0.99, "severity": "warn"}}]}},
        {"steps": {"density": {"use": "density_ratio_classifier"}}},
    ],
)
def test_verdicts_when_gates_or_spec_change_then_are_come_to_anew(ran: Project, change: dict[str, Any]):
    ran.attributes |= change
    (stored,) = run_again(ran, "density", "again")
    assert stored.reused
    assert set(judged_by(ran, "density").values()) == {"again"}
    assert judged_by(ran, "density").keys() == {j.name for j in stored.judgements}


def test_verdicts_when_a_gate_is_no_longer_declared_then_its_own_is_gone(ran: Project):
    ran.attributes["gates"] = {
        "density": [{"expect_column_max_to_be_between": {"column": "weight", "max_value": 1e-9}}]
    }
    (stored,) = run_again(ran, "density", "closed")
    (closed,) = (j.name for j in stored.judgements if not j.passed)
    ran.attributes["gates"] = {}
    run_again(ran, "density", "open")
    assert closed not in judged_by(ran, "density")


def test_verdicts_when_the_code_of_gates_changes_then_are_come_to_anew(ran: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(standing, "_code", lambda: "other code")
    run_again(ran, "density", "again")
    assert set(judged_by(ran, "density").values()) == {"again"}


def test_verdicts_when_a_table_that_a_gate_looks_up_changes_then_are_come_to_anew(ran: Project):
    """A gate on balance looks at the target's features, whatever its weigher was made from."""
    ran.attributes["steps"] = {"even": {"use": "effective_number"}, "density": ran.attributes["steps"]["density"]}
    ran.attributes["gates"] = {"even": [{"expect_balance": {"min_share_of_features": 0.01}}]}
    run_again(ran, "even", "first")
    run_again(ran, "even", "second")
    assert set(judged_by(ran, "even").values()) == {"first"}
    ran.write("target", rows(120, seed=5, shift=2.0, start=1000))
    for unit in ("target", "target/features" if "target/features" in dict(ran.plan.units()) else "encoder"):
        run_again(ran, unit, "other")
    (stored,) = run_again(ran, "even", "third")
    assert stored.reused
    assert set(judged_by(ran, "even").values()) == {"third"}


def test_what_is_stored_and_its_verdicts_when_only_the_execution_changes_then_stand(ran: Project):
    before = judged_by(ran, "density")
    ran.attributes |= {"executor": "multiprocess", "retries": 2}
    ran.attributes["steps"]["density"]["retries"] = 1
    (stored,) = run_again(ran, "density", "again")
    assert stored.reused
    assert judged_by(ran, "density") == before
