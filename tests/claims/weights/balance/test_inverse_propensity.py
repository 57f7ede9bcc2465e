"""Inverse propensity weights remove confounding that the columns hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ballast.methods.weights import InversePropensity

pytestmark = pytest.mark.claim


def run(seed: int) -> dict[str, float]:
    """Gives the error of the effect by each estimand, and of the plain difference for the average effect."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2000, 3))
    propensity = expit(X @ [0.8, -0.5, 0.0])
    treated = rng.random(2000) < propensity
    gain = 1 + X[:, 0]
    outcome = X @ [2.0, 1.0, 1.0] + treated * gain + rng.standard_normal(2000)
    truth = {
        "ate": gain.mean(),
        "att": gain[treated].mean(),
        "atc": gain[~treated].mean(),
        "overlap": np.average(gain, weights=propensity * (1 - propensity)),
    }

    def effect(weights: np.ndarray) -> float:
        return float(
            np.average(outcome[treated], weights=weights[treated])
            - np.average(outcome[~treated], weights=weights[~treated])
        )

    found = {
        name: effect(InversePropensity(estimand=name).fit(X, treatment=treated).weights_) - float(value)
        for name, value in truth.items()
    }
    return {**found, "plain": effect(np.ones(2000)) - float(truth["ate"])}


def test_effect_when_the_columns_decide_who_is_treated_then_near_each_estimands_truth(claim):
    runs = [run(seed) for seed in claim.seeds(20)]
    error = {name: float(np.sqrt(np.mean([r[name] ** 2 for r in runs]))) for name in runs[0]}
    claim.record(**error)
    for name in ("ate", "att", "atc", "overlap"):
        assert error[name] < 0.25 * error["plain"], name
