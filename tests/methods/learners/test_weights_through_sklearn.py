"""Weights reach the model through scikit-learn's own pipelines, searches and cross-validation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import sklearn
from sklearn.base import ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import ballast
from ballast.methods.learners import TorchMLP
from ballast.methods.weights import DensityRatioClassifier


@pytest.fixture(autouse=True)
def _routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
    weights = DensityRatioClassifier(random_state=0).fit(X, X[:100] + np.array([1.0, 0, 0])).weights_
    return X, y, weights


def learner() -> TorchMLP:
    return TorchMLP(hidden=[8], max_epochs=5, batch_size=256, patience=None, random_state=0, device="cpu")


@pytest.mark.parametrize("model", [learner(), LogisticRegression()], ids=["torch_mlp", "LogisticRegression"])
def test_pipeline_when_given_weights_then_the_model_fitted_with_them(data, model: ClassifierMixin):
    X, y, weights = data
    piped = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False), clone(model).set_fit_request(sample_weight=True)
    )
    piped.fit(X, y, sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    by_hand = clone(model).fit(scaled, y, sample_weight=weights)
    np.testing.assert_allclose(piped.predict_proba(X), by_hand.predict_proba(scaled), rtol=1e-5)
    unweighted = clone(model).fit(scaled, y)
    assert np.abs(by_hand.predict_proba(scaled) - unweighted.predict_proba(scaled)).max() > 0.01


@pytest.mark.parametrize("model", [learner(), LogisticRegression()], ids=["torch_mlp", "LogisticRegression"])
def test_cross_validation_when_given_weights_then_fits_and_scores_with_their_rows(data, model: ClassifierMixin):
    X, y, weights = data
    scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
    folds = KFold(3)
    found = cross_validate(
        clone(model).set_fit_request(sample_weight=True),
        X, y, cv=folds, scoring=scorer, params={"sample_weight": weights},
    )  # fmt: skip
    expected = []
    for fitted, held_out in folds.split(X):
        by_hand = clone(model).fit(X[fitted], y[fitted], sample_weight=weights[fitted])
        expected.append(accuracy_score(y[held_out], by_hand.predict(X[held_out]), sample_weight=weights[held_out]))
    np.testing.assert_allclose(found["test_score"], expected)


def test_search_when_given_weights_then_the_best_model_is_refitted_with_them(data):
    X, y, weights = data
    search = GridSearchCV(
        learner().set_fit_request(sample_weight=True),
        {"learning_rate": [0.001, 0.1]},
        scoring=make_scorer(accuracy_score).set_score_request(sample_weight=True),
        cv=3,
    ).fit(X, y, sample_weight=weights)
    by_hand = learner().set_params(**search.best_params_).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(search.predict_proba(X), by_hand.predict_proba(X))


def test_sampler_when_given_weights_then_each_row_drawn_keeps_its_source_and_its_share(data):
    X, y, weights = data
    sampler = ballast.method("importance_resampling", n_samples=20_000, random_state=0)
    drawn, labels = sampler.fit_resample(X, y, sample_weight=weights)
    rows = sampler.sample_indices_
    np.testing.assert_array_equal(drawn, X[rows])
    np.testing.assert_array_equal(labels, y[rows])
    assert np.abs(np.bincount(rows, minlength=200) / 20_000 - weights / 200).max() < 0.005
