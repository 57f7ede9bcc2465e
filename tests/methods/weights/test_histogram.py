"""Histograms of power-of-two bins: the same of all rows at once, and of their parts in any order."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ballast.methods.weights import DensityBasedWeights
from ballast.methods.weights._histogram import BINS, Histogram

NUMBERS = st.one_of(
    st.floats(-1e150, 1e150), st.floats(-10, 10), st.integers(-3, 3).map(float), st.floats(1e9, 1e9 + 1e-3)
).map(lambda value: value if abs(value) > 1e-150 else 0.0)  # a wider span would underflow


def same(first: Histogram, second: Histogram) -> None:
    assert (first.low, first.high, first.level, first.first) == (second.low, second.high, second.level, second.first)
    np.testing.assert_array_equal(first.counts, second.counts)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=5), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_histogram_when_added_up_in_any_order_then_that_of_all_values(parts, order):
    whole = Histogram.of(np.concatenate(parts))
    histograms = [Histogram.of(np.array(part)) for part in parts]
    order.shuffle(histograms)
    same(reduce(add, histograms), whole)
    assert whole.counts.sum() == sum(map(len, parts))
    assert len(whole.counts) <= BINS


@settings(deadline=None, max_examples=300)
@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_bins_when_values_are_looked_up_then_hold_them(values):
    found = Histogram.of(np.array(values))
    places = found.places(np.array(values))
    np.testing.assert_array_equal(np.bincount(places, minlength=len(found.counts)), found.counts)
    width = 2.0**found.level
    assert (found.edges[places] <= values).all()
    assert (np.array(values) - found.edges[places] <= width).all()
    assert found.places(np.array([-np.inf, np.inf])).tolist() == [0, len(found.counts) - 1]


def test_summaries_when_values_are_many_then_near_those_of_the_values():
    values = np.random.default_rng(0).gamma(2.0, size=10_000)
    found = Histogram.of(values)
    assert found.deviation() == pytest.approx(values.std(), rel=1e-4)
    quartiles = np.quantile(values, [0.25, 0.75])
    assert found.interquartile_range() == pytest.approx(quartiles[1] - quartiles[0], rel=1e-3)
    assert Histogram.of(np.where(values < 4, 0, values)).interquartile_range() == 0
    assert len(found.counts) > BINS / 2


def test_weights_when_batches_have_ranges_of_their_own_then_those_of_all_rows():
    y = np.random.default_rng(0).gamma(2.0, size=3000)
    batches = [y[y < 1], y[(y >= 1) & (y < 1.001)], y[y >= 1.001]]
    whole = DensityBasedWeights().fit(y)
    counted = DensityBasedWeights()
    for batch in batches:
        counted.merge(DensityBasedWeights().partial_fit(batch))
    np.testing.assert_allclose(counted.finalize().weigh(y), whole.weights_, rtol=1e-9)
    assert counted.bandwidth_ == whole.bandwidth_
