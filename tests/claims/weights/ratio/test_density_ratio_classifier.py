"""Weights from a classifier's odds: the misspecified model that they correct, and the direction of the odds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression

from ballast.methods.weights import DensityRatioClassifier
from tests.claims.worlds.gaussian_shifts import moved, squared_error

pytestmark = pytest.mark.claim


def errors(seed: int, classifier=None) -> dict[str, float]:
    """Gives the field error of a linear model of a quadratic truth, by the weights it was fitted with."""
    rng = np.random.default_rng(seed)
    step = np.array([1.2, 0, 0, 0, 0])
    X, X_target, X_test = (rng.standard_normal((n, 5)) + s for n, s in ((1000, 0), (1000, step), (4000, step)))

    def truth(X: np.ndarray) -> np.ndarray:
        return X[:, 0] ** 2 + X[:, 1]

    y = truth(X) + 0.3 * rng.standard_normal(1000)
    weights = DensityRatioClassifier(classifier).fit(X, X_target).weights_
    candidates = {"plain": None, "weighted": weights, "inverse": 1 / weights, "true": np.exp(X @ step)}
    return {
        name: float(np.mean((LinearRegression().fit(X, y, sample_weight=w).predict(X_test) - truth(X_test)) ** 2))
        for name, w in candidates.items()
    }


def test_weighted_learner_when_the_model_is_misspecified_then_beats_the_unweighted_on_every_seed(claim):
    found = [errors(seed) for seed in claim.seeds(15)]
    assert all(e["weighted"] < 0.5 * e["plain"] for e in found)
    claim.record(**{name: [e[name] for e in found] for name in found[0]})
    assert np.mean([e["weighted"] for e in found]) < 1.25 * np.mean([e["true"] for e in found])


def test_weighted_learner_when_the_odds_are_inverted_then_worse_than_unweighted(claim):
    found = [errors(seed) for seed in claim.seeds(15)]
    assert all(e["inverse"] > e["plain"] for e in found)
    claim.record(inverse=[e["inverse"] for e in found])


def test_weighted_learner_when_the_classifier_is_boosted_trees_then_still_beats_the_unweighted(claim):
    trees = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=7, random_state=0)
    found = [errors(seed, trees) for seed in claim.seeds(5)]
    assert all(e["weighted"] < 0.7 * e["plain"] for e in found)
    claim.record(by_trees=[e["weighted"] for e in found])


@pytest.mark.parametrize("d", [1, 10])
def test_ratio_when_its_logarithm_is_linear_then_a_fraction_of_the_error_of_uniform_weights(d, claim):
    draws = [moved(d, seed) for seed in claim.seeds(15)]
    error = [squared_error(DensityRatioClassifier().fit(X, X_target).weights_, ratio) for X, X_target, ratio in draws]
    claim.record(**{f"ratio_{d}": error})
    assert max(error) < 0.7


def test_ratio_when_the_classifier_is_boosted_trees_then_nearer_once_its_odds_are_calibrated(claim):
    def error(calibration: str, seed: int) -> float:
        X, X_target, ratio = moved(2, seed, 2000)
        weigher = DensityRatioClassifier(HistGradientBoostingClassifier(random_state=0), calibration=calibration)
        return squared_error(weigher.fit(X, X_target).weights_, ratio)

    raw, sigmoid, isotonic = (
        np.array([error(calibration, seed) for seed in claim.seeds(4, quick=1)])
        for calibration in ("none", "sigmoid", "isotonic")
    )
    claim.record(trees=raw, trees_sigmoid=sigmoid, trees_isotonic=isotonic)
    assert (sigmoid < raw).all()
    assert isotonic.mean() < raw.mean()
