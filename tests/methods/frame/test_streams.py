"""What the frame does around ``partial_fit``, ``merge`` and ``finalize``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.frame.streams import StreamingWeigher
from ballast.methods.weights import EffectiveNumber, InverseClassFrequency

Y = np.repeat(["a", "b", "c"], [60, 30, 10])


class FirstColumn(StreamingWeigher):
    """The ratio of the first column's means, times the column."""

    name = "first_column"
    estimates_ratio = True

    def fit(self, X, X_target):
        self._forget()
        self.partial_fit(X, X_target).finalize()
        self.ratio_ = self.weigh(X)
        return self

    def partial_fit(self, X=None, X_target=None):
        for rows, n, total in ((X, "n", "own"), (X_target, "m", "theirs")):
            if rows is not None:
                moments = np.array([rows[:, 0].sum(), (rows[:, 0] ** 2).sum()])
                self._counted.add(**{n: len(rows), total: moments})
        return self

    def weigh(self, X):
        return self.factor_ * X[:, 0]

    def _learn_from(self, counted):
        mean, square = counted["own"] / counted["n"]
        self.factor_ = counted["theirs"][0] / counted["m"] / mean
        return self.factor_ * mean, self.factor_**2 * square


def test_weights_when_counted_in_batches_then_of_mean_one_over_all_rows_counted():
    X, X_target = np.random.default_rng(0).random((2, 100, 2))
    counted = FirstColumn().partial_fit(X[:30]).partial_fit(X_target=X_target).partial_fit(X[30:]).finalize()
    np.testing.assert_allclose(counted.weigh(X), FirstColumn().fit(X, X_target).weights_)
    assert counted.weigh(X).mean() == pytest.approx(1)
    assert not hasattr(counted, "weights_")


def test_class_when_it_first_appears_in_a_later_batch_then_counted():
    counted = InverseClassFrequency().partial_fit(Y[:60])
    counted.merge(InverseClassFrequency().partial_fit(np.array(["longer than the others", *Y[60:]]))).finalize()
    assert list(counted.classes_) == ["a", "b", "c", "longer than the others"]
    assert counted.class_weights_ @ [60, 30, 10, 1] == pytest.approx(101)


def test_calls_when_out_of_order_then_told_what_comes_first():
    with pytest.raises(DataError, match=r"no training rows \(y\) were counted; call partial_fit"):
        InverseClassFrequency().finalize()
    with pytest.raises(NotFittedError, match="call fit or finalize before weigh"):
        InverseClassFrequency().partial_fit(Y).weigh(Y)
    X = np.ones((3, 2))
    with pytest.raises(NotFittedError, match="call fit or finalize before weigh"):
        FirstColumn().partial_fit(X).weigh(X)
    with pytest.raises(DataError, match=r"no rows of the target \(X_target\) were counted"):
        FirstColumn().partial_fit(X).finalize()
    with pytest.raises(DataError, match=r"partial_fit was given no rows; it takes X, X_target"):
        FirstColumn().partial_fit()


def test_fit_when_rows_were_counted_before_then_forgets_them_and_goes_on_after():
    counted = InverseClassFrequency().partial_fit(np.array(["z", *Y])).fit(Y)
    assert list(counted.classes_) == ["a", "b", "c"]
    counted.partial_fit(np.array(["d"])).finalize()
    assert counted.class_weights_ @ [60, 30, 10, 1] == pytest.approx(101)


def test_parameters_when_wrong_then_refused_before_a_batch_is_counted():
    with pytest.raises(ParameterError, match="'beta'"):
        EffectiveNumber(beta=2.0).partial_fit(Y)


def test_batch_when_refused_then_leaves_nothing_behind():
    counted = InverseClassFrequency().partial_fit(Y)
    with pytest.raises(DataError, match=r"y holds labels of another kind than before \(integer such as 1"):
        counted.partial_fit(np.array([1, 2]))
    with pytest.raises(DataError, match="y mixes labels that have no order"):
        counted.partial_fit(np.array([1, "a"], dtype=object))
    np.testing.assert_allclose(counted.finalize().weigh(Y), InverseClassFrequency().fit(Y).weights_)
    unborn = FirstColumn()
    with pytest.raises(DataError, match="holds 1 NaN"):
        unborn.partial_fit(np.array([[np.nan]]))
    unborn.partial_fit(np.ones((3, 2)))


def test_columns_when_others_than_of_the_first_batch_then_refused():
    frame = pd.DataFrame(np.ones((3, 2)), columns=["age", "pay"])
    counted = FirstColumn().partial_fit(frame)
    with pytest.raises(DataError, match="X_target has 1 column"):
        counted.partial_fit(X_target=np.ones((3, 1)))
    with pytest.raises(DataError, match="X_target does not have the columns it was fitted on: age, pay"):
        counted.partial_fit(X_target=frame[["pay", "age"]])
    with pytest.raises(DataError, match="feature_names_in_ differ from what is to be merged"):
        counted.merge(FirstColumn().partial_fit(frame[["pay", "age"]]))


def test_merge_when_into_an_object_that_counted_nothing_then_takes_all_over():
    frame = pd.DataFrame(np.ones((3, 2)), columns=["age", "pay"])
    total = FirstColumn().merge(FirstColumn().partial_fit(frame, frame)).finalize()
    with pytest.raises(DataError, match="columns it was fitted on: age, pay"):
        total.weigh(frame[["pay", "age"]])


def test_merge_when_of_other_parameters_or_classes_then_refused_with_the_difference():
    counted: Any = EffectiveNumber(0.9).partial_fit(Y)
    with pytest.raises(DataError, match=r"parameter 'beta' is 0\.9 here and 0\.99 in what is to be merged"):
        counted.merge(EffectiveNumber(0.99).partial_fit(Y))
    with pytest.raises(DataError, match="takes another EffectiveNumber, and was given an object of InverseClass"):
        counted.merge(InverseClassFrequency().partial_fit(Y))
    with pytest.raises(DataError, match="was given itself"):
        counted.merge(counted)


def test_copy_when_empty_then_has_the_parameters_and_no_rows():
    copy = EffectiveNumber(0.9).fit(Y).empty_copy()
    assert copy.beta == 0.9
    with pytest.raises(DataError, match="no training rows"):
        copy.finalize()


def test_ratio_when_the_target_does_not_overlap_then_refused_with_the_size_that_is_left():
    X = np.array([[1.0], [1.0], [1.0], [1.0]])
    with pytest.raises(OverlapError, match=r"the 4 training rows: .* averages 0\.01 .* effective sample size 4\.0"):
        FirstColumn().partial_fit(X, 0.01 * X).finalize()
