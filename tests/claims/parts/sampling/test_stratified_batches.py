"""Batches stratified over the target's range beside batches in any order: what they even out, and what they gain."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.learners import TorchMLP
from ballast.methods.parts import CorrelationPenalty, StratifiedBatches
from ballast.methods.weights import DensityBasedWeights
from tests.claims.worlds.skewed_targets import on_rare, skewed

pytestmark = pytest.mark.claim

SEEDS = 8


def run(seed: int) -> np.ndarray:
    """Gives what the batches change of the (error, correlation) on rare values: alone, and with the penalty.

    Last come those without either.
    """
    X, y, train = skewed(seed)
    weights = DensityBasedWeights("involution", alpha=1.0).fit(y[train]).weights_

    def fitted(sampling: StratifiedBatches | None, penalty: CorrelationPenalty | None) -> np.ndarray:
        parts = {"sampling": sampling, "regularizer": penalty}
        model = TorchMLP(hidden=(64, 64), max_epochs=40, patience=None, random_state=seed, **parts)
        return on_rare(model.fit(X[train], y[train], weights), X, y, train)

    plain, penalty = fitted(None, None), CorrelationPenalty()
    alone = fitted(StratifiedBatches(), None) - plain
    return np.array([alone, fitted(StratifiedBatches(), penalty) - fitted(None, penalty), plain])


def test_rare_values_when_batches_are_stratified_then_no_better_with_the_penalty_or_without(claim):
    runs = np.array([run(seed) for seed in claim.seeds(SEEDS)])
    (error, correlation), (with_penalty, correlation_with_penalty), (without, _) = runs.transpose(1, 2, 0)
    claim.record(
        error=error,
        correlation=correlation,
        error_with_penalty=with_penalty,
        correlation_with_penalty=correlation_with_penalty,
        error_without=without,
    )
    for error, correlation in runs.mean(axis=0)[:2]:
        assert abs(error) < 0.01, "the batches now change the error on rare values: tell the card"
        assert abs(correlation) < 0.01, "the batches now change the correlation on rare values: tell the card"
