"""The numerical cores of the kernel estimators against plain, slow computations of the same."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.optimize import minimize

from ballast.errors import DataError
from ballast.methods.common.sums import SampledRows
from ballast.methods.weights import KLIEP, KernelDensityRatio, RelativeLeastSquares
from ballast.methods.weights.ratio.kliep import climb
from ballast.methods.weights.ratio.relative_least_squares import leave_one_out_errors


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.7])
def test_leave_one_out_errors_when_compared_with_refits_then_equal(alpha):
    rng = np.random.default_rng(0)
    p, c = 12, 5
    source, target = rng.random((p, c)), rng.random((p, c))
    penalties = np.array([0.01, 0.5])
    expected = np.zeros(2)
    for i in range(p):
        s, t = np.delete(source, i, axis=0), np.delete(target, i, axis=0)
        gram = ((1 - alpha) * s.T @ s + alpha * t.T @ t) / (p - 1)
        for j, penalty in enumerate(penalties):
            theta = np.linalg.solve(gram + penalty * np.eye(c), t.mean(axis=0))
            at_source, at_target = source[i] @ theta, target[i] @ theta
            expected[j] += ((1 - alpha) * at_source**2 / 2 + alpha * at_target**2 / 2 - at_target) / p
    found = leave_one_out_errors(source, target, penalties, alpha)
    np.testing.assert_allclose(found, expected, rtol=2e-5)  # products in single precision


def test_relative_least_squares_when_fitted_then_solves_the_normal_equations():
    rng = np.random.default_rng(1)
    X, X_target = rng.standard_normal((300, 2)), rng.standard_normal((200, 2)) + 0.5
    model = RelativeLeastSquares(alpha=0.2, n_centers=20).fit(X, X_target)
    pooled = np.concatenate([X, X_target])

    def kernel(rows: np.ndarray) -> np.ndarray:
        scaled = (rows - pooled.mean(axis=0)) / pooled.std(axis=0)
        distances = ((scaled[:, None, :] - model.basis_.centers[None]) ** 2).sum(axis=2)
        return np.exp(-distances / (2 * model.bandwidth_**2))

    k, k_target = kernel(X), kernel(X_target)
    gram = 0.8 * k.T @ k / 300 + 0.2 * k_target.T @ k_target / 200 + model.regularization_ * np.eye(20)
    ratio = np.maximum(k @ np.linalg.solve(gram, k_target.mean(axis=0)), 0)
    np.testing.assert_allclose(model.ratio_, ratio, rtol=1e-3, atol=1e-3)


def test_relative_least_squares_when_alpha_grows_then_weights_are_bounded_by_its_inverse():
    rng = np.random.default_rng(2)
    X, X_target = rng.standard_normal((1000, 1)), rng.standard_normal((1000, 1)) + 1.5
    largest = [RelativeLeastSquares(alpha=a).fit(X, X_target).ratio_.max() for a in (0.0, 0.1, 0.5)]
    assert largest[0] > largest[1] > largest[2]
    assert largest[1] < 1.2 / 0.1
    assert largest[2] < 1.2 / 0.5


def test_relative_least_squares_when_bandwidth_and_penalty_are_given_then_they_are_used():
    rng = np.random.default_rng(3)
    X, X_target = rng.standard_normal((100, 2)), rng.standard_normal((100, 2))
    model = RelativeLeastSquares(bandwidth=0.7, regularization=0.3).fit(X, X_target)
    assert (model.bandwidth_, model.regularization_) == (0.7, 0.3)
    one = RelativeLeastSquares(bandwidth=0.7).fit(X, X_target)
    assert one.bandwidth_ == 0.7
    assert np.isfinite(one.selection_error_)


def test_climb_when_it_stops_then_the_gap_bounds_what_a_general_optimiser_gains():
    import torch

    rng = np.random.default_rng(4)
    kernel = np.exp(-((rng.standard_normal((80, 1)) - rng.standard_normal((1, 6))) ** 2)) / rng.random(6)

    def loss(free: np.ndarray) -> float:
        shares = np.exp(free) / np.exp(free).sum()
        return -float(np.log(kernel @ shares).mean())

    best = -minimize(loss, np.zeros(6), method="BFGS").fun
    for tolerance in (0.3, 0.01):
        shares, _, gap = climb(torch.from_numpy(kernel).float(), torch.ones(80, 1), tolerance, 10_000)
        reached = float(np.log(kernel @ shares[:, 0].numpy()).mean())
        assert float(shares.sum()) == pytest.approx(1, rel=1e-5)
        assert gap <= tolerance
        assert best - reached <= gap + 1e-5


def test_climb_when_several_sets_are_fitted_then_each_as_if_alone():
    import torch

    rng = np.random.default_rng(5)
    kernel = torch.from_numpy(rng.random((40, 4))).float()
    sets = torch.from_numpy(rng.random((40, 2)) > 0.4).float()
    together, _, _ = climb(kernel, sets, 1e-6, 200)
    for j in range(2):
        alone, _, _ = climb(kernel[sets[:, j] > 0], torch.ones(int(sets[:, j].sum()), 1), 1e-6, 200)
        np.testing.assert_allclose(together[:, j], alone[:, 0], atol=1e-3)


def test_kliep_when_the_shift_is_gaussian_then_the_log_likelihood_is_near_the_divergence():
    rng = np.random.default_rng(6)
    model = KLIEP().fit(rng.standard_normal((4000, 1)), rng.standard_normal((4000, 1)) + 1)
    assert model.log_likelihood_ == pytest.approx(0.5, abs=0.1)  # KL(N(1, 1), N(0, 1))


def test_kliep_when_iterations_run_out_then_warns_with_what_is_left(caplog):
    rng = np.random.default_rng(7)
    X, X_target = rng.standard_normal((300, 2)), rng.standard_normal((300, 2)) + 1
    with caplog.at_level(logging.WARNING, logger="ballast"):
        model = KLIEP(max_iter=2, tolerance=1e-4).fit(X, X_target)
    assert model.n_iter_ == 2
    assert "max_iter" in caplog.text
    caplog.clear()
    KLIEP(tolerance=1e-2).fit(X, X_target)
    assert not caplog.text


def test_kliep_when_part_of_the_target_lies_beyond_the_source_then_the_ratio_averages_below_one():
    rng = np.random.default_rng(8)
    X = rng.standard_normal((2000, 1))
    X_target = np.concatenate([rng.standard_normal((700, 1)), rng.standard_normal((300, 1)) + 30])
    model = KLIEP(bandwidth=0.2).fit(X, X_target)  # too narrow to reach from one part to the other
    assert model.ratio_.mean() == pytest.approx(0.7, abs=0.01)


def moved(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((n, 2)), rng.standard_normal((n, 2)) + 0.7


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_relative_least_squares_when_counted_in_batches_then_the_weights_of_all_rows(alpha):
    X, X_target = moved(1800)
    whole = RelativeLeastSquares(alpha, regularization=0.01).fit(X, X_target)
    assert (whole.ratio_ == 0).any() == (alpha == 0)  # raised to it, which the sums do not know
    counted = whole.empty_copy()
    for rows, target_rows in zip(np.array_split(X, 5), np.array_split(X_target, 5), strict=True):
        counted.merge(counted.empty_copy().partial_fit(rows).partial_fit(X_target=target_rows))
    np.testing.assert_allclose(counted.finalize().weigh(X), whole.weights_, rtol=1e-3, atol=1e-4)
    assert counted.weigh(X).mean() == pytest.approx(1, abs=1e-5)


def test_relative_least_squares_when_batches_hold_many_rows_then_of_mean_nearly_one():
    X, X_target = moved(20_000)
    counted = RelativeLeastSquares().fit(X[:1000], X_target[:1000])
    for rows, target_rows in zip(np.array_split(X, 3), np.array_split(X_target, 3), strict=True):
        counted.partial_fit(rows, target_rows)
    assert counted.finalize().weigh(X).mean() == pytest.approx(1, abs=0.005)
    whole = RelativeLeastSquares().fit(X, X_target)
    assert np.corrcoef(counted.weigh(X), whole.weights_)[0, 1] > 0.99


def test_relative_least_squares_when_the_first_batch_has_one_side_then_refused():
    X, X_target = moved(20)
    with pytest.raises(DataError, match=r"first batch was given no X_target; it needs both"):
        RelativeLeastSquares().partial_fit(X)
    with pytest.raises(DataError, match=r"first batch was given no X; it needs both"):
        RelativeLeastSquares().partial_fit(X_target=X_target)


def test_sampled_rows_when_batches_come_in_any_order_then_the_same_with_exact_numbers():
    rng = np.random.default_rng(6)
    rows = rng.integers(20, size=(3000, 2)) / 8  # about 400 distinct rows
    parts = [SampledRows.of(part, 50) for part in np.array_split(rows, 7)]
    whole, forward, backward = SampledRows.of(rows, 50), parts[0], parts[-1]
    for part in parts[1:]:
        forward = forward + part
    for part in parts[-2::-1]:
        backward = part + backward
    for found in (forward, backward):
        np.testing.assert_array_equal(found.rows, whole.rows)
        np.testing.assert_array_equal(found.counts, whole.counts)
    np.testing.assert_array_equal(whole.counts, [(rows == row).all(axis=1).sum() for row in whole.rows])
    assert np.average(whole.rows[:, 0], weights=whole.counts) == pytest.approx(rows[:, 0].mean(), abs=0.35)
    assert len(SampledRows.of(rows, 1000).rows) == len(np.unique(rows, axis=0))


def test_kernel_density_ratio_when_columns_are_many_then_still_nearer_to_the_ratio_than_uniform_weights():
    rng = np.random.default_rng(0)
    step = np.full(100, 0.1)
    X = rng.standard_normal((1000, 100))
    ratio = np.exp(X @ step - 0.5)
    ratio /= ratio.mean()
    weights = KernelDensityRatio().fit(X, rng.standard_normal((1000, 100)) + step).weights_
    assert np.mean((weights - ratio) ** 2) < 0.95 * np.var(ratio)
