"""A label that is missing where it was not observed, and weights for the rows where it was, in a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.orchestration.projects import Project

PIPELINE = """
type: ballast.Pipeline
attributes:
  name: clinic
  data:
    train: {path: train.csv, id: key, label: score, observed: measured, groups: patient}
    test: {path: test.csv, id: key, label: score}
  steps:
    baseline: {use: ridge_regression}
    intensity: {use: inverse_intensity}
    reweighted: {use: ridge_regression, weights: intensity}
    drawn: {use: importance_resampling, weights: intensity}
    resampled: {use: ridge_regression, rows: drawn}
    verdict: {use: compare_models, models: [baseline, reweighted, resampled]}
"""


def visits(n: int, *, seed: int) -> pd.DataFrame:
    """Gives visits whose score is curved in the state; the worse the state, the likelier is a measurement."""
    rng = np.random.default_rng(seed)
    state = rng.normal(size=n)
    score = state**2 + state + 0.3 * rng.normal(size=n)
    measured = rng.random(n) < 1 / (1 + np.exp(-2 * state))
    return pd.DataFrame(
        {
            "key": np.arange(n) + 10_000 * seed,
            "patient": np.arange(n) // 5,
            "state": state,
            "age": rng.normal(size=n),
            "measured": measured,
            "score": np.where(measured, score, np.nan),
            "truth": score,
        }
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("clinic"), yaml.safe_load(PIPELINE)["attributes"])
    made.write("train", visits(600, seed=1).drop(columns="truth"))
    made.write(
        "test", visits(400, seed=2).drop(columns=["score", "measured", "patient"]).rename(columns={"truth": "score"})
    )
    finished = made.run()
    assert finished.success, finished.messages
    return made


def test_features_when_a_column_says_what_was_observed_then_it_is_none_of_them(project: Project):
    X = np.stack(project.warehouse.read("clinic/train/features")["features"].to_list())
    assert X.shape == (600, 2)


def test_weights_when_a_label_was_not_observed_then_0_there_and_of_mean_1(project: Project):
    weights = project.warehouse.read("clinic/intensity").set_index("sample_id")["weight"]
    seen = pd.read_csv(project.folder / "train.csv").set_index("key")["measured"]
    assert len(weights) == 600
    assert (weights[~seen] == 0).all()
    assert (weights[seen] > 0).all()
    assert weights.mean() == pytest.approx(1)


def test_learners_when_a_label_was_not_observed_then_trained_on_the_rows_where_it_was(project: Project):
    n_seen = int(pd.read_csv(project.folder / "train.csv")["measured"].sum())
    commit = project.warehouse.latest("clinic/baseline")
    assert commit is not None
    assert commit.summary["n_rows"] == n_seen
    table = project.warehouse.read("clinic/verdict")
    error = table[(table["metric"] == "mean_squared_error") & ~table["versus"].astype(bool)].set_index("model")["value"]
    assert error["reweighted"] < error["baseline"]
    assert error["resampled"] < error["baseline"]


JUDGED = """
type: ballast.Pipeline
attributes:
  name: late
  data:
    train: {path: train.csv, id: key, label: good}
    test: {path: test.csv, id: key, label: good, observed: known}
  steps:
    baseline: {use: logistic_regression}
    judged: {use: classification_metrics, model: baseline}
    verdict: {use: compare_models, models: [baseline]}
"""


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True)])
def test_metrics_when_labels_are_late_then_the_labelled_rows_are_judged_and_their_share_is_told(tmp_path, labels):
    project = Project(tmp_path, yaml.safe_load(JUDGED)["attributes"])
    rng = np.random.default_rng(0)
    for seed, name in enumerate(("train", "test")):
        X = rng.normal(size=(300, 2))
        good = np.array(labels, dtype=object)[(rng.random(300) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(int)]
        table = pd.DataFrame({"key": np.arange(300) + 1000 * seed, "a": X[:, 0], "b": X[:, 1], "good": good})
        if name == "test":
            table["known"] = np.arange(300) % 3 < 2
            table.loc[~table["known"], "good"] = None
        project.write(name, table)
    finished = project.run()
    assert finished.success, finished.messages
    judged = project.warehouse.read("late/judged").set_index(["metric", "slice"])
    assert judged.loc[("labelled_share", "(all)"), "value"] == pytest.approx(2 / 3)
    assert judged.loc[("labelled_share", "(all)"), "n"] == 300
    assert judged.loc[("accuracy", "(all)"), "n"] == 200
    assert {f"predicted {label}" for label in labels} <= set(judged.index.get_level_values("slice"))
    verdict = project.warehouse.read("late/verdict").set_index(["metric", "slice"])
    assert verdict.loc[("accuracy", "(all)"), "value"] == judged.loc[("accuracy", "(all)"), "value"]
    assert verdict.loc[("labelled_share", "(all)"), "value"] == pytest.approx(2 / 3)
