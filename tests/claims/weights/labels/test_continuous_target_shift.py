"""ReTaSA under a shift of the outcome: its weights, and regressions that take them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from ballast.methods.weights import ContinuousTargetShift, KernelMeanMatching

pytestmark = pytest.mark.claim


def curved(seed: int, n: int = 500) -> dict[str, float]:
    """Gives squared errors of the weights and of ridge regressions, by the weights that these take."""
    rng = np.random.default_rng(seed)
    y, y_target = 4 * rng.beta(2, 5, n) - 1, 4 * rng.beta(4, 3, n) - 1
    X, X_target = ((v + 1.5 * np.tanh(v) + 0.6 * rng.normal(size=n))[:, None] for v in (y, y_target))
    ratio = beta.pdf((y + 1) / 4, 4, 3) / beta.pdf((y + 1) / 4, 2, 5)
    ratio /= ratio.mean()

    def error(weights: np.ndarray | None) -> float:
        model = Ridge(1e-3).fit(X, y, sample_weight=weights)
        return float(np.mean((model.predict(X_target) - y_target) ** 2))

    found = ContinuousTargetShift().fit(X, y, X_target=X_target).weights_
    return {
        "weights": float(np.mean((found - ratio) ** 2)),
        "uniform": float(np.var(ratio)),
        "found": error(found),
        "none": error(None),
        "true": error(ratio),
        "covariates": error(KernelMeanMatching().fit(X, X_target).weights_),
    }


def test_regression_when_the_outcome_shifts_then_as_good_as_with_the_true_weights(claim):
    runs = [curved(seed) for seed in claim.seeds(12)]
    error = {name: np.array([r[name] for r in runs]) for name in runs[0]}
    claim.record(**error)
    assert error["weights"].mean() < 0.5 * error["uniform"].mean()
    assert (error["found"] < 0.8 * error["none"]).all()
    assert error["found"].mean() < 1.1 * error["true"].mean()
    assert error["found"].mean() < 0.8 * error["covariates"].mean()


def test_regression_when_diabetes_is_tilted_by_its_outcome_then_better_on_every_seed(claim):
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    found = []
    for seed in claim.seeds(20):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(y))
        source, rest = order[:221], order[221:]
        tilt = np.exp(1.2 * y[rest])
        target = rng.choice(rest, 221, p=tilt / tilt.sum())
        weights = ContinuousTargetShift().fit(X[source], y[source], X_target=X[target]).weights_
        errors = [
            np.mean((Ridge(0.1).fit(X[source], y[source], sample_weight=w).predict(X[target]) - y[target]) ** 2)
            for w in (None, weights, np.exp(1.2 * y[source]))
        ]
        found.append(errors)
    plain, weighed, true = np.transpose(found)
    assert (weighed < plain).all()
    claim.record(diabetes=weighed, diabetes_none=plain, diabetes_true=true)
    assert np.mean(plain - weighed) > 0.25
