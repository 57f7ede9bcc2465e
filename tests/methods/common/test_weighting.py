"""Weights reach every estimator that takes them and are never dropped in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ballast.errors import ParameterError
from ballast.methods.common.weighting import fit_with_weights, supports_weights
from ballast.methods.learners import LogisticRegression, RidgeRegression, TorchMLP

X = np.arange(12.0).reshape(6, 2) ** 1.5
Y = np.array([0.0, 3.0, 1.0, 5.0, 2.0, 2.5])
WEIGHT = np.array([1.0, 1.0, 1.0, 5.0, 1.0, 9.0])


@pytest.mark.parametrize(
    ("estimator", "supported"),
    [
        (Ridge(), True),
        (HistGradientBoostingClassifier(), True),
        (LogisticRegression(), True),
        (RidgeRegression(), True),
        (TorchMLP(), True),
        (make_pipeline(StandardScaler(), Ridge()), True),
        (make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())), True),
        (KNeighborsClassifier(), False),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_supports_weights_when_asked_then_it_says_what_fit_takes(estimator, supported):
    assert supports_weights(estimator) is supported


def test_fit_with_weights_when_given_a_pipeline_then_the_last_step_is_weighted():
    weighted = fit_with_weights(make_pipeline(StandardScaler(), Ridge()), X, Y, WEIGHT)
    by_hand = Ridge().fit(StandardScaler().fit_transform(X), Y, sample_weight=WEIGHT)
    assert np.allclose(weighted[-1].coef_, by_hand.coef_)
    nested = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge()))
    assert np.allclose(fit_with_weights(nested, X, Y, WEIGHT)[-1][-1].coef_, by_hand.coef_)


def test_fit_with_weights_when_there_are_none_then_any_estimator_is_fitted():
    assert fit_with_weights(KNeighborsClassifier(2), X, Y > 2, None).predict(X).shape == (6,)


def test_fit_with_weights_when_they_cannot_be_taken_then_the_error_names_estimator_and_remedy():
    with pytest.raises(ParameterError, match=r"KNeighborsClassifier .*6 rows.*importance_resampling.*rows:"):
        fit_with_weights(KNeighborsClassifier(), X, Y > 2, WEIGHT)
    with pytest.raises(ParameterError, match=r"KNeighborsClassifier \(step 'kneighborsclassifier' of a Pipeline\)"):
        fit_with_weights(make_pipeline(StandardScaler(), KNeighborsClassifier()), X, Y > 2, WEIGHT)


@pytest.mark.parametrize(
    "estimator",
    [HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2), make_pipeline(StandardScaler(), SGDClassifier())],
    ids=["trees", "batches"],
)
def test_fit_with_weights_when_rows_weigh_nothing_then_no_estimator_sees_them(estimator):
    rng = np.random.default_rng(0)
    rows, label = rng.normal(size=(60, 2)), np.arange(60) % 2
    weightless, of_no_weight = np.full((40, 2), 100.0), np.full(40, 2)
    weight = np.r_[np.ones(60), np.zeros(40)]
    estimator = clone(estimator)
    if "sgdclassifier" in getattr(estimator, "named_steps", {}):
        estimator.set_params(sgdclassifier__random_state=0, sgdclassifier__loss="log_loss")
    alone = fit_with_weights(clone(estimator), rows, label, np.ones(60)).predict_proba(rows)
    given = np.r_[rows, weightless], np.r_[label, of_no_weight]
    model = fit_with_weights(clone(estimator), *given, weight)
    np.testing.assert_array_equal(model.predict_proba(rows), alone)
    assert model.classes_.tolist() == [0, 1]


def test_fit_with_weights_when_a_label_has_no_weight_then_a_warning_names_it(caplog):
    fit_with_weights(LogisticRegression(), X, np.array(list("aabbcc")), np.array([1.0, 1, 1, 1, 0, 0]))
    assert "no weight is left of label 'c' of y (2 rows)" in caplog.text


def test_fit_with_weights_when_rows_are_a_frame_then_its_weighty_rows_are_taken():
    frame = pd.DataFrame(X, columns=["a", "b"])
    weight = np.where(np.arange(6) == 2, 0.0, 1.0)
    model = fit_with_weights(Ridge(), frame, pd.Series(Y), weight)
    np.testing.assert_allclose(model.coef_, Ridge().fit(np.delete(X, 2, axis=0), np.delete(Y, 2)).coef_)
