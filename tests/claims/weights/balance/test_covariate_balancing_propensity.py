"""CBPS against logistic propensities (Kang and Schafer), and its identity with entropy balancing."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import CovariateBalancingPropensity, EntropyBalancing, InversePropensity
from tests.claims.worlds.kang_schafer import draw

pytestmark = pytest.mark.claim

SEEDS = 40


def effect(weights: np.ndarray, treated: np.ndarray, outcome: np.ndarray) -> float:
    return float(
        np.average(outcome[treated], weights=weights[treated])
        - np.average(outcome[~treated], weights=weights[~treated])
    )


def errors(seeds: range, *, right: bool) -> dict[str, float]:
    """Gives the root mean squared error of the average effect, whose truth is 0."""
    found: dict[str, list[float]] = {"balancing": [], "likelihood": [], "none": []}
    for seed in seeds:
        Z, seen, treated, outcome = draw(seed)
        X = Z if right else seen
        weights = {
            "balancing": CovariateBalancingPropensity(estimand="ate").fit(X, treatment=treated).weights_,
            "likelihood": InversePropensity().fit(X, treatment=treated).weights_,
            "none": np.ones(len(X)),
        }
        for name, w in weights.items():
            found[name].append(effect(w, treated, outcome))
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in found.items()}


def test_effect_when_the_columns_are_the_right_ones_then_of_a_tenth_of_the_error_of_likelihood(claim):
    error = errors(claim.seeds(SEEDS), right=True)
    claim.record(**{f"{name}_right": value for name, value in error.items()})
    assert error["balancing"] < 0.1 * error["likelihood"]
    assert error["likelihood"] < error["none"]


def test_effect_when_the_columns_are_the_wrong_ones_then_no_worse_than_by_likelihood(claim):
    error = errors(claim.seeds(SEEDS), right=False)
    claim.record(**{f"{name}_wrong": value for name, value in error.items()})
    assert error["balancing"] < error["likelihood"]


def test_weights_when_balanced_to_the_treated_then_those_of_entropy_balancing(claim):
    apart = []
    for seed in claim.seeds(3):
        Z, _, treated, _ = draw(seed)
        wanted = EntropyBalancing().fit(Z[~treated], Z[treated]).weights_
        to_target = CovariateBalancingPropensity().fit(Z[~treated], Z[treated]).weights_
        of_arms = CovariateBalancingPropensity(estimand="att").fit(Z, treatment=treated).weights_[~treated]
        np.testing.assert_allclose(to_target, wanted, rtol=1e-5)
        np.testing.assert_allclose(of_arms / of_arms.mean(), wanted, rtol=1e-5)
        apart.append(np.abs(to_target / wanted - 1).max() < 1e-5)
    claim.record(as_entropy_balancing=apart)
