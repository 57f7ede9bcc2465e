"""The three weighers of the fairness room, each with a model of its own, from a YAML file to the store."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.orchestration.projects import Project, rows

PIPELINE = """
type: ballast.Pipeline
attributes:
  name: fair
  data:
    train: {path: train.csv, id: key, label: kind, groups: colour}
    test: {path: test.csv, id: key, label: kind, groups: colour}
  steps:
    baseline: {use: logistic_regression}
    independent: {use: reweighing}
    counterfactual: {use: counterfactual_distribution, model: baseline}
    boosted: {use: fair_boosted_density, params: {representation_rate: 0.8, columns: [height]}}
    by_independent: {use: logistic_regression, weights: independent}
    by_counterfactual: {use: logistic_regression, weights: counterfactual}
    by_boosted: {use: logistic_regression, weights: boosted}
    verdict: {use: compare_models, models: [baseline, by_independent, by_counterfactual, by_boosted]}
  gates:
    independent: [{expect_effective_sample_size: {min_share: 0.3}}]
    counterfactual: [{expect_effective_sample_size: {min_share: 0.3}}]
    boosted: [{expect_effective_sample_size: {min_share: 0.3}}]
"""
WEIGHTS = ("independent", "counterfactual", "boosted")


def people(n: int, *, seed: int, start: int = 0) -> pd.DataFrame:
    """Gives rows of which two in three of the taller, who mostly have the label, are red, and one of the others."""
    table = rows(n, seed=seed, start=start)
    red = np.random.default_rng(seed).random(n) < np.where(table["height"] > 0, 2 / 3, 1 / 3)
    return table.assign(colour=np.where(red, "red", "green"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("fair"), yaml.safe_load(PIPELINE)["attributes"])
    made.write("train", people(400, seed=1))
    made.write("test", people(300, seed=2, start=1000))
    finished = made.run()
    assert finished.success, finished.messages
    return made


def weighed(project: Project, step: str) -> pd.DataFrame:
    train = pd.read_csv(project.folder / "train.csv")
    return train.merge(project.warehouse.read(f"fair/{step}"), left_on="key", right_on="sample_id", validate="1:1")


def sums_by_pair(project: Project, step: str) -> pd.DataFrame:
    """Gives the weights' sums, a line a colour and a column a label."""
    return weighed(project, step).groupby(["colour", "kind"])["weight"].sum().unstack()


def test_gates_when_the_pipeline_has_run_then_all_green_on_every_stage(project: Project):
    for name, node in project.plan.nodes.items():
        if name == "report":
            continue
        commit = project.warehouse.latest(f"fair/{name}")
        assert commit is not None, name
        verdicts = project.warehouse.verdicts(commit.asset, version=commit.version)
        assert {v.gate for v in verdicts} == {e.name for e in node.suite}
        assert [v.gate for v in verdicts if not v.passed] == []


def test_weights_when_the_pipeline_has_run_then_one_table_a_step_that_joins_on_the_sample_id(project: Project):
    joined = project.warehouse.sql(
        "SELECT sample_id, i.weight AS independent, c.weight AS counterfactual, b.weight AS boosted "
        "FROM fair.independent i JOIN fair.counterfactual c USING (sample_id) JOIN fair.boosted b USING (sample_id)"
    )
    assert set(joined["sample_id"]) == set(pd.read_csv(project.folder / "train.csv")["key"])
    assert len(joined) == 400
    for step in WEIGHTS:
        assert joined[step].mean() == pytest.approx(1.0, rel=1e-5)
        assert joined[step].std() > 0.05
    assert (joined[list(WEIGHTS)].corr().to_numpy() < 0.99).sum() == 6, "two of the tables are the same"


def test_weights_when_joined_to_the_rows_then_do_what_each_method_promises(project: Project):
    independent, boosted = (sums_by_pair(project, step) for step in ("independent", "boosted"))
    labelled = independent["yes"] / independent.sum(axis=1)
    assert labelled["red"] == pytest.approx(labelled["green"], rel=1e-5)
    groups = boosted.sum(axis=1)
    assert groups.min() / groups.max() >= 0.8
    labels = boosted.div(groups, axis=0)
    assert (labels.min() / labels.max()).min() >= 0.8**2
    by_row = weighed(project, "counterfactual").groupby("colour")["weight"]
    assert by_row.std()["red"] == pytest.approx(0, abs=1e-5)
    assert by_row.std()["green"] > 0.1


@pytest.mark.parametrize("step", WEIGHTS)
def test_model_when_trained_then_on_the_weights_of_its_step(project: Project, step: str):
    commit = project.warehouse.latest(f"fair/by_{step}")
    assert commit is not None
    assert f"fair/{step}" in commit.inputs
    verdict = project.warehouse.read("fair/verdict")
    accuracy = verdict[(verdict["metric"] == "accuracy") & (verdict["model"] == f"by_{step}")]["value"]
    assert accuracy.max() > 0.7
