"""Inverse-variance weights under poor and good overlap, for each pseudo-outcome, beside the plug-in."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ballast.methods.learners import RLearner

pytestmark = pytest.mark.claim

SEEDS = 10
PSEUDO_OUTCOMES = ("residual", "doubly_robust", "covariance")


def polynomial(degree: int, alpha: float):
    return make_pipeline(
        StandardScaler(), PolynomialFeatures(degree, include_bias=False), StandardScaler(), Ridge(alpha=alpha)
    )


@cache
def errors(slope: float, seeds: range) -> dict[str, np.ndarray]:
    """Gives the effects' root mean squared error by seed, of each pseudo-outcome with and without its weight."""
    runs = [run(seed, slope) for seed in seeds]
    return {name: np.array([r[name] for r in runs]) for name in runs[0]}


def run(seed: int, slope: float, *, boosted: bool = False) -> dict[str, float]:
    """Gives the error of each pseudo-outcome and of the plug-in; with the default models of m and e where boosted."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(1500, 5))
    treated = rng.random(1500) < expit(slope * (X[:, 0] + 0.5 * X[:, 1]))
    effect = 1 + X[:, 0] + X[:, 2]
    base = np.sin(np.pi * X[:, 0] * X[:, 1]) + 2 * (X[:, 2] - 0.5) ** 2 + X[:, 3] + 0.5 * X[:, 4]
    outcome = base + (treated - 0.5) * effect + rng.normal(size=1500)

    def error(found: np.ndarray) -> float:
        return float(np.sqrt(np.mean((found - effect) ** 2)))

    models: dict[str, Any] = {
        "outcome_model": polynomial(3, 3.0),
        "treatment_model": make_pipeline(StandardScaler(), LogisticRegression()),
        "final_model": polynomial(2, 1.0),
    }
    if boosted:
        models = {"final_model": models["final_model"]}
    found = {}
    for name in PSEUDO_OUTCOMES[: 2 if boosted else 3]:
        learner = RLearner(name, **models).fit(X, treatment=treated, outcome=outcome)
        found[name] = error(learner.predict(X))
        found[f"{name}, plain"] = error(polynomial(2, 1.0).fit(X, learner.pseudo_outcomes_).predict(X))
        if name == "doubly_robust":
            found["plug-in"] = error(polynomial(2, 1.0).fit(X, learner.plug_in_).predict(X))
    return found


def test_effects_when_overlap_is_poor_then_weights_lower_the_error_of_every_pseudo_outcome(claim):
    found = errors(4.0, claim.seeds(SEEDS))
    claim.record(**found)
    for name in PSEUDO_OUTCOMES:
        gained = found[f"{name}, plain"] - found[name]
        assert gained.mean() - 2 * gained.std(ddof=1) / np.sqrt(SEEDS) > 0.1, name
        assert found[name].mean() < 0.75 * found[f"{name}, plain"].mean(), name
        assert found[name].mean() < 0.9 * found["plug-in"].mean(), name


def test_effects_when_overlap_is_good_then_weights_make_no_difference(claim):
    found = errors(0.5, claim.seeds(SEEDS))
    claim.record(**{f"{name}, good overlap": errors for name, errors in found.items()})
    for name in PSEUDO_OUTCOMES:
        assert abs((found[f"{name}, plain"] - found[name]).mean()) < 0.03, name
    assert abs((found["residual"] - found["plug-in"]).mean()) < 0.03


def test_effects_when_models_are_boosted_trees_then_weights_still_help_but_residuals_do_worse_than_the_plug_in(claim):
    runs = [run(seed, 4.0, boosted=True) for seed in claim.seeds(6, quick=1)]
    found = {name: np.array([r[name] for r in runs]) for name in runs[0]}
    claim.record(**{f"{name}, boosted": values for name, values in found.items()})
    assert found["doubly_robust"].mean() < found["doubly_robust, plain"].mean()
    assert found["residual"].mean() > found["plug-in"].mean(), "residuals are no longer behind: tell the card"
