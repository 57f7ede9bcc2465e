"""Reweighing: a classifier's rates of the favourable label come nearer to each other."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ballast.methods.weights import Reweighing

pytestmark = pytest.mark.claim


def run(seed: int) -> tuple[float, float, float, float]:
    """Gives the difference of the groups' rates and the accuracy: without weights, and with them."""
    rng = np.random.default_rng(seed)
    group = rng.integers(2, size=4000)
    X = np.column_stack([rng.normal(size=(4000, 3)), rng.normal(size=4000) + 0.8 * group])
    y = X @ [1.0, 0.5, 0.0, 0.3] + 1.2 * group + rng.logistic(size=4000) > 0.6
    train, test = slice(0, 2000), slice(2000, None)

    def judged(weights: np.ndarray | None) -> tuple[float, float]:
        found = LogisticRegression().fit(X[train], y[train], sample_weight=weights).predict(X[test])
        rates = [found[group[test] == g].mean() for g in (0, 1)]
        return rates[1] - rates[0], float(np.mean(found == y[test]))

    return *judged(None), *judged(Reweighing().fit(y[train], groups=group[train]).weights_)


def test_rates_when_reweighed_then_nearer_at_little_accuracy(claim):
    apart, accuracy, apart_fair, accuracy_fair = np.array([run(seed) for seed in claim.seeds(15)]).T
    assert (apart_fair < apart).all()
    claim.record(apart=apart_fair, apart_unweighted=apart, accuracy=accuracy_fair, accuracy_unweighted=accuracy)
    assert (apart - apart_fair).mean() > 0.03
    assert (accuracy - accuracy_fair).mean() < 0.01
