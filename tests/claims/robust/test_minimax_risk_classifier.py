"""The minimax-risk classifier where samples hardly overlap: double weights, single ones, and logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ballast.methods.learners import LogisticRegression
from ballast.methods.robust import MinimaxRiskClassifier
from ballast.methods.weights import DoubleWeighting

pytestmark = pytest.mark.claim

ROWS, SEEDS = 200, 24


def run(seed: int) -> dict[str, float]:
    """Gives the error on the target of each model, and the effective share of the rows."""
    rng = np.random.default_rng(seed)

    def target(n: int) -> np.ndarray:
        return rng.normal(size=(n, 2)) * [0.8, 1.0] + [1.2, 0.0]

    X, X_target, X_test = rng.normal(size=(ROWS, 2)) - [1.0, 0.0], target(ROWS), target(2000)
    y, y_test = (rng.random(len(Z)) < expit(3 * (Z[:, 1] - np.sin(1.2 * Z[:, 0]))) for Z in (X, X_test))

    def error(model: LogisticRegression | MinimaxRiskClassifier) -> float:
        return 1 - float(model.score(X_test, y_test))

    found = {"unweighted": error(LogisticRegression().fit(X, y))}
    for name, leniency in (("double", 25.0), ("single", 1.0)):
        weights = DoubleWeighting(leniency).fit(X, X_target).weights_
        found[f"logistic, {name}"] = error(LogisticRegression().fit(X, y, weights))
        for tolerance in (0.0, 1.0):
            model = MinimaxRiskClassifier(leniency, tolerance).fit(X, y, X_target, weights)
            found[f"{tolerance}, {name}"] = error(model)
        found[f"share, {name}"] = model.effective_sample_size_ / ROWS
    return found


def test_error_when_overlap_is_little_then_less_with_double_weights_but_no_less_than_of_logistic_regression(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    found = {name: np.array([r[name] for r in runs]) for name in runs[0]}
    assert (found["share, double"] > 2 * found["share, single"]).all()
    claim.record(**found)
    gained = found["0.0, single"] - found["0.0, double"]
    assert gained.mean() > 0.02
    assert gained.mean() > 2 * gained.std(ddof=1) / np.sqrt(SEEDS)
    assert found["1.0, single"].mean() > found["1.0, double"].mean() + 0.005
    for tolerance in ("0.0", "1.0"):
        assert found[f"{tolerance}, double"].mean() < found["unweighted"].mean() - 0.05
        assert found[f"{tolerance}, double"].mean() > found["logistic, double"].mean() - 0.005, "the paper has more"
