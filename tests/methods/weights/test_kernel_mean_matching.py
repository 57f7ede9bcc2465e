"""Kernel mean matching: the optimum of its quadratic programme, its dual function and its refusal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from ballast.errors import OverlapError
from ballast.methods.weights import KernelMeanMatching


def pools(n: int, m: int, d: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 0.5


def test_weights_when_all_rows_are_landmarks_then_the_optimum_of_the_quadratic_programme():
    X, X_target = pools(30, 20)
    ridge, largest = 1e-2, 2.0
    found = KernelMeanMatching(bandwidth=1.0, ridge=ridge, max_weight=largest, n_landmarks=50).fit(X, X_target)
    both = np.concatenate([X, X_target])
    Z = (both - both.mean(axis=0)) / both.std(axis=0)
    K = np.exp(-cdist(Z, Z, "sqeuclidean") / 2)

    def loss(w: np.ndarray) -> float:
        signed = np.concatenate([w / 30, np.full(20, -1 / 20)])
        return float(signed @ K @ signed / 2 + ridge / 60 * ((w - 1) ** 2).sum())

    general = minimize(
        loss,
        np.ones(30),
        bounds=[(0, largest)] * 30,
        constraints={"type": "eq", "fun": lambda w: w.mean() - 1},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert loss(found.weights_) <= general.fun + 1e-9
    np.testing.assert_allclose(found.weights_, general.x, atol=1e-3)
    assert found.weights_.max() == pytest.approx(largest)  # the bound is active here


def test_weigh_when_given_the_training_rows_then_their_weights():
    X, X_target = pools(500, 400)
    found = KernelMeanMatching().fit(X, X_target)
    np.testing.assert_array_equal(found.weigh(X), found.weights_)
    assert found.discrepancy_ < 0.05 * found.unweighted_discrepancy_


def test_weights_when_the_largest_is_bounded_then_none_beyond():
    X, X_target = pools(500, 400)
    assert KernelMeanMatching(max_weight=1.5).fit(X, X_target).weights_.max() <= 1.5 + 1e-6


def test_target_when_disjoint_then_refused_with_what_is_left():
    X, X_target = pools(300, 300)
    with pytest.raises(OverlapError, match=r"leave \d+% of the discrepancy.*raise max_weight"):
        KernelMeanMatching().fit(X, X_target + 10)


def test_bound_when_weights_reach_it_then_the_share_is_kept_and_said(caplog):
    rng = np.random.default_rng(0)
    X, X_target = rng.standard_normal((400, 1)), rng.standard_normal((400, 1)) * 0.5 + 1
    assert KernelMeanMatching(max_weight=400.0).fit(X, X_target).share_at_bound_ == 0
    assert not caplog.text
    bound = KernelMeanMatching(max_weight=2.0).fit(X, X_target)
    cut = int((bound.weights_ * bound.scale_ > 2 - 1e-5).sum())
    assert bound.share_at_bound_ == cut / 400 > 0.05
    assert f"kernel_mean_matching: {cut} of 400 rows have the largest weight allowed, 2" in caplog.text
