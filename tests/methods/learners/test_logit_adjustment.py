"""Logit adjustment: Bayes' rule for other shares, weights, and whatever classifier is inside."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ballast.errors import DataError, ParameterError
from ballast.methods.learners import LogisticRegression, LogitAdjustment, TorchMLP
from ballast.methods.weights import InverseClassFrequency
from ballast.warehouse.models.store import ModelStore


def two_normals(n: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gives n rows, a share of them of N(1, 1), the others of N(-1, 1)."""
    y = np.arange(n) < share * n
    X = np.random.default_rng(seed).normal(np.where(y, 1.0, -1.0))[:, None]
    return X, np.where(y, "up", "down")


def posterior(x: np.ndarray, share: float) -> np.ndarray:
    up, down = share * norm.pdf(x, 1), (1 - share) * norm.pdf(x, -1)
    return up / (up + down)


@pytest.mark.parametrize(("prior", "share"), [(None, 0.5), ({"up": 0.2, "down": 0.8}, 0.2)], ids=["balanced", "given"])
def test_probabilities_when_the_model_is_right_then_those_of_bayes_rule_for_the_shares(prior, share):
    X, y = two_normals(40_000, 0.05)
    found = LogitAdjustment(prior=prior).fit(X, y)
    grid = np.linspace(-3, 3, 25)[:, None]
    np.testing.assert_allclose(found.predict_proba(grid)[:, 1], posterior(grid[:, 0], share), atol=0.03)
    plain = LogisticRegression().fit(X, y).predict_proba(grid)[:, 1]
    np.testing.assert_allclose(plain, posterior(grid[:, 0], 0.05), atol=0.03)


def test_log_odds_when_shifted_then_by_tau_times_those_of_the_shares():
    X, y = two_normals(500, 0.1)
    plain = LogisticRegression().fit(X, y)
    for tau in (0.0, 0.5, 2.0):
        scores = LogitAdjustment(tau=tau).fit(X, y).decision_function(X)
        odds = np.diff(np.log(plain.predict_proba(X)))[:, 0]
        np.testing.assert_allclose(np.diff(scores)[:, 0], odds + tau * np.log(0.9 / 0.1))
    assert (LogitAdjustment(tau=0).fit(X, y).predict(X) == plain.predict(X)).all()


def test_weights_when_they_balance_the_classes_then_nothing_is_left_to_adjust():
    X, y = two_normals(400, 0.1)
    weights = InverseClassFrequency().fit(y).weights_
    adjusted = LogitAdjustment().fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(adjusted.shares_, 0.5)
    plain = LogisticRegression().fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(adjusted.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize(
    "classifier",
    ["logistic_regression", "sklearn.naive_bayes.GaussianNB", TorchMLP(max_epochs=3), RandomForestClassifier(9)],
    ids=["name", "path", "network", "forest"],
)
def test_classifier_when_named_or_given_then_shifted_stored_and_copied(classifier, tmp_path):
    X, y = two_normals(300, 0.1)
    model = LogitAdjustment(classifier).fit(X, y)
    rare = [np.mean(m.predict(X) == "up") for m in (model.model_, model)]
    assert rare[1] > rare[0]
    store = ModelStore(tmp_path)
    for same in (store.load(store.save("demo/adjusted", 1, model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))


def test_probabilities_when_zero_for_a_class_then_finite():
    X, y = two_normals(200, 0.1)
    model = LogitAdjustment(RandomForestClassifier(2, random_state=0), tau=3.0).fit(X, y)
    assert (model.model_.predict_proba(X) == 0).any()
    assert np.isfinite(model.decision_function(X)).all()


def test_classifier_when_it_takes_no_weights_or_gives_no_probabilities_then_refused():
    X, y = two_normals(50, 0.2)
    with pytest.raises(ParameterError, match="KNeighborsClassifier takes no sample_weight"):
        LogitAdjustment(KNeighborsClassifier()).fit(X, y, sample_weight=np.ones(50))
    with pytest.raises(ParameterError, match="logit_adjustment: parameter 'classifier' must be a scikit-learn"):
        LogitAdjustment("sklearn.svm.LinearSVC").fit(X, y)


@pytest.mark.parametrize("prior", [{"up": 1.0}, {"up": 0.5, "side": 0.5}, {"up": 0.5, "down": 0.6}])
def test_prior_when_not_a_share_for_each_class_then_refused_with_the_classes(prior):
    with pytest.raises(ParameterError, match=r"logit_adjustment: parameter 'prior' must"):
        LogitAdjustment(prior=prior).fit(*two_normals(50, 0.2))


def test_classifier_when_it_weighs_the_classes_itself_then_refused():
    with pytest.raises(ParameterError, match=r"weighs the classes itself \(class_weight='balanced'\)"):
        LogitAdjustment(SklearnLogisticRegression(class_weight="balanced")).fit(*two_normals(50, 0.2))


def test_class_when_without_weight_then_refused_by_name():
    X, y = two_normals(50, 0.2)
    with pytest.raises(DataError, match=r"the 10 rows of class up of y weigh 0"):
        LogitAdjustment().fit(X, y, sample_weight=(y == "down").astype(float))
