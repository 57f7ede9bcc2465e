"""Kernel metric with exact means against exact means alone and propensities (Kang and Schafer)."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import EntropyBalancing, IntegralProbabilityBalancing, InversePropensity
from tests.claims.worlds.kang_schafer import draw

pytestmark = pytest.mark.claim


def errors(seeds: range, *, right: bool) -> dict[str, float]:
    """Gives the root mean squared error of the effect on the treated, whose truth is 0."""
    found: dict[str, list[float]] = {}
    for seed in seeds:
        Z, seen, treated, outcome = draw(seed, 500)
        X = Z if right else seen
        weights = {
            "propensity": InversePropensity(estimand="att").fit(X, treatment=treated).weights_[~treated],
            "moments": EntropyBalancing().fit(X[~treated], X[treated]).weights_,
            "metric": IntegralProbabilityBalancing().fit(X[~treated], X[treated]).weights_,
            "inexact": IntegralProbabilityBalancing(exact_means=False).fit(X[~treated], X[treated]).weights_,
        }
        for name, w in weights.items():
            found.setdefault(name, []).append(outcome[treated].mean() - np.average(outcome[~treated], weights=w))
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in found.items()}


def test_effect_when_the_columns_are_the_wrong_ones_then_of_less_error_than_by_moments_or_propensity(claim):
    error = errors(claim.seeds(30), right=False)
    claim.record(**{f"{name}_wrong": value for name, value in error.items()})
    assert error["metric"] < 0.75 * error["moments"]
    assert error["metric"] < 0.5 * error["propensity"]
    assert error["metric"] < error["inexact"]


def test_effect_when_the_outcome_is_linear_then_the_exact_means_keep_the_error_of_moments(claim):
    error = errors(claim.seeds(30), right=True)
    claim.record(**{f"{name}_right": value for name, value in error.items()})
    assert error["metric"] < 1.2 * error["moments"]
    assert error["inexact"] > 3 * error["moments"]
