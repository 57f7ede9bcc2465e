"""Intervals of classification metrics against the population's values."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.evaluation import ClassificationMetrics
from tests.claims.worlds.coverage import SAMPLES, coverage

pytestmark = pytest.mark.claim


def classified(rng: np.random.Generator, n: int):
    X = rng.normal(size=(n, 3))
    true = np.exp(X)
    true /= true.sum(axis=1, keepdims=True)
    y = (true.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    stated = np.exp(0.6 * X + [0.3, 0, 0])
    return np.minimum(y, 2), stated / stated.sum(axis=1, keepdims=True), rng.exponential(size=n)


def test_classification_intervals_when_samples_repeat_then_95_percent_of_them_hold_the_truth(claim):
    names = ["accuracy", "balanced_accuracy", "log_loss", "brier", "macro_f1", "auroc"]

    def assess(y, probs, w, n_bootstrap):
        method = ClassificationMetrics(n_bootstrap=n_bootstrap, random_state=0)
        return method.assess(y, probs, w, classes=np.arange(3))

    found = coverage(claim.seeds(SAMPLES, quick=5), classified, assess, 300, names)
    claim.record(**found)
    assert all(0.90 <= share <= 0.98 for share in found.values()), found
