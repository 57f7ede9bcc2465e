"""KLIEP: a ratio estimated at once survives dimensions in which a ratio of two density estimates does not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KernelDensity

from ballast.methods.weights import KLIEP

pytestmark = pytest.mark.claim


def normalised_error(weights: np.ndarray, ratio: np.ndarray) -> float:
    """Gives the squared error of the weights, in units of that of uniform weights."""
    weights, wanted = weights / weights.mean(), ratio / ratio.mean()
    return float(np.mean((weights - wanted) ** 2) / np.mean((1 - wanted) ** 2))


def ratio_errors(d: int, seed: int, n: int = 500) -> tuple[float, float]:
    """Gives the errors of KLIEP and of the ratio of two kernel density estimates, for a Gaussian whose mean moves."""
    rng = np.random.default_rng(seed)
    X, X_target = rng.standard_normal((n, d)), rng.standard_normal((n, d))
    X_target[:, 0] += 1
    scott = n ** (-1 / (d + 4))
    source, target = (KernelDensity(bandwidth=scott).fit(rows) for rows in (X, X_target))
    two_densities = np.exp(target.score_samples(X) - source.score_samples(X))
    ratio = np.exp(X[:, 0] - 0.5)
    return normalised_error(KLIEP().fit(X, X_target).weights_, ratio), normalised_error(two_densities, ratio)


@pytest.mark.parametrize("d", [5, 10])
def test_ratio_when_columns_are_many_then_nearer_than_that_of_two_density_estimates(d, claim):
    kliep, two = np.transpose([ratio_errors(d, seed) for seed in claim.seeds(20)])
    assert (kliep < two).all()
    claim.record(**{f"error_{d}": kliep, f"two_densities_{d}": two})
    assert kliep.mean() < 0.85, "and nearer than uniform weights"
    assert two.mean() > (0.7 if d == 5 else 1.5)


def test_ratio_when_columns_are_two_then_no_nearer_than_two_density_estimates_nor_farther(claim):
    kliep, two = np.transpose([ratio_errors(2, seed) for seed in claim.seeds(20)])
    claim.record(error_2=kliep, two_densities_2=two)
    ahead = two - kliep
    assert abs(ahead.mean()) < 2 * ahead.std(ddof=1) / np.sqrt(len(ahead)), "no difference, as the card says"


def field_errors(seed: int) -> tuple[float, float, float]:
    """Gives the field error of a straight line fitted to sinc: unweighted, weighted, weighted by the true ratio."""
    rng = np.random.default_rng(seed)
    X, X_target, X_test = rng.normal(1, 0.5, (300, 1)), rng.normal(2, 0.35, (300, 1)), rng.normal(2, 0.35, (2000, 1))
    y = np.sinc(X[:, 0]) + 0.1 * rng.standard_normal(300)
    true = np.exp(-0.5 * ((X[:, 0] - 2) / 0.35) ** 2 + 0.5 * ((X[:, 0] - 1) / 0.5) ** 2)
    plain, weighted, best = (
        np.mean((LinearRegression().fit(X, y, sample_weight=w).predict(X_test) - np.sinc(X_test[:, 0])) ** 2)
        for w in (None, KLIEP().fit(X, X_target).weights_, true)
    )
    return float(plain), float(weighted), float(best)


def test_weighted_learner_when_the_model_is_misspecified_then_beats_the_unweighted_on_every_seed(claim):
    plain, weighted, best = np.transpose([field_errors(seed) for seed in claim.seeds(20)])
    assert (weighted < 0.2 * plain).all()
    claim.record(line=weighted, line_unweighted=plain, line_by_true_ratio=best)
    assert weighted.mean() < 2 * best.mean()
