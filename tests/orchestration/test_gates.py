"""Gates of a pipeline: between data roles, on partitions, and on columns that are known before anything runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ballast.errors import SpecError
from ballast.gates.suite import COLUMNS
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from ballast.stages import GATED
from tests.orchestration.projects import Project, rows, spec

both_read = threading.Barrier(2)
have_read: set[int] = set()


def rows_when_both_are_read(start: int) -> pd.DataFrame:
    """Gives 50 rows of which 25 are in both pools, when the other pool has been read too."""
    if start not in have_read:  # the training rows are loaded for the types of the test's, too
        have_read.add(start)
        both_read.wait(300)
    return rows(50, seed=start, start=start)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def closed(project: Project, role: str, version: int) -> str:
    """Gives what the only closed gate behind a version of a role says."""
    verdicts = project.warehouse.verdicts(f"demo/{role}", version=version)
    (verdict,) = (v for v in verdicts if not v.passed and v.severity == "error")
    return verdict.message


def suites(attributes: dict[str, Any], tmp_path: Path) -> dict[str, list[str]]:
    nodes = Project(tmp_path, attributes).plan.nodes
    return {name: [e.name for e in node.suite] for name, node in nodes.items()}


def test_role_held_against_another_has_the_other_held_against_it(tmp_path: Path):
    reference = {"path": "target.csv", "id": "key", "drop": ["kind"]}
    gate = {"expect_no_shared_ids": {"with": ["reference"], "severity": "warn"}}
    found = suites(spec(data__reference=reference, gates__train=[gate]), tmp_path)
    assert "expect_no_shared_ids__reference" in found["train"]
    assert "expect_no_shared_ids__train" in found["reference"]


def test_defaults_hold_roles_only_against_those_there_are(tmp_path: Path):
    attributes = spec(data__test=None, steps__verdict=None)
    assert [n for n in suites(attributes, tmp_path)["train"] if "shared" in n] == ["expect_no_shared_ids__target"]


@pytest.mark.parametrize("other", ["reference", "train"])
def test_role_that_is_held_against_none_or_itself_is_refused(project: Project, other: str):
    project.attributes = spec(gates__train=[{"expect_no_shared_ids": {"with": [other]}}])
    with pytest.raises(SpecError, match=rf"gates.train: there is no other data role '{other}'"):
        _ = project.plan


def test_ids_shared_by_roles_that_are_stored_at_the_same_time_are_found(project: Project):
    loaders = {
        role: {
            "loader": f"{__name__}.rows_when_both_are_read",
            "params": {"start": start},
            "id": "key",
            "label": "kind",
        }
        for role, start in {"train": 0, "test": 25}.items()
    }
    project.attributes = spec(data__train=loaders["train"], data__test=loaders["test"])
    plan, resource = project.plan, project.resource

    def store(role: str) -> None:
        try:
            run = Run(plan, resource.open(), resource.model_store(), project.folder, run_id=role)
            run_unit(run, [plan.nodes[role]])
        except BaseException:
            both_read.abort()
            raise

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(store, ("train", "test")))
    verdicts = [v for role in ("train", "test") for v in project.warehouse.verdicts(f"demo/{role}", version=1)]
    (found,) = (v for v in verdicts if not v.passed)
    assert found.gate.startswith("expect_no_shared_ids")
    assert "25 of 50 ids" in found.message


def test_role_is_held_against_every_partition_of_another(project: Project):
    project.attributes = spec(partitions={"column": "colour", "static": ["red", "green"], "roles": ["target", "test"]})
    for colour in ("red", "green"):
        assert project.run(partition=colour).success
    shared = pd.read_csv(project.folder / "test.csv").query("colour == 'red'").head(3)
    project.write("train", pd.concat([rows(200, seed=1), shared]))
    finished = project.run("train")
    assert not finished.success
    assert "3 of 203 ids of train" in closed(project, "train", 2)


def test_gate_of_a_partition_judges_its_rows_alone(project: Project):
    test = pd.read_csv(project.folder / "test.csv")
    test.loc[test.index[test["colour"] == "green"][:2], "kind"] = None
    project.write("test", test)
    project.attributes = spec(partitions={"column": "colour", "static": ["red", "green"], "roles": ["target", "test"]})
    red, green = project.run(partition="red"), project.run(partition="green")
    assert red.success, red.messages
    assert green.states["test"] == "failed"
    n_green = int((test["colour"] == "green").sum())
    assert f"2 of {n_green} labels" in closed(project, "test", 2)
    assert project.warehouse.latest("demo/verdict", partition="green") is None


@pytest.mark.parametrize(
    ("stage", "gate", "nearest"),
    [
        ("density", {"expect_column_values_to_be_between": {"column": "wieght", "min_value": 0}}, "weight"),
        ("density", {"expect_finite_values": {"columns": ["weight", "ratio"]}}, "ratio"),
        ("verdict", {"expect_column_values_to_not_be_null": {"column": "vlaue"}}, "value"),
        ("baseline", {"expect_column_to_exist": {"column": "sha265"}}, "sha256"),
    ],
)
def test_gate_on_a_column_that_its_stage_has_not_is_refused_at_load(project: Project, stage, gate, nearest):
    project.attributes = spec(**{f"gates__{stage}": [gate]})
    with pytest.raises(SpecError, match=rf"defs.yaml: gates.{stage}\[0\].*{nearest}.*its columns: ") as caught:
        _ = project.plan
    assert "no such column" in str(caught.value)


def test_stages_have_the_columns_that_gates_are_told_of(project: Project):
    steps = {
        "scores": {"use": "mahalanobis"},
        "drawn": {"use": "smote"},
        "scored": {"predict": "baseline"},
        "verdict": {"use": "compare_models", "models": ["production", "baseline", "reweighted"]},
        "production": {"promote": "verdict", "from": ["baseline", "reweighted"]},
    }
    late = {"path": "labels.csv", "id": "key", "label": "kind"}
    project.attributes = spec(data__target__labels_from=late, **{f"steps__{name}": s for name, s in steps.items()})
    project.write("labels", pd.read_csv(project.folder / "target.csv")[["key", "kind"]])
    assert project.run().success
    seen: dict[str, set[str]] = {}
    for node in project.plan.nodes.values():
        if node.stage in COLUMNS:
            seen[node.stage] = set(project.warehouse.read_arrow(project.plan.asset(node.name)).column_names)
    assert seen == {stage: set(columns) for stage, columns in COLUMNS.items()}
    assert COLUMNS.keys() == set(GATED) - {"source", "prediction"}  # whose columns go by the user's own and the classes


def test_new_split_is_held_against_the_new_rows_of_the_other_role(ran: Project):
    moved = [pd.read_csv(ran.folder / f"{role}.csv") for role in ("train", "test")]
    ran.write("train", pd.concat([moved[0].iloc[50:], moved[1].iloc[:50]]))
    ran.write("test", pd.concat([moved[1].iloc[50:], moved[0].iloc[:50]]))
    finished = ran.run()
    assert finished.success, finished.messages
    assert ran.warehouse.latest("demo/test").version == 2  # type: ignore[union-attr]


def test_step_judges_a_role_anew_when_the_role_it_was_held_against_has_changed(ran: Project):
    test = pd.read_csv(ran.folder / "test.csv")
    ran.write("train", pd.concat([rows(200, seed=1), test.head(7)]))
    ran.attributes = spec(gates__train=[{"expect_no_shared_ids": {"with": ["test"], "severity": "warn"}}])
    assert ran.run("train").success
    refused = ran.run("verdict")
    assert not refused.success
    assert "7 of 100 ids of test (7 %) are also in train" in refused.messages["verdict"]
    closed = [v.gate for v in ran.warehouse.verdicts("demo/test", version=1) if v.closes]
    assert closed == ["expect_no_shared_ids__train"]
    ran.write("train", rows(200, seed=1))
    assert ran.run("train").success
    assert ran.run("verdict").success, "the two have no id in common any more"


def test_steps_that_do_not_read_a_leaking_role_run(ran: Project):
    ran.write("test", pd.concat([pd.read_csv(ran.folder / "test.csv"), rows(200, seed=1).head(7)]))
    assert not ran.run("test").success
    assert ran.run("density").success
    assert "7 of 107 ids of test" in ran.run("verdict").messages["verdict"]


def test_label_unknown_to_training_closes_the_role_that_has_it(project: Project):
    way = {"yes": "up", "no": "down"}
    project.write("train", rows(200, seed=1).assign(kind=lambda t: t["kind"].map(way)))
    test = rows(100, seed=3, start=2000).assign(kind=lambda t: t["kind"].map(way).where(t.index > 1, "?"))
    project.write("test", test)
    assert not project.run("train", "test").success
    assert "2 of 100 labels in column 'kind' are unknown to train (such as ?;" in closed(project, "test", 1)


def test_column_that_a_role_lacks_closes_it_before_a_step_reads_it(project: Project):
    project.write("target", rows(120, seed=2, start=1000).drop(columns="width"))
    finished = project.run()
    assert "1 column of train missing: width (120 rows)" in closed(project, "target", 1)
    assert finished.states["drift"] == "skipped"


def test_unseen_categories_that_only_warn_let_steps_run(project: Project):
    target = rows(120, seed=2, start=1000)
    project.write("target", target.assign(colour=target["colour"].where(target.index > 11, "blue")))
    finished = project.run()
    assert finished.success, finished.messages
    (warned,) = (v for v in project.warehouse.verdicts("demo/target", version=1) if not v.passed)
    assert (warned.gate, warned.severity) == ("expect_known_categories__train", "warn")
    assert (
        "column 'colour': 12 of 120 rows (10 %) have a category that train does not have (such as blue)"
        in warned.message
    )
