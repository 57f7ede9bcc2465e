"""Black box shift estimation on label shifts whose class shares are known."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.errors import DataError
from ballast.methods.weights import BlackBoxShift

CONFUSION = np.array([[0.8, 0.1, 0.2], [0.1, 0.7, 0.1], [0.1, 0.2, 0.7]])
"""Column k: how a made-up model votes on rows of class k."""
SOURCE, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])


def predictions(rng: np.random.Generator, shares: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives labels of given shares, and sharp probabilities whose largest class follows CONFUSION."""
    y = np.repeat(np.arange(3), np.round(shares * n).astype(int))
    votes = np.array([rng.choice(3, p=CONFUSION[:, k]) for k in y])
    return 0.85 * np.eye(3)[votes] + 0.05, y


@pytest.mark.parametrize("soft", [True, False])
def test_priors_when_labels_shift_then_those_of_the_target(soft):
    rng = np.random.default_rng(0)
    probs, y = predictions(rng, SOURCE, 4000)
    probs_target, _ = predictions(rng, TARGET, 4000)
    model = BlackBoxShift(soft=soft).fit(probs, y, probs_target)
    np.testing.assert_allclose(model.priors_, TARGET, atol=0.04)
    np.testing.assert_allclose(model.ratio_per_class_, TARGET / SOURCE, rtol=0.25)
    assert np.abs(1 / model.ratio_per_class_ - TARGET / SOURCE).max() > 1, "the inverse is no estimate of the ratio"
    assert model.weights_.mean() == pytest.approx(1)
    np.testing.assert_allclose(model.weigh(np.array([2, 0])), model.ratio_per_class_[[2, 0]])


def test_priors_when_the_confusion_is_exact_then_exact():
    y = np.repeat([0, 1, 2], [5, 3, 2])
    shares = np.array([0.2, 0.3, 0.5])
    model = BlackBoxShift().fit(CONFUSION.T[y], y, (CONFUSION @ shares)[None, :])
    np.testing.assert_allclose(model.priors_, shares, atol=1e-12)
    np.testing.assert_allclose(model.confusion_, CONFUSION, atol=1e-12)
    assert model.condition_ == pytest.approx(np.linalg.cond(CONFUSION))


def test_classes_when_columns_are_named_in_another_order_then_each_share_goes_to_its_class():
    y = np.array(["b", "c", "a"])[np.repeat([0, 1, 2], [5, 3, 2])]
    columns = np.array(["b", "c", "a"])
    shares = np.array([0.2, 0.3, 0.5])
    model = BlackBoxShift().fit(CONFUSION.T[np.repeat([0, 1, 2], [5, 3, 2])], y, (CONFUSION @ shares)[None, :], columns)
    np.testing.assert_allclose(model.priors_, shares, atol=1e-12)
    assert model.weigh(np.array(["a"]))[0] == pytest.approx(0.5 / 0.2)


def test_priors_when_the_estimate_falls_below_zero_then_zero_and_the_rest_sum_to_one():
    y = np.repeat([0, 1, 2], [5, 3, 2])
    beyond = np.array([[0.95, 0.03, 0.02]])  # more votes for class 0 than even its own rows give
    model = BlackBoxShift().fit(CONFUSION.T[y], y, beyond)
    assert model.priors_.min() == 0
    assert model.priors_.sum() == pytest.approx(1)
    assert (model.weights_ >= 0).all()


def test_fit_when_the_model_cannot_tell_classes_apart_then_names_the_condition_number():
    y = np.repeat([0, 1], 50)
    vague = np.tile([0.6, 0.4], (100, 1))
    with pytest.raises(DataError, match=r"black_box_shift: .*100 rows and 2 classes.*condition number"):
        BlackBoxShift().fit(vague, y, vague)
    barely = vague + np.where(y == 0, 0.02, -0.02)[:, None] * [1, -1]
    with pytest.raises(DataError, match="max_condition 10"):
        BlackBoxShift(max_condition=10.0).fit(barely, y, vague)
    assert BlackBoxShift(max_condition=1000.0).fit(barely, y, barely).priors_[0] == pytest.approx(0.5)


def test_fit_when_classes_do_not_fit_the_columns_then_says_which():
    probs = np.full((4, 3), 1 / 3)
    y = np.array([0, 1, 0, 1])
    with pytest.raises(DataError, match=r"3 columns but there are 2 classes"):
        BlackBoxShift().fit(probs, y, probs)
    with pytest.raises(DataError, match="no training row of class 2"):
        BlackBoxShift().fit(probs, y, probs, np.array([0, 1, 2]))
    with pytest.raises(DataError, match=r"y holds .* not among the known ones, such as .*1"):
        BlackBoxShift().fit(probs, y, probs, np.array([0, 5, 2]))


def test_fit_when_there_is_one_class_then_refuses():
    with pytest.raises(DataError, match="y has only one value"):
        BlackBoxShift().fit(np.ones((3, 1)), np.zeros(3, dtype=int), np.ones((2, 1)))


def test_weigh_when_a_label_is_new_then_names_it():
    y = np.repeat([0, 1, 2], [5, 3, 2])
    model = BlackBoxShift().fit(CONFUSION.T[y], y, CONFUSION.T[y])
    with pytest.raises(DataError, match=r"1 value in 2 of 3 rows.*9"):
        model.weigh(np.array([9, 0, 9]))


def test_fit_when_rows_are_permuted_then_weights_are_permuted():
    rng = np.random.default_rng(1)
    probs, y = predictions(rng, SOURCE, 500)
    order = rng.permutation(len(y))
    weights = BlackBoxShift().fit(probs, y, probs[:100]).weights_
    np.testing.assert_allclose(BlackBoxShift().fit(probs[order], y[order], probs[:100]).weights_, weights[order])


def test_shares_when_counted_in_batches_then_those_of_all_whatever_the_order_of_the_classes():
    rng = np.random.default_rng(3)
    y = np.repeat(["cat", "ant", "bee"], 40)
    named = np.array(["cat", "ant", "bee"])
    probs, probs_target = rng.dirichlet([1, 1, 1], 120), rng.dirichlet([3, 1, 1], 50)
    probs[np.arange(120), np.repeat([0, 1, 2], 40)] += 1
    probs /= probs.sum(axis=1, keepdims=True)
    whole = BlackBoxShift().fit(probs, y, probs_target, classes=named)
    counted = BlackBoxShift().partial_fit(probs_target=probs_target, classes=named)
    other = counted.empty_copy()
    for rows in (slice(0, 50), slice(50, 120)):  # neither has all classes
        other.partial_fit(probs[rows], y[rows])
    counted.merge(other).finalize()
    np.testing.assert_array_equal(counted.classes_, named)
    np.testing.assert_allclose(counted.priors_, whole.priors_)
    np.testing.assert_allclose(counted.weigh(y), whole.weights_)


def test_batches_when_they_do_not_belong_together_then_refused():
    probs, y = np.full((3, 3), 1 / 3), np.array([0, 1, 2])
    counted = BlackBoxShift().partial_fit(probs, y)
    with pytest.raises(DataError, match="needs probs and y of the same training rows"):
        counted.partial_fit(probs)
    with pytest.raises(DataError, match="needs probs and y of the same training rows"):
        counted.partial_fit(classes=y)
    with pytest.raises(DataError, match="classes differ from those of earlier batches"):
        counted.partial_fit(probs, y, classes=y[::-1])
    with pytest.raises(DataError, match="probs_target has 2 column"):
        counted.partial_fit(probs_target=np.full((3, 2), 0.5))
    with pytest.raises(DataError, match="width differ"):
        counted.merge(BlackBoxShift().partial_fit(np.full((3, 2), 0.5), y))
    counted.partial_fit(probs_target=probs).partial_fit(probs[:1], y[:1])
    with pytest.raises(DataError, match="confusion matrix of 4 rows and 3 classes"):
        counted.finalize()


def test_dtype_when_a_batch_is_of_double_precision_then_that_of_the_weights():
    probs, y = np.eye(2, dtype=np.float32)[[0, 1, 1]], np.array([0, 1, 1])
    counted = BlackBoxShift().partial_fit(probs, y, probs)
    assert counted.finalize().weigh(y).dtype == np.float32
    assert counted.partial_fit(probs.astype(float), y).finalize().weigh(y).dtype == np.float64
