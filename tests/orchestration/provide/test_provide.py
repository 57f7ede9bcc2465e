"""Every argument of a method has one source, and learners fed by models get honest ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from ballast.errors import SpecError
from ballast.methods.common.logits import SMALLEST_PROBABILITY, logits_of
from ballast.methods.common.out_of_sample import out_of_sample
from ballast.methods.frame.base import Assessor, Learner, Scorer
from ballast.methods.frame.method import OfClassOrObject
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.provide import EVERY
from ballast.orchestration.provide.late import LATE
from ballast.orchestration.provide.predictions import predict
from ballast.warehouse import StoredModel
from tests.orchestration.projects import Project, spec

HERE = __name__
BASELINE = {"use": "logistic_regression"}


class Adapted(Learner):
    """Predicts as the model that it is given does, and keeps the target's mean."""

    def fit(self, X_target, model):
        self.mean_ = X_target.mean(axis=0)
        self.model_ = model
        self.classes_ = model.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


class NoRows(Adapted):
    """Learns from the target's labels alone."""

    def fit(self, X_target, y_target):
        self.model_ = LogisticRegression().fit(X_target, y_target)
        self.classes_ = self.model_.classes_
        return self


class ModelFirst(Adapted):
    """Takes the model before all else, and nothing of the target."""

    def fit(self, model):
        self.model_ = model
        self.classes_ = model.classes_
        return self


class Soup(Learner):
    """Averages the class probabilities of models."""

    def fit(self, models):
        self.models_ = models
        self.classes_ = next(iter(models.values())).classes_
        return self

    def predict_proba(self, X):
        return np.mean([m.predict_proba(X) for m in self.models_.values()], axis=0)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Stacked(Learner):
    """Fits on the rows again what it is given fitted; peeks into the model where it says that it does not refit."""

    def fit(self, X, y, model):
        self.was_fitted_ = hasattr(model, "classes_")
        self.model_ = clone(model).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        p = self.model_.predict_proba(X)
        return p if not self.was_fitted_ else np.full_like(p, 1 / p.shape[1])


class Refitted(Stacked):
    """Fits on the rows again what it is given, and says so."""

    refits_model = True


class OfClassifiers(Assessor):
    """Takes classifiers alone."""

    model_kind = "classifier"

    def assess(self, model, X):
        raise NotImplementedError


class OfNetworks(OfClassifiers):
    """Takes networks alone."""

    model_kind = "network"


class Sometimes(Scorer):
    """Asks for groups only where it is told to."""

    def __init__(self, by_group: bool = False) -> None:
        self.by_group = by_group

    @OfClassOrObject
    def needs(self, entry=None):
        found = super().needs(entry)
        if not isinstance(self, type) and not self.by_group:
            found.pop("groups", None)
        return found

    def fit(self, X, groups=None):
        self.saw_groups_ = groups is not None
        return self

    def score_samples(self, X):
        return np.full(len(X), float(self.saw_groups_))


class Holder(Stacked):
    """Has a learner as its parameter."""

    def __init__(self, learner: Any = None) -> None:
        self.learner = learner

    def fit(self, X, y):
        return super().fit(X, y, self.learner)


def use(cls: type) -> str:
    return f"{HERE}.{cls.__name__}"


def stored(project: Project, step: str) -> Any:
    row = project.warehouse.read(f"demo/{step}").iloc[0]
    return project.resource.model_store().load(StoredModel(**{str(k): str(v) for k, v in row.items()}))


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLAST_TRUSTED_TYPES", ",".join(map(use, (Adapted, ModelFirst, Soup, Refitted))))


def test_sources_when_the_vocabulary_is_read_then_each_has_exactly_one_provider():
    wanted = {term.source for term in VOCABULARY.values()} | {*LATE.values()}
    assert Counter(source.name for source in EVERY) == dict.fromkeys(wanted, 1)


def test_run_when_learners_take_models_and_no_training_rows_then_fitted_and_judged(project: Project):
    steps = {
        "baseline": BASELINE,
        "strong": {"use": "logistic_regression", "params": {"C": 0.01}},
        "adapted": {"use": use(Adapted), "model": "baseline"},
        "same": {"use": use(ModelFirst), "model": "baseline"},
        "soup": {"use": use(Soup), "models": ["baseline", "strong"]},
        "verdict": {"use": "compare_models", "models": ["baseline", "adapted", "same", "soup"]},
    }
    project.attributes = spec(steps=steps)
    finished = project.run()
    assert finished.success, finished.messages
    table = project.warehouse.read("demo/verdict")
    judged = table[(table["metric"] == "accuracy") & (table["versus"] == "")].set_index("model")
    assert judged.loc["adapted", "value"] == judged.loc["same", "value"] == judged.loc["baseline", "value"] > 0.7
    assert (judged["value"] > 0.7).all()
    summaries = {step: project.warehouse.latest(f"demo/{step}").summary for step in ("adapted", "same", "soup")}
    assert summaries["adapted"] == {"n_rows": 120, "n_features": 3, "classes": ["no", "yes"]}
    assert summaries["same"] == summaries["soup"] == {"classes": ["no", "yes"]}
    features = np.stack(project.warehouse.read("demo/target/features")["features"].to_list())
    np.testing.assert_allclose(stored(project, "adapted").mean_, features.mean(axis=0), rtol=1e-5)


def test_plan_when_a_learner_of_a_fitted_model_is_to_predict_its_training_rows_then_refused(project: Project):
    steps = {
        "baseline": BASELINE,
        "stacked": {"use": use(Stacked), "model": "baseline"},
        "weights": {"use": "black_box_shift", "model": "stacked"},
    }
    project.attributes = spec(steps=steps)
    said = r"steps.weights.model: .*'stacked' is fitted with a model that has seen every row, so it has no out-of-sam"
    with pytest.raises(SpecError, match=said):
        _ = project.plan


def test_plan_when_a_learner_of_an_embedding_is_to_predict_its_training_rows_then_refused(project: Project):
    steps = {
        "net": {"use": "torch_mlp"},
        "above": {"use": "logistic_regression", "embed": "net"},
        "weights": {"use": "black_box_shift", "model": "above"},
    }
    project.attributes = spec(steps=steps)
    with pytest.raises(SpecError, match=r"'above' is fitted on the embedding of a network that has seen every row, so"):
        _ = project.plan


def test_plan_when_a_model_of_an_embedding_is_handed_with_features_that_it_never_saw_then_refused(project: Project):
    steps = {
        "net": {"use": "torch_mlp"},
        "above": {"use": "logistic_regression", "embed": "net"},
        "stacked": {"use": use(Stacked), "model": "above"},
    }
    project.attributes = spec(steps=steps)
    said = r"steps.stacked.embed: 'above' was fitted on the embedding of 'net', and .*; set `embed: net` here, too"
    with pytest.raises(SpecError, match=said):
        _ = project.plan
    project.attributes = spec(steps={**steps, "stacked": {**steps["stacked"], "embed": "net"}})
    assert project.plan.nodes["stacked"].upstream == ("train/features", "net", "train", "above")


def test_plan_when_a_learner_of_no_training_rows_is_to_predict_them_then_refused(project: Project):
    steps = {"plain": {"use": use(NoRows)}, "weights": {"use": "black_box_shift", "model": "plain"}}
    project.attributes = spec(data__target__label="kind", data__target__drop=[], steps=steps)
    with pytest.raises(SpecError, match=r"steps.weights.model: .*'plain' is not fitted on the training rows"):
        _ = project.plan


def test_run_when_a_learner_refits_the_model_then_each_fold_gets_it_unfitted(project: Project):
    steps = {
        "baseline": {"use": "sklearn.linear_model.LogisticRegression"},
        "refitted": {"use": use(Refitted), "model": "baseline"},
        "weights": {"use": "black_box_shift", "model": "refitted"},
        "others": {"use": "black_box_shift", "model": "baseline"},
    }
    project.attributes = spec(steps=steps)
    finished = project.run()
    assert finished.success, finished.messages
    assert stored(project, "refitted").was_fitted_
    probs, expected = (
        np.stack(project.warehouse.read(f"demo/{step}/out_of_sample")["probs"].to_list())
        for step in ("refitted", "baseline")
    )
    np.testing.assert_allclose(probs, expected)


def test_plan_when_rows_are_drawn_for_a_learner_that_takes_none_then_refused(project: Project):
    steps = {
        "baseline": BASELINE,
        "drawn": {"use": "random_subset"},
        "adapted": {"use": use(Adapted), "model": "baseline", "rows": "drawn"},
    }
    project.attributes = spec(steps=steps)
    with pytest.raises(SpecError, match=r"steps.adapted.rows: .*Adapted takes no training rows"):
        _ = project.plan


@pytest.mark.parametrize(
    ("cls", "model", "said"),
    [
        (OfClassifiers, "ridge_regression", "needs a classifier, which has predict_proba, and 'given' is not one"),
        (OfNetworks, "logistic_regression", "needs a network, and 'given' is not one; use a torch_mlp step"),
    ],
)
def test_plan_when_a_model_is_of_the_wrong_kind_then_refused(project: Project, cls, model, said):
    project.attributes = spec(steps={"given": {"use": model}, "judged": {"use": use(cls), "model": "given"}})
    with pytest.raises(SpecError, match=rf"steps.judged.model: {use(cls)} {said}"):
        _ = project.plan


@pytest.mark.parametrize(("cls", "model"), [(OfClassifiers, "logistic_regression"), (OfNetworks, "torch_mlp")])
def test_plan_when_a_model_is_of_the_kind_that_is_needed_then_wired(project: Project, cls, model):
    project.attributes = spec(steps={"given": {"use": model}, "judged": {"use": use(cls), "model": "given"}})
    assert "given" in project.plan.nodes["judged"].upstream


def four_classes() -> tuple[np.ndarray, np.ndarray]:
    X, y, *_ = make_blobs(200, 3, centers=4, random_state=0)
    return X.astype(np.float32), y


@pytest.mark.parametrize(
    ("model", "votes"),
    [
        (SVC(probability=True, decision_function_shape="ovo", random_state=0), (200, 6)),
        (SVC(probability=True, decision_function_shape="ovr", random_state=0), (200, 4)),
    ],
    ids=["one against one", "one against the rest"],
)
def test_logits_when_decisions_are_of_any_shape_then_a_column_a_class_for_training_and_target_rows(model, votes):
    X, y = four_classes()
    fitted = clone(model).fit(X, y)
    assert fitted.decision_function(X).shape == votes
    target, train = predict(fitted, X, "logits"), out_of_sample(model, X, y)["logits"]
    assert target.shape == train.shape == (200, 4)
    decisions = fitted.decision_function(X) if votes == (200, 4) else np.log(fitted.predict_proba(X))
    np.testing.assert_allclose(target, decisions)


def test_logits_when_a_class_was_not_seen_then_the_smallest_probability_stands_for_it():
    X, y = four_classes()
    fitted = LogisticRegression().fit(X[y != 2], y[y != 2])
    probs = np.insert(fitted.predict_proba(X), 2, 0, axis=1)
    logits = logits_of(fitted, X, np.arange(4), probs)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax, probs, atol=1e-6)
    np.testing.assert_allclose(softmax[:, 2], SMALLEST_PROBABILITY, rtol=1e-6)


def test_plan_when_an_object_asks_for_less_than_its_class_then_only_that_is_bound(project: Project):
    assert Sometimes.needs() == {"X": True, "groups": False} == Sometimes(by_group=True).needs()
    steps = {
        "plain": {"use": use(Sometimes)},
        "grouped": {"use": use(Sometimes), "params": {"by_group": True}},
    }
    project.attributes = spec(data__train__groups="colour", steps=steps)
    plan = project.plan
    assert [b.term for b in plan.nodes["plain"].bindings] == ["X", "X"]
    assert [b.term for b in plan.nodes["grouped"].bindings] == ["X", "groups", "X"]
    assert "train" not in plan.nodes["plain"].upstream


def test_plan_when_a_nested_method_draws_then_it_gets_the_pipelines_seed(project: Project):
    nested = {
        "given": {"use": "torch_mlp", "params": {"random_state": 3}},
        "seeded": {"use": "torch_mlp"},
        "listed": [{"use": "sklearn.ensemble.RandomForestClassifier"}],
    }
    steps = {name: {"use": use(Holder), "params": {"learner": value}} for name, value in nested.items()}
    project.attributes = spec(seed=7, steps=steps)
    plan = project.plan
    assert plan.method_of("given").learner.random_state == 3
    assert plan.method_of("seeded").learner.random_state == 7
    assert plan.method_of("listed").learner[0].random_state == 7


def test_run_when_the_features_are_drawn_then_by_the_pipelines_seed(project: Project):
    features = {"use": "sklearn.random_projection.GaussianRandomProjection", "params": {"n_components": 2}}
    project.attributes = spec(seed=7, data__train__drop=["colour"], features=features, steps={"baseline": BASELINE})
    assert project.run().success
    assert stored(project, "encoder").transformer_.random_state == 7
