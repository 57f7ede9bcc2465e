"""Entropy balancing against inverse propensity weighting, in the simulation of Kang and Schafer (2007)."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ballast.methods.weights import EntropyBalancing
from tests.claims.worlds.kang_schafer import draw

pytestmark = pytest.mark.claim


def effects(X: np.ndarray, treated: np.ndarray, outcome: np.ndarray) -> dict[str, float]:
    """Gives the estimated effect on the treated, whose truth is 0, by the weights of the controls."""
    X = StandardScaler().fit_transform(X)
    propensity = LogisticRegression(C=1e6, max_iter=1000).fit(X, treated).predict_proba(X[~treated])[:, 1]
    weights = {
        "plain": np.ones((~treated).sum()),
        "propensity": propensity / (1 - propensity),
        "balancing": EntropyBalancing().fit(X[~treated], X[treated]).weights_,
    }
    return {
        name: float(outcome[treated].mean() - np.average(outcome[~treated], weights=w)) for name, w in weights.items()
    }


def errors(seeds: range, *, right: bool) -> dict[str, float]:
    found = []
    for seed in seeds:
        Z, seen, treated, outcome = draw(seed)
        found.append(effects(Z if right else seen, treated, outcome))
    return {name: float(np.sqrt(np.mean([f[name] ** 2 for f in found]))) for name in found[0]}


def test_effect_when_the_outcome_is_linear_in_the_covariates_then_the_error_is_a_tenth_of_propensity_weighting(claim):
    error = errors(claim.seeds(30), right=True)
    claim.record(**{f"{name}_right": value for name, value in error.items()})
    assert error["balancing"] < 0.1 * error["propensity"] < error["plain"]


def test_effect_when_the_covariates_are_seen_through_a_glass_then_less_error_but_not_little(claim):
    error = errors(claim.seeds(30), right=False)
    claim.record(**{f"{name}_wrong": value for name, value in error.items()})
    assert error["balancing"] < 0.8 * error["propensity"]
    assert error["balancing"] > 3.0, "the bias that is left, which the card states"
