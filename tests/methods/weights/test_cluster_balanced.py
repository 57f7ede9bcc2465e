"""Even clusters: the water level, the limit, order, unseen rows and the batches of a large table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from ballast.errors import ParameterError
from ballast.methods.weights import ClusterBalanced
from ballast.methods.weights.mixture._clusters import MANY_ROWS, find_clusters
from ballast.methods.weights.mixture.cluster_balanced import water_level

CENTERS = 20 * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def blobs(*sizes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gives rows of far groups of these sizes, and the group of each."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return CENTERS[groups] + np.random.default_rng(seed).normal(size=(len(groups), 2)), groups


def test_water_level_when_found_then_the_root_of_the_sum_of_minima():
    rng = np.random.default_rng(0)
    for _ in range(20):
        caps = rng.gamma(1.0, 100.0, size=rng.integers(1, 12))
        total = rng.uniform(0.05, 0.95) * caps.sum()
        root = brentq(lambda level, caps=caps, total=total: np.minimum(caps, level).sum() - total, 0, caps.max())
        assert water_level(caps, total) == pytest.approx(root)
    assert np.minimum([3, 3, 3], water_level(np.array([3, 3, 3]), 9)).sum() == 9


def test_weights_when_no_cluster_is_held_then_each_has_the_same_total():
    X, groups = blobs(300, 100, 50)
    found = ClusterBalanced(n_clusters=3, max_repetition=50.0).fit(X)
    np.testing.assert_allclose([found.weights_[groups == g].sum() for g in range(3)], 150)
    np.testing.assert_allclose(np.sort(found.repetitions_), [0.5, 1.5, 3.0])
    assert found.share_clipped_ == 0
    assert found.level_ == pytest.approx(150)


def test_weights_when_a_cluster_is_held_then_the_limit_and_the_others_alike():
    X, groups = blobs(300, 140, 10)
    found = ClusterBalanced(n_clusters=3, n_epochs=2.0, max_repetition=5.0).fit(X)
    np.testing.assert_allclose(found.weights_[groups == 2], 5 / 2)
    totals = [found.weights_[groups == g].sum() for g in range(2)]
    np.testing.assert_allclose(totals, (450 - 25) / 2)
    assert found.share_clipped_ == pytest.approx(10 / 450)
    assert (found.repetitions_ * found.sizes_).sum() == pytest.approx(2 * 450)


def test_weights_when_the_limit_is_the_default_then_at_most_three_and_all_clusters_held_near_one():
    X, _ = blobs(400, 30, 3)
    assert ClusterBalanced(n_clusters=3).fit(X).weights_.max() == pytest.approx(3.0)
    near = ClusterBalanced(n_clusters=3, max_repetition=1.0001).fit(X).weights_
    np.testing.assert_allclose(near, 1.0, atol=1e-2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_when_permuted_then_the_same_weights(dtype):
    X = np.random.default_rng(1).normal(size=(500, 4)).astype(dtype)
    order = np.random.default_rng(2).permutation(500)
    first, second = (ClusterBalanced(n_clusters=12).fit(X[rows]) for rows in (slice(None), order))
    np.testing.assert_array_equal(first.clusters_[order], second.clusters_)
    np.testing.assert_array_equal(first.repetitions_, second.repetitions_)
    np.testing.assert_array_equal(first.centers_, second.centers_)
    np.testing.assert_allclose(first.weights_[order], second.weights_, rtol=1e-6 if dtype == np.float32 else 1e-15)


def test_columns_when_in_other_units_then_the_same_clusters():
    X, groups = blobs(300, 100, 50)
    units = np.array([1e-4, 1e4])  # the groups differ in both
    found = ClusterBalanced(n_clusters=3).fit(X * units)
    np.testing.assert_allclose(found.weights_, ClusterBalanced(n_clusters=3).fit(X).weights_)
    np.testing.assert_allclose(
        found.weigh(CENTERS * units + 0.5 * units), [found.weights_[groups == g][0] for g in range(3)]
    )
    as_they_are = ClusterBalanced(n_clusters=3, standardize=False).fit(X * units)
    assert not np.allclose(as_they_are.weights_, found.weights_), "what the scales are for"


def test_rows_when_far_from_zero_then_the_same_clusters():
    X, groups = blobs(60, 30, 10)
    far = (X + 3e5).astype(np.float32)
    found = ClusterBalanced(n_clusters=3).fit(far)
    assert len(set(zip(groups, found.clusters_, strict=True))) == 3
    np.testing.assert_allclose(found.weigh(far), found.weights_)


def test_rows_when_few_differ_then_as_few_clusters():
    X = np.repeat(np.array([[0.0], [1.0]]), [9, 3], axis=0)
    found = ClusterBalanced().fit(X)
    np.testing.assert_array_equal(np.sort(found.sizes_), [3, 9])
    np.testing.assert_allclose(found.weights_, np.repeat([2 / 3, 2.0], [9, 3]))


def test_weigh_when_rows_are_unseen_then_their_nearest_clusters_weight():
    X, groups = blobs(300, 100, 50)
    found = ClusterBalanced(n_clusters=3).fit(X)
    expected = [found.weights_[groups == g][0] for g in range(3)]
    np.testing.assert_allclose(found.weigh(CENTERS + 0.5), expected)


def test_clusters_when_rows_are_many_then_batches_find_the_small_group_too():
    sizes = (MANY_ROWS, 2000, 200)
    X, groups = blobs(*sizes)
    found = find_clusters(X, 3, 0, standardize=True)
    np.testing.assert_array_equal(np.sort(found.sizes), np.sort(sizes))
    assert len(set(zip(groups, found.labels, strict=True))) == 3


def test_limit_when_not_above_the_epochs_then_refused_with_both():
    with pytest.raises(ParameterError, match=r"'max_repetition' must be more than n_epochs, got 2 and 4"):
        ClusterBalanced(n_epochs=4.0, max_repetition=2.0).fit(np.zeros((3, 1)))


def test_weights_when_rows_have_some_then_those_of_the_rows_so_often():
    X, groups = blobs(60, 40, 20)
    times = np.random.default_rng(1).integers(0, 4, 120)
    rows = np.repeat(np.arange(120), times)
    method = ClusterBalanced(n_clusters=3, max_repetition=2.0)
    together = np.bincount(rows, method.fit(X[rows]).weights_, 120)
    found = method.fit(X, 7.0 * times)
    np.testing.assert_allclose(found.weights_ / found.weights_.sum(), together / together.sum())
    np.testing.assert_allclose(found.weigh(X, 7.0 * times), found.weights_)
    without = method.fit(X, 1.0 * (groups > 0))  # a cluster without weight has none
    assert (without.weights_[groups == 0] == 0).all()
    assert without.weights_.mean() == pytest.approx(1)


def test_weigher_when_stored_before_columns_were_scaled_then_weighs_as_it_did():
    X, _ = blobs(60, 40, 20)
    earlier = ClusterBalanced(n_clusters=3, standardize=False).fit(X)
    again = ClusterBalanced.__new__(ClusterBalanced)
    again.__setstate__({name: v for name, v in vars(earlier).items() if name not in ("standardize", "_scales")})
    np.testing.assert_array_equal(again.weigh(X), earlier.weigh(X))
    assert again.get_params() == earlier.get_params()
