"""Leaves of equally many training rows: their sizes, their ratios, ties, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError, OverlapError
from ballast.methods.weights import ArmBalancing, UniformTransformer
from tests.claims.worlds.gaussian_shifts import moved, squared_error


@pytest.mark.parametrize(("n", "d", "min_leaf", "leaves"), [(1000, 1, 4, 128), (999, 2, 3, 256), (500, 3, 4, 64)])
def test_leaves_when_values_differ_then_two_to_a_power_of_nearly_equal_size(n, d, min_leaf, leaves):
    X = np.random.default_rng(1).standard_normal((n, d))
    rows = np.bincount(UniformTransformer(min_leaf).fit(X, X).leaves_)
    assert len(rows) == leaves
    assert rows.min() >= min_leaf
    assert rows.max() <= rows.min() + 1


def test_ratio_when_there_is_one_column_then_the_targets_share_of_each_quantile_bin():
    rng = np.random.default_rng(2)
    X, X_target = rng.standard_normal((64, 1)), rng.standard_normal((300, 1)) + 0.3
    ordered = np.sort(X[:, 0])
    edges = (ordered[3:-1:4] + ordered[4::4]) / 2  # between the quarters of a quarter, of a quarter
    bins, bins_target = np.searchsorted(edges, X[:, 0]), np.searchsorted(edges, X_target[:, 0])
    wanted = (np.bincount(bins_target, minlength=16) / 300 * 16)[bins]
    np.testing.assert_allclose(UniformTransformer(4).fit(X, X_target).ratio_, wanted)


@pytest.mark.parametrize(("d", "bound"), [(1, 0.25), (2, 0.5)])
def test_weights_when_a_gaussian_moves_then_near_the_ratio_and_not_its_inverse(d, bound):
    X, X_target, ratio = moved(d, 0, n=3000)
    found = UniformTransformer(min_leaf=30).fit(X, X_target)
    assert squared_error(found.weights_, ratio) < bound
    assert squared_error(1 / np.maximum(found.weights_, 1e-2), ratio) > 1
    assert found.ratio_.mean() == pytest.approx(1)


def test_weigh_when_rows_are_unseen_then_the_weights_of_their_leaves():
    X, X_target, _ = moved(2, 0)
    found = UniformTransformer().fit(X, X_target)
    np.testing.assert_array_equal(found.weigh(X), found.weights_)
    np.testing.assert_array_equal(found.weigh(X + 1e-9), found.weights_)
    assert found.weigh(X + 100).max() > 0, "the outermost leaves have no end"


def test_rows_when_permuted_or_float32_then_the_same_weights_in_the_same_width():
    X, X_target, _ = moved(2, 0)
    X, X_target = X.round(2), X_target.round(2)  # with ties
    order = np.random.default_rng(0).permutation(len(X))
    weights = UniformTransformer().fit(X, X_target).weights_
    permuted = UniformTransformer().fit(X[order], X_target).weights_
    np.testing.assert_allclose(permuted, weights[order], rtol=1e-12)
    narrow = UniformTransformer().fit(X.astype(np.float32), X_target.astype(np.float32)).weights_
    assert narrow.dtype == np.float32


def test_columns_when_of_few_values_then_split_between_values_and_leaves_stay_large_enough():
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.random(3000) < 0.1, rng.integers(4, size=3000), rng.standard_normal(3000), np.ones(3000)])
    X_target = X[rng.random(3000) < np.where(X[:, 0] == 1, 0.9, 0.3)]
    found = UniformTransformer().fit(X, X_target)
    assert np.bincount(found.leaves_).min() >= 4
    for value in (0, 1):
        rows = X[:, 0] == value
        assert np.average(rows, weights=found.weights_) == pytest.approx((X_target[:, 0] == value).mean())


def test_columns_when_all_constant_then_one_leaf():
    found = UniformTransformer().fit(np.ones((50, 2)), np.ones((40, 2)))
    assert found.leaves_.max() == 0
    np.testing.assert_array_equal(found.weights_, 1)


def test_effect_when_arms_are_weighed_then_the_controls_have_the_treateds_share_of_each_leaf():
    rng = np.random.default_rng(4)
    X = rng.random((1000, 1))
    treated = rng.random(1000) < X[:, 0]
    outcome = 10 * X[:, 0] ** 2
    weights = ArmBalancing("uniform_transformer", estimand="att").fit(X, treatment=treated).weights_
    left = outcome[treated].mean() - np.average(outcome[~treated], weights=weights[~treated])
    assert abs(left) < 0.03 * abs(outcome[treated].mean() - outcome[~treated].mean())


def test_target_when_beyond_the_training_rows_then_refused_with_the_column_and_effective_sample_size():
    X, X_target, _ = moved(2, 0)
    with pytest.raises(OverlapError, match=r"500 training rows: 100% of its 500 rows .* column 1, effective sample"):
        UniformTransformer().fit(X, X_target + np.array([0, 9]))


def test_columns_when_too_many_to_split_each_then_refused_with_the_rows_it_takes():
    X = np.random.default_rng(0).standard_normal((100, 5))
    with pytest.raises(DataError, match=r"X has 100 rows and 5 columns.* takes 4 x 2\^5 rows.*lower min_leaf"):
        UniformTransformer().fit(X, X)
    assert UniformTransformer(min_leaf=3).fit(X, X).leaves_.max() + 1 == 32
