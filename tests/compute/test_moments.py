"""Merged moments: of columns far from 0, of wide integers, constants, infinities and weighted rows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ballast.compute.states.moments import BLOCK, Moments
from ballast.errors import DataError


def of(*parts, weights=None):
    """Gives the moments of columns in parts, each a state of its own, merged in order."""
    found = Moments(1)
    for i, part in enumerate(parts):
        state = Moments(1)
        state.add(np.asarray(part)[:, None], None if weights is None else weights[i])
        found.merge(state)
    return found


def exact(values):
    """Gives mean and variance as fractions make them."""
    fractions = [Fraction(float(v)) for v in values]
    mean = sum(fractions) / len(fractions)
    return float(mean), float(sum((v - mean) ** 2 for v in fractions) / len(fractions))


X = 1e9 + np.random.default_rng(2).normal(size=20_000)


@pytest.mark.parametrize("cuts", [(), (0, 0, 1, 10_000), (19_999,), range(0, 20_000, 777), range(1, 200)], ids=str)
def test_moments_when_far_from_zero_then_are_those_of_fractions_at_any_cut(cuts):
    found = of(*np.split(X, cuts))
    mean, variance = exact(X)
    np.testing.assert_allclose(found.mean, mean, rtol=3e-16)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-8)
    assert (found.count, found.missing, found.low, found.high) == (20_000, 0, X.min(), X.max())


@pytest.mark.parametrize("n", [2, 3, 1000])
def test_moments_when_values_are_next_to_one_another_then_are_those_of_fractions(n):
    values = 2**51 + np.arange(n) % 2
    found = of(values)
    assert found.mean == exact(values)[0]
    np.testing.assert_allclose(found.variance, exact(values)[1], rtol=1e-12)


@pytest.mark.parametrize("width", ["i1", "u1", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "?"])
def test_moments_when_of_any_numbers_then_are_those_of_doubles(width):
    values = np.arange(200).astype(width)
    found = of(values)
    np.testing.assert_allclose(found.mean, values.astype(float).mean())
    np.testing.assert_allclose(found.variance, values.astype(float).var())


def test_mean_when_the_sum_is_beyond_64_bits_then_is_right():
    for big in (2**62, -(2**63), 2**63 - 1):
        found = of(np.full(4, big), np.full(3, big))
        assert found.mean == float(big)
        assert found.variance == 0
    np.testing.assert_allclose(of(np.array([2**64 - 1, 0], dtype=np.uint64)).mean, 2.0**63)


@pytest.mark.parametrize("cuts", [(), (1,), (100_000, 100_001), range(7, 300_001, 30_011)], ids=str)
@pytest.mark.parametrize("value", [0.1, -1e9 / 3, 5e-324, 1.7e308])
def test_variance_when_all_values_are_one_then_is_zero_at_any_cut(value, cuts):
    same = np.full(300_001, value)
    found = of(*np.split(same, cuts))
    assert found.constant
    assert found.variance == 0
    assert found.mean == value
    spoiled = of(*np.split(np.append(same, 0.2), cuts))
    assert not spoiled.constant
    assert spoiled.variance > 0


def test_moments_when_values_are_missing_then_are_of_the_others():
    X = np.random.default_rng(0).normal(size=(3 * BLOCK // 24, 3))
    X[np.random.default_rng(1).random(X.shape) < 0.3] = np.nan
    X[:, 2] = np.nan
    found = Moments(3)
    found.add(X)
    found.pad(5)
    np.testing.assert_array_equal(found.missing, np.isnan(X).sum(axis=0) + 5)
    np.testing.assert_array_equal(found.count, (~np.isnan(X)).sum(axis=0))
    np.testing.assert_allclose(found.mean, [*np.nanmean(X[:, :2], axis=0), np.nan], rtol=1e-12)
    np.testing.assert_allclose(found.variance, [*np.nanvar(X[:, :2], axis=0), np.nan], rtol=1e-12)


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (1, 2, 3, 4)], ids=str)
@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([1, np.inf, 2, np.nan, 3], np.inf),
        ([1, -np.inf, 2, np.nan, 3], -np.inf),
        ([np.inf, 0, -np.inf, 1, 2], np.nan),
        ([np.inf] * 5, np.inf),
    ],
)
def test_mean_when_values_are_infinite_then_is_the_sums_at_any_cut(values, mean, cuts):
    found = of(*np.split(np.array(values), cuts))
    np.testing.assert_equal(found.mean, [mean])
    np.testing.assert_equal(found.variance, [np.nan])


@pytest.mark.parametrize("cut", [0, 1, 4000, 9999])
def test_moments_when_rows_are_weighted_then_are_numpys(cut):
    x = 1e6 + np.random.default_rng(0).normal(size=10_000)
    x[::7] = np.nan
    weights = np.random.default_rng(1).exponential(size=10_000)
    weights[::11] = 0
    found = of(*np.split(x, [cut]), weights=np.split(weights, [cut]))
    there = ~np.isnan(x)
    mean = np.average(x[there], weights=weights[there])
    np.testing.assert_allclose(found.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(found.variance, np.average((x[there] - mean) ** 2, weights=weights[there]), rtol=1e-9)
    np.testing.assert_allclose(found.weight, weights[there].sum())
    assert found.count == there.sum()


def test_moments_when_all_weights_but_those_of_one_value_are_zero_then_that_is_constant():
    found = of([5.0, 1.0, 1.0], [7.0], weights=[np.array([0.0, 2.0, 1.0]), np.array([0.0])])
    assert found.constant
    assert (found.mean, found.variance, found.low, found.high, found.count) == (1, 0, 1, 1, 4)


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2, 3)], ids=str)
@pytest.mark.parametrize(
    ("values", "mean", "variance"),
    [
        ([1e300, 1e300, 1e300, 3e300], 1.5e300, np.inf),
        ([8e307, 8e307, -8e307, -4e307], 1e307, np.inf),
        ([1.7e308, 1.7e308, -1.7e308, 1.7e308], np.nan, np.inf),
        ([1e-300, 3e-300, 1e-300, 3e-300], 2e-300, 0),
    ],
)
def test_moments_when_at_the_ends_of_doubles_then_are_right_or_none_at_any_cut(values, mean, variance, cuts):
    found = of(*np.split(np.array(values), cuts))
    np.testing.assert_allclose(found.mean, mean)
    np.testing.assert_allclose(found.variance, variance)


def test_moments_when_memory_lies_otherwise_then_bytes_are_the_same():
    X = np.random.default_rng(0).normal(size=(5000, 4))
    states = [Moments(4) for _ in range(4)]
    for state, given in zip(states, (X, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X + 0), strict=True):
        state.add(given)
    assert len({state.to_bytes() for state in states}) == 1


def test_moments_when_zeros_have_signs_then_bytes_are_the_same():
    assert of([0.0, 0.0], [0.0]).to_bytes() == of([-0.0, -0.0], [-0.0]).to_bytes() == of([-0.0, 0.0], [0.0]).to_bytes()


def test_moments_when_there_is_no_row_then_say_so():
    found = of([], [])
    assert np.isnan(found.mean).all()
    assert np.isnan(found.variance).all()
    assert not found.constant.any()


def test_moments_when_given_what_cannot_be_added_then_say_what():
    state = Moments(2)
    with pytest.raises(DataError, match="3 columns cannot be added to the moments of 2"):
        state.add(np.zeros((4, 3)))
    with pytest.raises(DataError, match="1 column cannot be added to the moments of 2"):
        state.merge(Moments(1))
    with pytest.raises(DataError, match=r"3 weights of 4 rows are missing, negative or beyond 1e\+200"):
        state.add(np.zeros((4, 2)), np.array([1, -1, np.nan, 1e201]))
    assert state.to_bytes() == Moments(2).to_bytes()
