"""Leaves of equally many controls against balanced polynomials where outcome and propensity are rough."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree
from scipy.special import expit
from scipy.stats import norm

from ballast.methods.weights import ArmBalancing, EntropyBalancing, InversePropensity, UniformTransformer

pytestmark = pytest.mark.claim

ROUGH, SMOOTH = 0.25, 1.5


def weierstrass(x: np.ndarray, exponent: float) -> np.ndarray:
    """Gives (n,) a sum of ever faster and smaller waves, whose Hoelder exponent, at these scales, is the given one."""
    k = np.arange(12)
    return (2.0 ** (-exponent * k) * np.cos(2 * np.pi * 2.0**k * x[:, None])).sum(axis=1)


def errors(d: int, exponent: float, seeds: range, n: int = 2000) -> dict[str, float]:
    """Gives the root mean squared error of the effect on the treated, whose truth is 0.

    One column is uniform, two are normal with a correlation of 0.7.
    """
    found: dict[str, list[float]] = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        normal = rng.multivariate_normal(np.zeros(d), np.full((d, d), 0.7) + 0.3 * np.eye(d), n)
        X = norm.cdf(normal) if d == 1 else normal
        rough = np.mean([weierstrass(u, exponent) for u in norm.cdf(normal).T], axis=0) * np.sqrt(d)
        treated = rng.random(n) < expit(rough)
        outcome = rough + 0.5 * rng.standard_normal(n)
        cubic = np.hstack([X, X**2, X**3])
        nearest = KDTree(X[~treated]).query(X[treated])[1]
        moments = ArmBalancing(EntropyBalancing(), estimand="att")
        weights = {
            "moments": moments.fit(cubic, treatment=treated).weights_[~treated],
            "propensity": InversePropensity(estimand="att").fit(cubic, treatment=treated).weights_[~treated],
            "matching": np.bincount(nearest, minlength=int((~treated).sum())),
        }
        for leaf in (2, 4, 30):
            tree = ArmBalancing(UniformTransformer(min_leaf=leaf), estimand="att")
            weights[f"leaves of {leaf}"] = tree.fit(X, treatment=treated).weights_[~treated]
        for name, w in weights.items():
            found.setdefault(name, []).append(outcome[treated].mean() - np.average(outcome[~treated], weights=w))
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in found.items()}


def test_effect_when_outcome_and_propensity_are_rough_then_less_error_than_by_balanced_polynomials(claim):
    error = errors(1, ROUGH, claim.seeds(20))
    claim.record(**error)
    assert error["leaves of 4"] < 0.5 * min(error["moments"], error["propensity"])
    assert error["leaves of 2"] < error["leaves of 4"] < error["leaves of 30"]
    assert error["matching"] < error["leaves of 2"], "the nearest control does better still"


def test_effect_when_outcome_and_propensity_are_smooth_then_no_less_error_than_by_balanced_polynomials(claim):
    error = errors(1, SMOOTH, claim.seeds(20))
    claim.record(**{f"smooth, {name}": value for name, value in error.items()})
    assert 0.7 * error["moments"] < error["leaves of 4"] < 1.5 * error["moments"]


def test_effect_when_two_columns_are_rough_then_no_less_error_than_by_balanced_polynomials(claim):
    error = errors(2, ROUGH, claim.seeds(10))
    claim.record(**{f"two columns, {name}": value for name, value in error.items()})
    assert 0.9 * error["moments"] < error["leaves of 4"] < 1.3 * error["moments"]


def test_effect_when_two_columns_are_rough_and_rows_are_many_then_less_error_than_by_balanced_polynomials(claim):
    error = errors(2, ROUGH, claim.seeds(10), n=8000)
    claim.record(**{f"8000 rows, {name}": value for name, value in error.items()})
    assert error["leaves of 4"] < error["moments"]
