"""Positive and unlabelled rows: the totals, the probabilities, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from ballast.errors import DataError, OverlapError
from ballast.methods.weights import PositiveUnlabelled


def sample(n: int = 4000, share: float = 0.3, labelled: float = 0.5, seed: int = 0):
    """Gives rows of N(3, 1), which are positive, or N(-1, 1), the labels of some positives, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < share
    X = rng.normal(np.where(truth, 3.0, -1.0))[:, None]
    return X, (truth & (rng.random(n) < labelled)).astype(int), truth


def test_totals_when_weighed_then_those_of_positives_and_negatives_among_all_rows():
    X, y, truth = sample()
    found = PositiveUnlabelled().fit(X, y)
    unlabelled = y == 0
    assert found.share_ == pytest.approx(truth[unlabelled].mean(), abs=0.02)
    positives = y.sum() + found.share_ * unlabelled.sum()
    assert found.weights_[~unlabelled].sum() == pytest.approx(positives)
    assert found.weights_[unlabelled].sum() == pytest.approx(len(y) - positives)
    assert found.weights_[~unlabelled].sum() / len(y) == pytest.approx(truth.mean(), abs=0.02)
    assert np.ptp(found.weights_[~unlabelled]) == 0


def test_unlabelled_rows_when_positive_then_of_hardly_any_weight():
    X, y, truth = sample()
    trees = HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=100)
    weights = PositiveUnlabelled(classifier=trees).fit(X, y).weights_
    hidden = (y == 0) & truth
    assert weights[hidden].mean() < 0.15
    assert weights[~truth].mean() == pytest.approx(1.0, abs=0.05)
    linear = PositiveUnlabelled().fit(X, y).weights_  # its odds grow where the true ones are level
    assert linear[hidden].mean() < 0.4


def test_weights_when_of_unseen_rows_then_near_those_of_the_same_rows_in_fit():
    X, y, _ = sample()
    found = PositiveUnlabelled().fit(X, y)
    np.testing.assert_allclose(found.weigh(X, y), found.weights_, atol=0.1)
    np.testing.assert_array_equal(found.weigh(X[y == 1], y[y == 1]), found.weights_[y == 1])


def test_labels_when_texts_then_positive_says_which():
    X, y, _ = sample(400)
    text = np.where(y == 1, "fraud", "open")
    found = PositiveUnlabelled(positive="fraud").fit(X, text).weights_
    np.testing.assert_array_equal(found, PositiveUnlabelled().fit(X, y).weights_)
    with pytest.raises(DataError, match=r"label\(s\) 'fraud', 'open' in 400 rows; it must have 1 for positive"):
        PositiveUnlabelled().fit(X, text)


@pytest.mark.parametrize("y", [[0, 1, 2, 1, 0, 2], [1, 1, 1, 1, 1, 1], [0, 2, 0, 2, 0, 2]], ids=["3", "1", "no 1"])
def test_labels_when_not_positive_and_one_other_then_refused(y):
    with pytest.raises(DataError, match=r"positive_unlabelled: y has the label\(s\)"):
        PositiveUnlabelled().fit(np.arange(6.0)[:, None], np.array(y))


def test_label_when_new_then_refused():
    X, y, _ = sample(400)
    with pytest.raises(DataError, match=r"y has the label\(s\) 5 in 400 rows"):
        PositiveUnlabelled().fit(X, y).weigh(X, np.full(400, 5))


def test_rows_when_a_single_one_is_labelled_then_refused_with_the_counts():
    with pytest.raises(DataError, match=r"y has 1 positive and 9 unlabelled rows"):
        PositiveUnlabelled().fit(np.arange(10.0)[:, None], 1 * (np.arange(10) == 3))


def test_rows_when_unlabelled_ones_are_all_like_the_positive_then_refused():
    X = np.repeat([[0.0], [1.0]], 200, axis=0)
    with pytest.raises(OverlapError, match="200 unlabelled rows look like the 200 positive ones throughout"):
        PositiveUnlabelled().fit(X, np.arange(400) % 2)
