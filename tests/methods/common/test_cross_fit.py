"""Folds: all copies of a row in one, whatever the order of the rows, and what has no copies dealt as before."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from ballast.methods.common.cross_fit import cross_fit, deal_folds, label_probabilities

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((60, 3))


@pytest.mark.parametrize("times", [2, 10])
def test_folds_when_rows_are_copies_then_each_content_is_in_one_and_all_folds_are_used(times):
    order = np.random.default_rng(1).permutation(60 * times)
    folds = deal_folds(np.repeat(ROWS, times, axis=0)[order], 5, np.random.default_rng(2))
    content = np.repeat(np.arange(60), times)[order]
    assert [len(np.unique(folds[content == c])) for c in range(60)] == [1] * 60
    np.testing.assert_array_equal(np.bincount(folds), 12 * times)
    once = deal_folds(ROWS, 5, np.random.default_rng(2))
    np.testing.assert_array_equal(folds, once[content])


def test_folds_when_rows_are_of_categories_or_contents_are_few_then_dealt_one_by_one():
    categories = RNG.integers(0, 3, (100, 2)).astype(float)
    for rows, k in ((categories, 5), (np.repeat(ROWS[:3], 20, axis=0), 5)):
        np.testing.assert_array_equal(np.bincount(deal_folds(rows, k, np.random.default_rng(0))), len(rows) // k)


def test_cross_fit_when_rows_stand_in_both_samples_then_held_out_together():
    fitted = cross_fit(KNeighborsClassifier(1), ROWS, ROWS[::-1].copy(), 5, np.random.default_rng(0), "it")
    np.testing.assert_array_equal(fitted.folds, fitted.folds_target[::-1])
    part = cross_fit(KNeighborsClassifier(1), ROWS, ROWS[:2], 5, np.random.default_rng(0), "it")
    np.testing.assert_array_equal(part.folds_target, part.folds[:2])


def test_label_probabilities_when_rows_are_copies_then_no_model_knows_the_row():
    labels = np.repeat(RNG.integers(0, 2, 60), 5)  # by the row's content, and by chance
    nearest, models = label_probabilities(
        KNeighborsClassifier(1), np.repeat(ROWS, 5, axis=0), labels, None, np.random.default_rng(0), "it"
    )
    assert len(models) == 5
    assert np.mean(nearest.argmax(axis=1) == labels) < 0.7
