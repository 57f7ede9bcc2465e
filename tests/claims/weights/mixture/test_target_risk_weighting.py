"""A target's few rows and many from elsewhere: digits and turned digits, and two Gaussians where the error is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import rotate
from scipy.stats import norm
from sklearn.datasets import load_digits

from ballast.methods.learners import LogisticRegression
from ballast.methods.weights import TargetRiskWeighting
from ballast.methods.weights.mixture.target_risk_weighting import risk_weights

pytestmark = pytest.mark.claim

SEEDS = 20


def run(seed: int, degrees: float = 22.0) -> dict[str, float]:
    """Gives the error on upright digits of 50 upright ones, with 25 turned ones, with 800, and with those weighed."""
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    X, y = np.asarray(X) / 16, np.asarray(y)
    order = rng.permutation(len(y))
    turned = [rotate(X[i].reshape(8, 8), degrees, reshape=False, order=1).ravel() for i in order[50:850]]
    rows, labels = np.vstack([X[order[:50]], turned]), y[order[:850]]
    groups = np.repeat(["upright", "turned"], [50, 800])

    def error(n: int, weights: np.ndarray | None = None) -> float:
        model = LogisticRegression().fit(rows[:n], labels[:n], sample_weight=weights)
        return float((model.predict(X[order[850:]]) != y[order[850:]]).mean())

    weigher = TargetRiskWeighting(target_group="upright", random_state=seed).fit(rows, labels, groups=groups)
    return {"alone": error(50), "few": error(75), "many": error(850), "weighed": error(850, weigher.weights_)}


def test_error_when_digits_are_turned_then_few_help_many_harm_and_weighed_they_help_most(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    alone, few, many, weighed = (np.array([r[way] for r in runs]) for way in ("alone", "few", "many", "weighed"))
    changes = {"few": few - alone, "many": many - alone, "weighed": weighed - alone}
    claim.record(
        **{"alone": alone, "few": few, "many": many, "weighed": weighed, "below_many": weighed < many},
        **{f"{name}_change": values for name, values in changes.items()},
    )
    assert (alone - few).mean() > 0.005
    assert (many - alone).mean() > 0.005
    for gained in (alone - few, many - alone, alone - weighed):
        assert gained.mean() > 2 * gained.std(ddof=1) / np.sqrt(SEEDS)
    assert (weighed < many)[:10].all()
    assert (weighed < many).mean() > 0.9
    assert (alone - weighed).mean() > 0.015
    assert (few - weighed).mean() > 0


def test_error_when_digits_are_turned_far_then_few_harm_already_and_weighed_many_hardly_matter(claim):
    runs = [run(seed, 40.0) for seed in claim.seeds(10)]
    alone, few, many, weighed = (np.array([r[way] for r in runs]) for way in ("alone", "few", "many", "weighed"))
    claim.record(far_few=few - alone, far_many=many - alone, far_weighed=weighed - alone)
    assert (few - alone).mean() > 0.005
    assert (weighed < many).all()
    assert abs((weighed - alone).mean()) < 0.02


def error_by_formula(weight: float, n: int, m: int, shift: float) -> float:
    """Gives the expected error of the threshold between N(-1, 1) and N(1, 1), others' rows moved by the shift."""
    spread = np.sqrt(1 + (1 - weight) ** 2 / n + weight**2 / m) if m else np.sqrt(1 + 1 / n)
    bias = weight * shift
    return float((norm.cdf((bias - 1) / spread) + 1 - norm.cdf((bias + 1) / spread)) / 2)


def test_error_when_two_gaussians_then_that_of_the_formula_and_least_at_the_best_share(claim):
    rng, n, m, shift = np.random.default_rng(0), 10, 200, 0.4
    signs = np.tile([-1.0, 1.0], (n + m) // 2)
    own = np.arange(n + m) < n
    best = (1 / m + shift**2) / (1 / n + 1 / m + shift**2)
    draws = signs + np.where(own, 0.0, shift) + rng.normal(size=(20_000, n + m))

    def error(weights: np.ndarray) -> float:
        threshold = draws @ weights / weights.sum()
        return float((norm.cdf(threshold - 1) + 1 - norm.cdf(threshold + 1)).mean() / 2)

    alone, weighed, pooled = error(risk_weights(own, 1.0)), error(risk_weights(own, best)), error(np.ones(n + m))
    few = error_by_formula(5 / 15, n, 5, shift)
    claim.record(gaussians_alone=alone, gaussians_few=few, gaussians_pooled=pooled, gaussians_weighed=weighed)
    assert alone == pytest.approx(error_by_formula(0.0, n, m, shift), abs=5e-4)
    assert weighed == pytest.approx(error_by_formula(1 - best, n, m, shift), abs=5e-4)
    assert pooled == pytest.approx(error_by_formula(m / (n + m), n, m, shift), abs=5e-4)
    assert few < alone < pooled
    assert weighed < alone - 0.002
