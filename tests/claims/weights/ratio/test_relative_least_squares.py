"""RuLSIF: the relative ratio is estimated more accurately than the plain one, and its weights repair a learner."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from ballast.methods.weights import RelativeLeastSquares

pytestmark = pytest.mark.claim


def normalised_error(weights: np.ndarray, ratio: np.ndarray) -> float:
    """Gives the squared error of the weights, in units of that of uniform weights."""
    wanted = ratio / ratio.mean()
    return float(np.mean((weights - wanted) ** 2) / np.mean((1 - wanted) ** 2))


@pytest.mark.parametrize("d", [1, 2, 5, 10])
def test_relative_ratio_when_compared_with_the_plain_one_then_estimated_more_accurately(d, claim):
    plain, relative = [], []
    for seed in claim.seeds(10):
        rng = np.random.default_rng(seed)
        X, X_target = rng.standard_normal((500, d)), rng.standard_normal((500, d))
        X_target[:, 0] += 1
        ratio = np.exp(X[:, 0] - 0.5)
        plain.append(normalised_error(RelativeLeastSquares(alpha=0.0).fit(X, X_target).weights_, ratio))
        fitted = RelativeLeastSquares(alpha=0.1).fit(X, X_target)
        relative.append(normalised_error(fitted.weights_, ratio / (0.1 * ratio + 0.9)))
    claim.record(**{f"plain_{d}": plain, f"relative_{d}": relative})
    assert sum(r < p for r, p in zip(relative, plain, strict=True)) >= 9
    assert np.median(relative) < 0.75 * np.median(plain)
    assert np.median(relative) < 0.35


def field_errors(seed: int) -> tuple[float, float]:
    """Gives the field error of a straight line fitted to sinc, unweighted and weighted (the paper's toy in kind)."""
    rng = np.random.default_rng(seed)
    X, X_target, X_test = rng.normal(1, 0.5, (300, 1)), rng.normal(2, 0.35, (300, 1)), rng.normal(2, 0.35, (2000, 1))
    y = np.sinc(X[:, 0]) + 0.1 * rng.standard_normal(300)
    weights = RelativeLeastSquares().fit(X, X_target).weights_
    plain, weighted = (
        np.mean((LinearRegression().fit(X, y, sample_weight=w).predict(X_test) - np.sinc(X_test[:, 0])) ** 2)
        for w in (None, weights)
    )
    return float(plain), float(weighted)


def test_weighted_learner_when_the_model_is_misspecified_then_beats_the_unweighted_on_every_seed(claim):
    plain, weighted = np.transpose([field_errors(seed) for seed in claim.seeds(15)])
    assert (weighted < 0.5 * plain).all()
    claim.record(line=weighted, line_unweighted=plain)
