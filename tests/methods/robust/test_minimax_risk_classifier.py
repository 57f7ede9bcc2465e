"""The minimax-risk classifier: its formula, what its optimum promises, weights that are given, and no overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from ballast.errors import OverlapError
from ballast.methods.robust import MinimaxRiskClassifier
from ballast.methods.robust.minimax_risk_classifier import RIDGE
from ballast.methods.weights import DoubleWeighting


def draw(seed: int = 0, n: int = 300, m: int = 250, shift: float = 0.7) -> tuple[np.ndarray, ...]:
    """Gives X, y, X_target and its labels; three classes, the first column moved."""
    rng = np.random.default_rng(seed)

    def labelled(rows: np.ndarray) -> np.ndarray:
        score = np.column_stack([np.zeros(len(rows)), rows[:, 0] + rows[:, 1], 2 * rows[:, 1] - rows[:, 0]])
        return np.array(["a", "b", "c"])[(score + rng.gumbel(size=score.shape)).argmax(axis=1)]

    X, X_target = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + np.array([shift, 0.0])
    return X, labelled(X), X_target, labelled(X_target)


def features(model: MinimaxRiskClassifier, X: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(X)), (X - model.center_) / model.scale_])


def coefficients(model: MinimaxRiskClassifier) -> np.ndarray:
    return np.column_stack([model.intercept_, model.coef_])


def test_coefficients_when_the_target_is_the_training_rows_and_nothing_is_tolerated_then_logistic_regression():
    X, y, _, _ = draw()
    model = MinimaxRiskClassifier(leniency=1.0, tolerance=0.0).fit(X, y, X, np.ones(len(X)))
    likeliest = LogisticRegression(C=1 / (RIDGE * len(X)), fit_intercept=False, tol=1e-8, max_iter=1000)
    likeliest.fit(features(model, X), y)
    np.testing.assert_allclose(coefficients(model), likeliest.coef_, atol=2e-3)
    np.testing.assert_allclose(model.target_weights_, 1.0)


@pytest.mark.parametrize("tolerance", [0.5, 1.0, 3.0])
def test_rule_when_fitted_then_its_means_on_the_weighted_target_are_within_the_tolerances(tolerance: float):
    X, y, X_target, _ = draw()
    model = MinimaxRiskClassifier(tolerance=tolerance).fit(X, y, X_target)
    rows, target, a = features(model, X), features(model, X_target), model.target_weights_
    own = softmax(a[:, None] * (target @ coefficients(model).T), axis=1) * a[:, None]
    for k, label in enumerate(model.classes_):
        weighted = (model.weights_ * (y == label))[:, None] * rows
        within = tolerance * weighted.std(axis=0) / np.sqrt(len(X))
        apart = np.abs(weighted.mean(axis=0) - own[:, [k]].T @ target / len(target)).ravel()
        assert (apart <= within + RIDGE * np.abs(coefficients(model)).max() + 1e-5).all()


def test_minimax_risk_when_labels_come_from_the_same_rule_then_the_loss_on_the_target_is_no_greater():
    risks, losses = [], []
    for seed in range(10):
        X, y, X_target, y_target = draw(seed)
        model = MinimaxRiskClassifier(tolerance=2.0).fit(X, y, X_target)
        logs = log_softmax(model.target_weights_[:, None] * model.decision_function(X_target), axis=1)
        losses.append(-logs[np.arange(len(X_target)), np.searchsorted(model.classes_, y_target)].mean())
        risks.append(model.minimax_risk_)
    assert (np.array(losses) < np.array(risks)).all()
    assert np.mean(risks) < np.log(3)


def test_tolerance_when_all_is_tolerated_then_every_class_is_as_probable():
    X, y, X_target, _ = draw()
    model = MinimaxRiskClassifier(tolerance=1000.0).fit(X, y, X_target)
    np.testing.assert_array_equal(coefficients(model), 0.0)
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)
    assert model.minimax_risk_ == pytest.approx(np.log(3))


@pytest.mark.parametrize("leniency", [1.0, 4.0, 25.0])
def test_weights_when_given_by_the_weigher_then_the_target_is_weighed_to_match_and_predictions_agree(leniency: float):
    X, y, X_target, _ = draw()
    given = DoubleWeighting(leniency).fit(X, X_target)
    own = MinimaxRiskClassifier(leniency).fit(X, y, X_target)
    np.testing.assert_array_equal(own.target_weights_, given.target_weights_)
    np.testing.assert_allclose(own.weights_, given.weights_ * given.scale_)
    model = MinimaxRiskClassifier(leniency).fit(X, y, X_target, 7 * given.weights_)
    below = 1 - model.target_weights_
    assert np.linalg.norm(below) <= (1 - 1 / np.sqrt(leniency)) * np.sqrt(len(below)) + 1e-9
    np.testing.assert_allclose(model.weights_ / model.weights_.mean(), given.weights_, rtol=1e-9)
    assert model.weights_.mean() / model.target_weights_.mean() == pytest.approx(1.0, abs=0.05)
    assert np.mean(model.predict(X_target) == own.predict(X_target)) > 0.97


def test_weights_when_of_another_weigher_then_the_target_is_brought_to_them():
    X, y, X_target, _ = draw()
    left = (X[:, 0] < 0.5).astype(float)
    model = MinimaxRiskClassifier().fit(X, y, X_target, left)
    a, beyond = model.target_weights_, X_target[:, 0] > 1.0
    assert a[beyond].mean() < a[~beyond].mean() / 2
    assert model.effective_sample_size_ == pytest.approx(left.sum())


def test_labels_when_two_then_probabilities_follow_the_rule():
    rng = np.random.default_rng(0)
    X, X_target = rng.normal(size=(2000, 1)), rng.normal(size=(500, 1)) + 0.5
    y = rng.random(2000) < expit(2 * X[:, 0])
    model = MinimaxRiskClassifier(leniency=1.0, tolerance=0.0).fit(X, y, X_target)
    near = X_target[np.abs(X_target[:, 0]) < 1]
    np.testing.assert_allclose(model.predict_proba(near)[:, 1], expit(2 * near[:, 0]), atol=0.1)
    np.testing.assert_allclose(softmax(model.decision_function(near), axis=1), model.predict_proba(near))


@pytest.mark.parametrize("given", [False, True])
def test_target_when_beyond_the_training_rows_then_refused(given: bool):
    X, y, X_target, _ = draw()
    weights = np.ones(len(X)) if given else None
    with pytest.raises(
        OverlapError, match="minimax_risk_classifier: the target's 250 rows lie beyond the 300 training"
    ):
        MinimaxRiskClassifier().fit(X, y, X_target + 20, weights)
