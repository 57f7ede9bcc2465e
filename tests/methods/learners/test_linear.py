"""Logistic and ridge regression: scikit-learn's own fit, weighted throughout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ballast.errors import DataError
from ballast.methods.learners import LogisticRegression, RidgeRegression


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer], ids=["three", "two"])
def test_logistic_regression_when_unweighted_then_it_equals_scikit_learn_with_a_scaler(load):
    X, y = load(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    ours = LogisticRegression(C=0.5).fit(X, names)
    theirs = make_pipeline(StandardScaler(), SklearnLogisticRegression(C=0.5, max_iter=1000)).fit(X, names)
    assert np.allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert ours.decision_function(X).shape == (len(X), len(ours.classes_))
    assert np.allclose(softmax(ours.decision_function(X), axis=1), ours.predict_proba(X))


@pytest.mark.parametrize("model", [LogisticRegression(C=0.1), RidgeRegression(alpha=3.0)], ids=["logistic", "ridge"])
def test_linear_models_when_weights_are_whole_numbers_then_they_equal_repeated_rows(model):
    X, y = load_iris(return_X_y=True) if isinstance(model, LogisticRegression) else load_diabetes(return_X_y=True)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = clone(model).fit(X, y, sample_weight=weight.astype(float))
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    call = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    assert np.allclose(getattr(weighted, call)(X), getattr(repeated, call)(X), rtol=1e-3, atol=1e-4)
    assert not np.allclose(getattr(weighted, call)(X), getattr(clone(model).fit(X, y), call)(X), rtol=1e-3, atol=1e-3)


def test_logistic_regression_when_y_has_one_class_then_data_error():
    with pytest.raises(DataError, match="3 rows of y have the same label"):
        LogisticRegression().fit(np.eye(3), np.array(["a", "a", "a"]))


def test_ridge_regression_when_y_holds_strings_then_data_error():
    with pytest.raises(DataError, match="numbers for regression"):
        RidgeRegression().fit(np.eye(2), np.array(["a", "b"]))


@pytest.mark.parametrize("model", [LogisticRegression(), RidgeRegression()], ids=["logistic", "ridge"])
def test_linear_models_when_given_float32_then_float32_comes_back(model):
    X, y = load_iris(return_X_y=True)
    model = clone(model).fit(X.astype(np.float32), y)
    given = model.predict_proba(X.astype(np.float32)) if hasattr(model, "classes_") else model.predict(X.astype("f4"))
    assert given.dtype == np.float32


@pytest.mark.parametrize("model", [LogisticRegression(), RidgeRegression()], ids=["logistic", "ridge"])
def test_linear_models_when_stored_with_skops_then_only_our_own_types_need_trust(model):
    import skops.io

    X, y = load_iris(return_X_y=True)
    model = clone(model).fit(X, y)
    stored = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("ballast.methods.") for name in untrusted)
    assert np.array_equal(skops.io.loads(stored, trusted=untrusted).predict(X), model.predict(X))


def test_linear_models_when_cross_validated_by_scikit_learn_then_they_work():
    X, y = load_iris(return_X_y=True)
    assert (cross_val_predict(LogisticRegression(), X, y, cv=3) == y).mean() > 0.9  # stratified, as it is a classifier
    assert cross_val_predict(RidgeRegression(), X, y, cv=3).shape == (150,)
