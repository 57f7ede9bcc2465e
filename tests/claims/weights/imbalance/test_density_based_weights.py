"""Density-based weights with boosted trees: what the tails gain, and what all rows pay."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from ballast.methods.weights import DensityBasedWeights

pytestmark = pytest.mark.claim

SEEDS = 10


def run(seed: int) -> dict[str, np.ndarray]:
    """Gives the change of the mean absolute error on rare values, and on all, by form."""
    rng = np.random.default_rng(seed)
    X, direction = rng.normal(size=(3000, 8)), rng.normal(size=8)
    y = np.log1p(np.exp(0.9 * (X @ direction) / np.linalg.norm(direction) + 0.4 * X[:, 0] * X[:, 1]))
    y = y + 0.25 * rng.normal(size=3000)
    train, test = slice(0, 1500), slice(1500, None)
    rare = y[test] > np.quantile(y, 0.97)

    def errors(weights: np.ndarray | None) -> np.ndarray:
        model = HistGradientBoostingRegressor(random_state=0).fit(X[train], y[train], sample_weight=weights)
        missed = np.abs(model.predict(X[test]) - y[test])
        return np.array([missed[rare].mean(), missed.mean()])

    plain = errors(None)
    forms = {"inverse": DensityBasedWeights(), "involution": DensityBasedWeights("involution", alpha=1.0)}
    return {name: errors(weigher.fit(y[train]).weights_) - plain for name, weigher in forms.items()}


def test_error_when_weighed_then_lower_on_rare_values_and_a_little_higher_on_all(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    inverse, involution = (np.array([r[name] for r in runs]) for name in ("inverse", "involution"))
    claim.record(rare=inverse[:, 0], all=inverse[:, 1], rare_involution=involution[:, 0])
    assert inverse[:, 0].mean() < -0.02
    assert (inverse[:, 0] < 0).sum() >= 8
    assert 0 < inverse[:, 1].mean() < 0.02
    assert involution[:, 0].mean() > inverse[:, 0].mean() + 0.01, "the paper's curve now gains more: tell the card"
