"""A run that changes nothing keeps what is stored, says so, and shows what was shown."""

from __future__ import annotations

from ballast.orchestration.graph.keys import key_of
from ballast.orchestration.graph.results import REUSED
from ballast.orchestration.run import unit
from tests.orchestration.projects import Project, spec


def versions(project: Project) -> dict[str, int]:
    return {c.asset: c.version for c in reversed(project.warehouse.commits())}


def test_run_again_when_nothing_changed_keeps_all_versions_and_says_so(ran: Project):
    before, told = versions(ran), {}
    finished = ran.run(on_progress=lambda progress: told.update({progress.unit: progress.reused}))
    assert finished.success
    assert versions(ran) == before
    assert finished.reused == {unit for unit, reused in told.items() if reused} == set(ran.plan.nodes) - {"report"}
    assert finished.report is not None
    assert finished.report.read_text("utf-8").count(">reused<") == len(before)
    ran.attributes = spec(steps__density={"use": "density_ratio_classifier", "params": {"n_folds": 3}})
    assert "density" not in ran.run("density").reused


def materialized(project: Project, name: str) -> dict[str, object]:
    """Gives what Dagster's last record of a step shows."""
    (record,) = project.instance.fetch_materializations(key_of(f"demo/{name}"), limit=1).records
    assert record.asset_materialization is not None
    return dict(record.asset_materialization.metadata)


def test_run_again_when_nothing_changed_shows_what_was_shown_without_drawing_it(ran: Project, monkeypatch):
    steps = set(ran.plan.nodes) - {"report"}
    assert ran.run().success  # reused from the store, and drawn: this Dagster instance has no record of it yet
    before = {name: materialized(ran, name) for name in steps}
    monkeypatch.delattr(unit, "stage_metadata")
    assert ran.run().success
    assert {name: materialized(ran, name) for name in steps} == before
    assert all(shown[REUSED].value for shown in before.values())
    assert "figure" in before["density"]
