"""Class weights to a power law: shares, ranks, and what has no place in a law over values."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.weights import InverseClassFrequency, LogUniformTarget

OUTCOMES = np.repeat([1, 2, 5, 10], [600, 300, 30, 70])


def totals(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.array([weights[y == label].sum() for label in np.unique(y)]) / weights.sum()


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_shares_when_over_values_then_powers_of_the_values(exponent):
    found = LogUniformTarget(exponent, over="value").fit(OUTCOMES)
    law = np.array([1, 2, 5, 10.0]) ** -exponent
    np.testing.assert_allclose(found.shares_, law / law.sum())
    np.testing.assert_allclose(totals(OUTCOMES, found.weights_), found.shares_)
    np.testing.assert_allclose(found.weigh(OUTCOMES), found.weights_)


def test_shares_when_over_ranks_then_the_frequent_class_has_the_most_and_equal_ones_the_same():
    y = np.repeat(["rare", "often", "also", "never"], [5, 80, 20, 20])
    found = LogUniformTarget().fit(y)
    law = 1 / np.array([2.5, 2.5, 1.0, 4.0])  # also, never, often, rare
    np.testing.assert_allclose(found.shares_, law / law.sum())
    np.testing.assert_allclose(totals(y, found.weights_), found.shares_)


def test_weights_when_the_exponent_is_zero_then_those_of_balanced_classes():
    balanced = InverseClassFrequency().fit(OUTCOMES).weights_
    for over in ("value", "rank"):
        np.testing.assert_allclose(LogUniformTarget(0, over=over).fit(OUTCOMES).weights_, balanced)


def test_weights_when_the_data_follow_the_law_then_uniform():
    y = np.repeat([1, 2, 3, 6], [60, 30, 20, 10])
    np.testing.assert_allclose(LogUniformTarget(over="value").fit(y).weights_, 1.0)
    np.testing.assert_allclose(LogUniformTarget(over="value").fit(y.astype(float)).weights_, 1.0)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.array(["a", "b", "b"]), "2 of the 2 classes of y are not whole numbers from 1 on, such as 'a'"),
        (np.array([0, 1, 2]), "1 of the 3 classes of y .* such as 0,"),
        (np.array([1.5, 1.0, 2.0]), "1 of the 3 classes"),
        (np.array([True, False]), "1 of the 2 classes"),
    ],
    ids=["texts", "zero", "fraction", "booleans"],
)
def test_labels_when_no_whole_numbers_from_one_on_then_refused_over_values_with_the_remedy(y, said):
    with pytest.raises(DataError, match=rf"log_uniform_target: {said}.*use over='rank'"):
        LogUniformTarget(over="value").fit(y)
    assert LogUniformTarget().fit(y).weights_.mean() == pytest.approx(1.0)
