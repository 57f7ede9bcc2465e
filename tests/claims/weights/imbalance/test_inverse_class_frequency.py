"""Weights by class frequency: a formula; what it does for errors on rare classes, and what it costs elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from ballast.methods.weights import InverseClassFrequency

pytestmark = pytest.mark.claim


def scores(seed: int) -> np.ndarray:
    """Gives (balanced accuracy, accuracy) of the plain and the weighted learner where one class in twenty is rare."""
    rng = np.random.default_rng(seed)
    y, y_test = (rng.random(n) < 0.05 for n in (1000, 5000))
    X, X_test = (rng.standard_normal((len(labels), 2)) + labels[:, None] for labels in (y, y_test))
    found = []
    for weights in (None, InverseClassFrequency().fit(y).weights_):
        predicted = LogisticRegression().fit(X, y, sample_weight=weights).predict(X_test)
        found.append((balanced_accuracy_score(y_test, predicted), accuracy_score(y_test, predicted)))
    return np.asarray(found)


def test_balanced_accuracy_when_a_class_is_rare_then_higher_and_accuracy_lower(claim):
    found = np.stack([scores(seed) for seed in claim.seeds(15)])
    claim.record(balanced_gain=found[:, 1, 0] - found[:, 0, 0], lost=found[:, 0, 1] - found[:, 1, 1])
    assert (found[:, 1, 0] > found[:, 0, 0] + 0.1).all()
    assert (found[:, 1, 1] < found[:, 0, 1]).all(), "it repairs one loss at the price of the other"
