"""Weights reach every estimator that takes them and are never dropped in silence."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge
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
