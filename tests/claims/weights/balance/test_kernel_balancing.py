"""Ratings missing not at random: kernels of users and items against propensities and moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import Ridge

from ballast.methods.weights import (
    DensityRatioClassifier,
    EntropyBalancing,
    IntegralProbabilityBalancing,
    KernelBalancing,
)

pytestmark = pytest.mark.claim

USERS, ITEMS, OBSERVED = 120, 60, 0.15


def run(seed: int) -> dict[str, tuple[float, float]]:
    """Gives the error of the predicted ratings of all pairs, and of the mean rating, of each way to weigh."""
    rng = np.random.default_rng(seed)
    user, item = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    X = np.hstack([rng.normal(size=(USERS, 2))[user], rng.normal(size=(ITEMS, 2))[item]])
    squared = ((X[:, :2] - X[:, 2:]) ** 2).sum(axis=1)
    level = brentq(lambda a: expit(a - 1.2 * squared).mean() - OBSERVED, -10, 20)
    seen = rng.random(len(X)) < expit(level - 1.2 * squared)
    rating = 3 - 0.5 * np.sqrt(squared) - 0.15 * squared + 0.3 * X[:, 0] + 0.5 * rng.normal(size=len(X))
    pairs = np.hstack([X, np.repeat(X[:, :2], 2, axis=1) * np.tile(X[:, 2:], 2)])

    def errors(weights: np.ndarray) -> tuple[float, float]:
        predicted = Ridge().fit(pairs[seen], rating[seen], sample_weight=weights).predict(pairs)
        mean = np.average(rating[seen], weights=weights) - rating.mean()
        return float(np.sqrt(np.mean((predicted - rating) ** 2))), abs(float(mean))

    weighers = {
        "propensity": DensityRatioClassifier(),
        "moments": EntropyBalancing(),
        "kernels": KernelBalancing(),
        "three kernels": KernelBalancing(n_anchors=3),
        "metric": IntegralProbabilityBalancing(),
    }
    found = {name: errors(weigher.fit(X[seen], X).weights_) for name, weigher in weighers.items()}
    return {**found, "none": errors(np.ones(seen.sum()))}


def test_ratings_when_selected_by_distance_then_kernels_find_them_and_moments_do_not(claim):
    runs = [run(seed) for seed in claim.seeds(12)]
    claim.record(
        **{f"{name}, ratings": [r[name][0] for r in runs] for name in runs[0]},
        **{f"{name}, mean": [r[name][1] for r in runs] for name in runs[0]},
    )

    def error(name: str) -> np.ndarray:
        return np.array([r[name] for r in runs])

    for other in ("none", "propensity", "moments", "three kernels"):
        gained = error(other) - error("kernels")
        assert (gained > 0).all(), other
        assert gained[:, 0].mean() > 0.15, other
        assert gained[:, 1].mean() > 0.5, other
    assert error("metric")[:, 0].mean() < error("none")[:, 0].mean() - 0.15
