"""Domains weighed by a temperature: the variance of a gradient beside that of rows drawn by it."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import DomainTemperature

pytestmark = pytest.mark.claim

GROUPS = np.repeat(np.arange(4), [8000, 1000, 200, 60])


def ratio(seed: int, weights: np.ndarray) -> float:
    """Gives the variance of weighed gradients of rows drawn evenly, in units of that of rows drawn by the weights."""
    rng = np.random.default_rng(seed)
    gradients = rng.choice([-1.0, 1.0], len(GROUPS))
    weighed = weights[drawn := rng.integers(len(GROUPS), size=200_000)] * gradients[drawn]
    return float(weighed.var() / gradients[rng.choice(len(GROUPS), 200_000, p=weights / len(GROUPS))].var())


def test_variance_ratio_when_measured_on_gradients_then_as_the_formula_says(claim):
    found = DomainTemperature().fit(GROUPS)
    measured = [ratio(seed, found.weights_) for seed in claim.seeds(5)]
    claim.record(by_formula=found.variance_ratio_, measured=measured)
    assert found.variance_ratio_ == pytest.approx(5.95, abs=0.01)
    assert measured == pytest.approx([found.variance_ratio_] * 5, rel=0.1)
