"""Repeat factors on long-tailed digits: rare classes gain, frequent ones keep."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ballast.methods.weights import InverseClassFrequency, RepeatFactor

pytestmark = pytest.mark.claim

SEEDS = 15


def run(seed: int) -> dict[str, np.ndarray]:
    """Gives by how much each way to weigh raises the recall of rare and of frequent classes."""
    rng = np.random.default_rng(seed)
    X, y = load_digits(return_X_y=True)
    X = X / 16 + rng.normal(0, 0.4, X.shape)
    order = rng.permutation(len(X))
    sizes = np.round(120 * 0.01 ** (rng.permutation(10) / 9)).astype(int).clip(1)
    by_class = [order[y[order] == k] for k in range(10)]
    train = np.concatenate([rows[:size] for rows, size in zip(by_class, sizes, strict=True)])
    test = np.concatenate([rows[120:] for rows in by_class])

    def recalls(weights: np.ndarray | None) -> np.ndarray:
        found = LogisticRegression(max_iter=500).fit(X[train], y[train], sample_weight=weights).predict(X[test])
        recall = np.array([np.mean(found[y[test] == k] == k) for k in range(10)])
        return np.array([recall[sizes <= 10].mean(), recall[sizes >= 40].mean()])

    plain = recalls(None)
    return {w.name: recalls(w.fit(y[train]).weights_) - plain for w in (RepeatFactor(), InverseClassFrequency())}


def test_recall_when_weighed_by_repeat_factors_then_of_rare_classes_higher_and_of_frequent_ones_kept(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    factors, inverse = (np.array([r[name] for r in runs]) for name in ("repeat_factor", "inverse_class_frequency"))
    claim.record(rare=factors[:, 0], frequent=factors[:, 1], rare_inverse=inverse[:, 0], frequent_inverse=inverse[:, 1])
    assert factors[:, 0].mean() - 2 * factors[:, 0].std(ddof=1) / np.sqrt(SEEDS) > 0.02
    assert factors[:, 1].mean() > -0.01
    assert (inverse.mean(axis=0) * [1, -1] > factors.mean(axis=0) * [1, -1]).all()
