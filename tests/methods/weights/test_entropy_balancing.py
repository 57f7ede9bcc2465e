"""Entropy balancing: exact moments, the exponential tilt it stands for, and refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import OverlapError
from ballast.methods.weights import EntropyBalancing


def pools(d: int, shift: float, n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives training rows, target rows whose mean is moved by `shift` in all, and the direction of the move."""
    rng = np.random.default_rng(seed)
    move = np.full(d, shift / np.sqrt(d))
    return rng.standard_normal((n, d)), rng.standard_normal((n, d)) + move, move


@pytest.mark.parametrize("d", [1, 2, 10, 50])
def test_weights_when_a_gaussian_moves_then_near_the_analytic_ratio_and_not_its_inverse(d: int):
    X, X_target, move = pools(d, 0.7)
    true = np.exp(X @ move - move @ move / 2)
    found = EntropyBalancing().fit(X, X_target)

    def error(weights: np.ndarray) -> float:
        ratio = true / true.mean()
        return float(np.mean((weights / weights.mean() - ratio) ** 2) / np.var(ratio))

    assert error(found.weights_) < (0.04 if d <= 10 else 0.2)
    assert error(1 / found.weights_) > 1.0
    assert found.weights_.mean() == pytest.approx(1.0)
    expected = effective_sample_size(true)
    assert effective_sample_size(found.weights_) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("moments", [1, 2])
def test_moments_when_balanced_then_those_of_the_target(moments):
    X, X_target, _ = pools(3, 0.5)
    X_target *= 0.9
    found = EntropyBalancing(moments=moments).fit(X, X_target)
    for power in range(1, moments + 1):
        balanced = np.average(X**power, axis=0, weights=found.weights_)
        np.testing.assert_allclose(balanced, (X_target**power).mean(axis=0), atol=1e-5)
    assert found.imbalance_ < 1e-6
    assert len(found.coefficients_) == 3 * moments


def test_columns_when_constant_or_repeated_or_on_odd_scales_then_the_same_weights():
    X, X_target, _ = pools(2, 0.5)
    plain = EntropyBalancing().fit(X, X_target).weights_

    def odd(matrix: np.ndarray) -> np.ndarray:
        return np.column_stack([1e6 * matrix[:, 0] + 1e7, matrix[:, 1] * 1e-6, matrix[:, 0], np.full(len(matrix), 3.0)])

    np.testing.assert_allclose(EntropyBalancing().fit(odd(X), odd(X_target)).weights_, plain, rtol=1e-4)


def test_weigh_when_given_the_training_rows_then_their_weights():
    X, X_target, _ = pools(4, 0.8)
    found = EntropyBalancing(moments=2).fit(X, X_target)
    np.testing.assert_allclose(found.weigh(X), found.weights_, rtol=1e-9)


def test_target_when_its_mean_lies_outside_the_training_rows_then_refused_with_the_remedy():
    X, X_target, _ = pools(2, 8.0, n=500)
    with pytest.raises(OverlapError, match=r"no weights of the 500 training rows.*effective sample size.*Set ridge"):
        EntropyBalancing().fit(X, X_target)
    found = EntropyBalancing(ridge=0.1).fit(X, X_target)
    assert found.imbalance_ > 0.1
    assert np.isfinite(found.weights_).all()


@pytest.mark.parametrize("moments", [1, 2])
def test_target_when_counted_in_batches_then_the_weights_of_all_rows(moments):
    X, X_target, _ = pools(3, 0.5)
    X[:, 0], X_target[:, 0] = 1e6 + X[:, 0], 1e6 + X_target[:, 0]  # sums of squares would lose the digits
    whole = EntropyBalancing(moments=moments, ridge=1e-4).fit(X, X_target)
    counted = EntropyBalancing(moments=moments, ridge=1e-4).partial_fit(X[:100], X_target[:10])
    for rows in np.array_split(X_target[10:], 7):
        counted.merge(counted.empty_copy().partial_fit(X_target=rows))
    counted.partial_fit(X[100:]).finalize()
    np.testing.assert_allclose(counted.weigh(X), whole.weights_, rtol=1e-4)
    assert counted.iterations_ == whole.iterations_


def test_rows_when_fitted_then_not_kept_and_counted_afresh_after():
    X, X_target, _ = pools(3, 0.5)
    found = EntropyBalancing().partial_fit(X[:50]).fit(X, X_target)
    assert len(pickle.dumps(found)) < 2 * X.itemsize * len(X)
    again = found.partial_fit(X[:1000], X_target).finalize()
    np.testing.assert_allclose(again.weigh(X), EntropyBalancing().fit(X[:1000], X_target).weigh(X), rtol=1e-9)


def test_rows_when_the_caller_changes_them_after_a_batch_then_those_given():
    X, X_target, _ = pools(2, 0.5)
    counted, batch = EntropyBalancing(), X[:1000].copy()
    counted.partial_fit(batch, X_target)
    batch[:] = 0
    expected = EntropyBalancing().fit(X[:1000], X_target).weights_
    np.testing.assert_allclose(counted.finalize().weigh(X[:1000]), expected, rtol=1e-9)
