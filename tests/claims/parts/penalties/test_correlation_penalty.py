"""The correlation penalty beside squared error: what it does early in training, and what is left of it at the end."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.learners import TorchMLP
from ballast.methods.parts import CorrelationPenalty
from ballast.methods.weights import DensityBasedWeights
from tests.claims.worlds.skewed_targets import on_rare, skewed

pytestmark = pytest.mark.claim

SEEDS = 8


def run(seed: int) -> np.ndarray:
    """Gives what the penalty changes of the (error, correlation) on rare values, at the end and early in training.

    Last come those at the end without it.
    """
    X, y, train = skewed(seed)
    weights = DensityBasedWeights("involution", alpha=1.0).fit(y[train]).weights_

    def fitted(penalty: CorrelationPenalty | None, epochs: int, own: np.ndarray | None) -> np.ndarray:
        model = TorchMLP(hidden=(64, 64), max_epochs=epochs, patience=None, regularizer=penalty, random_state=seed)
        return on_rare(model.fit(X[train], y[train], own), X, y, train)

    plain = fitted(None, 40, weights)
    end = fitted(CorrelationPenalty(), 40, weights) - plain
    return np.array([end, fitted(CorrelationPenalty(2.0), 4, None) - fitted(None, 4, None), plain])


def test_rare_values_when_the_correlation_is_penalised_then_no_better_at_the_end_and_ordered_sooner_at_a_cost(claim):
    runs = np.array([run(seed) for seed in claim.seeds(SEEDS)])
    claim.record(
        error=runs[:, 0, 0],
        correlation=runs[:, 0, 1],
        early_error=runs[:, 1, 0],
        early_correlation=runs[:, 1, 1],
        error_without=runs[:, 2, 0],
    )
    (error, correlation), (early_error, early_correlation), _ = runs.mean(axis=0)
    assert error > -0.01, "the penalty now lowers the error on rare values: tell the card"
    assert correlation < 0.01, "the penalty now raises the correlation on rare values: tell the card"
    assert early_correlation > 0.03
    assert early_error > 0.2
