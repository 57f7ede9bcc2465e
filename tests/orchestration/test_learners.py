"""Learners that learn from something else than a label, or from the target too, in a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from ballast.errors import SpecError
from ballast.methods.frame.base import Learner
from ballast.warehouse import ModelStore, StoredModel
from tests.orchestration.projects import Project, spec

TRIAL = {
    "name": "trial",
    "data": {"train": {"path": "train.csv", "id": "key", "treatment": "arm", "treated": "a", "outcome": "cost"}},
    "steps": {
        "propensity": {"use": "inverse_propensity"},
        "effects": {"use": "r_learner", "params": {"outcome_model": {"use": "sklearn.linear_model.Ridge"}}},
        "weighted": {"use": "r_learner", "weights": "propensity", "params": {"pseudo_outcome": "doubly_robust"}},
    },
}


class Plain(Learner):
    """Predicts the mean outcome."""

    def fit(self, X, outcome):
        self.mean_ = outcome.mean()
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def trial(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    effect = 1 + x[:, 1]
    cost = x[:, 0] + effect * treated + 0.3 * rng.normal(size=n)
    frame = pd.DataFrame({"key": np.arange(n), "a": x[:, 0], "b": x[:, 1]})
    return frame.assign(arm=np.where(treated, "a", "control"), cost=cost), effect


def stored(project: Project, step: str):
    row = project.warehouse.read(step).iloc[0]
    model = StoredModel(**{str(name): str(value) for name, value in row.items()})
    return ModelStore(project.folder / "home" / "models").load(model)


def test_run_when_a_learner_needs_no_label_then_fitted_stored_and_reported(tmp_path: Path):
    project = Project(tmp_path, TRIAL)
    frame, effect = trial()
    project.write("train", frame)
    assert project.run().success
    X = np.stack(project.warehouse.read("trial/train/features")["features"].to_list()).astype(np.float32)
    assert X.shape == (400, 2), "neither treatment nor outcome is a feature"
    for step in ("effects", "weighted"):
        model = stored(project, f"trial/{step}")
        assert np.corrcoef(model.predict(X), effect)[0, 1] > 0.9
        assert model.arms_.tolist() == ["control", "a"]


def test_out_of_sample_when_a_learner_needs_no_label_then_cross_fitted_in_the_order_of_the_rows(tmp_path: Path):
    attributes = {**TRIAL, "data": {"train": {**TRIAL["data"]["train"], "label": "cost"}}}
    steps = {**TRIAL["steps"], "judged": {"use": "regression_metrics", "model": "effects", "on": "train"}}
    project = Project(tmp_path, {**attributes, "steps": steps})
    frame, effect = trial()
    project.write("train", frame)
    assert project.run().success
    found = project.warehouse.read("trial/effects/out_of_sample").set_index("sample_id")
    assert np.corrcoef(found.loc[frame["key"], "prediction"], effect)[0, 1] > 0.9


def test_run_when_a_learner_takes_the_target_too_then_fitted_cross_fitted_and_judged(tmp_path: Path):
    steps = {
        "weighed": {"use": "double_weighting"},
        "cautious": {"use": "minimax_risk_classifier", "weights": "weighed"},
        "alone": {"use": "minimax_risk_classifier"},
        "baseline": {"use": "logistic_regression", "weights": "weighed"},
        "estimate": {"use": "average_thresholded_confidence", "model": "cautious"},
        "verdict": {"use": "compare_models", "models": ["baseline", "cautious", "alone"]},
    }
    project = Project(tmp_path, spec(steps=steps))
    assert project.run().success
    judged = project.warehouse.read("demo/verdict").query("metric == 'accuracy' and versus == ''").set_index("model")
    assert set(judged.index) == {"baseline", "cautious", "alone"}
    assert (judged["value"] > 0.7).all(), judged
    model = stored(project, "demo/cautious")
    assert model.target_weights_.shape == (120,)
    weights = project.warehouse.read("demo/weighed")["weight"].to_numpy()
    np.testing.assert_allclose(model.weights_ / model.weights_.mean(), weights, rtol=1e-5)
    assert len(project.warehouse.read("demo/cautious/out_of_sample")) == 200


def test_spec_when_a_learner_takes_the_target_and_there_is_none_then_refused(tmp_path: Path):
    without = spec(data__target=None, data__test=None, steps={"cautious": {"use": "minimax_risk_classifier"}})
    with pytest.raises(SpecError, match=r"minimax_risk_classifier needs 'X_target': the pipeline has no data role"):
        _ = Project(tmp_path, without).plan


def test_spec_when_weights_are_given_to_a_learner_that_takes_none_then_refused(tmp_path: Path):
    steps = {
        "propensity": {"use": "inverse_propensity"},
        "plain": {"use": f"{__name__}.{Plain.__name__}", "weights": "propensity"},
    }
    with pytest.raises(SpecError, match=r"steps.plain.weights: .*Plain takes no weights; give it rows"):
        _ = Project(tmp_path, {**TRIAL, "steps": steps}).plan


def test_spec_when_it_says_what_is_treated_of_no_treatment_then_refused(tmp_path: Path):
    without = {**TRIAL, "data": {"train": {"path": "train.csv", "id": "key", "treated": "a"}}}
    with pytest.raises(ValidationError, match=r"(?s)data\.train\.treated.*declare that with `treatment:`"):
        _ = Project(tmp_path, without).plan


def test_run_when_another_arm_is_treated_then_what_has_arms_is_made_anew(tmp_path: Path):
    def run(role: dict[str, str], step: dict[str, str]) -> tuple[frozenset[str], list[list[str]]]:
        learner = {"use": "r_learner", "params": {**TRIAL["steps"]["effects"]["params"], **step}}
        data = {"train": {**TRIAL["data"]["train"], **role}}
        project = Project(tmp_path, {**TRIAL, "data": data, "steps": {**TRIAL["steps"], "effects": learner}})
        project.write("train", trial()[0])
        done = project.run()
        assert done.success
        return done.reused, [stored(project, f"trial/{s}").arms_.tolist() for s in ("effects", "weighted")]

    assert run({}, {})[1] == [["control", "a"], ["control", "a"]]
    assert run({}, {"treated": "control"})[1] == [["a", "control"], ["control", "a"]]
    reused, arms = run({"treated": "control"}, {})
    assert arms == [["a", "control"], ["a", "control"]]
    assert "train/features" in reused
    assert not {"propensity", "effects", "weighted"} & reused


def test_spec_when_a_learner_lacks_what_it_learns_from_then_refused(tmp_path: Path):
    without = {**TRIAL, "data": {"train": {"path": "train.csv", "id": "key", "treatment": "arm"}}}
    with pytest.raises(SpecError, match=r"data.train: r_learner needs 'outcome': declare the column with `outcome:`"):
        _ = Project(tmp_path, without).plan


def test_label_that_is_a_fraction_when_the_learner_is_a_classifier_then_refused_at_the_step(tmp_path: Path):
    project = Project(tmp_path, spec(steps={"baseline": {"use": "logistic_regression"}}))
    for role in ("train", "test"):
        frame = pd.read_csv(tmp_path / f"{role}.csv")
        project.write(role, frame.assign(kind=frame["height"].round(2)))
    refused = project.run()
    assert "logistic_regression is a classifier, but" in refused.messages["baseline"]
    assert "use a regressor" in refused.messages["baseline"]


@pytest.mark.parametrize("whole", ["Int64", "int64", "float64"])
def test_labels_when_stored_as_whole_numbers_of_any_type_then_learned_as_classes(tmp_path: Path, whole: str):
    project = Project(tmp_path, spec(steps={"baseline": {"use": "sklearn.linear_model.LogisticRegression"}}))
    for role in ("train", "test"):
        frame = pd.read_csv(tmp_path / f"{role}.csv")
        frame.assign(kind=(frame["kind"] == "yes").astype(whole)).to_parquet(tmp_path / f"{role}.parquet")
        project.attributes["data"][role]["path"] = f"{role}.parquet"
    assert project.run("train", "test", "encoder", "baseline").success
    assert stored(project, "demo/baseline").classes_.tolist() == [0, 1]
