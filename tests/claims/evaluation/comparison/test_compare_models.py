"""The paired interval against the truth, and against the unpaired one."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.evaluation import CompareModels

pytestmark = pytest.mark.claim


def test_comparison_when_two_models_mostly_agree_then_the_paired_interval_is_honest_and_far_narrower(claim):
    held, ratios = [], []
    for seed in claim.seeds(300, quick=10):
        rng = np.random.default_rng(seed)
        y = rng.integers(2, size=300)
        first = np.where(rng.random(300) < 0.75, y, 1 - y)
        # Of the rows, one in ten is redrawn: right with probability 0.95 instead of 0.75.
        second = np.where(rng.random(300) < 0.1, np.where(rng.random(300) < 0.95, y, 1 - y), first)
        table = CompareModels(random_state=0).assess(y, {"first": first, "second": second}).table
        accuracy = table[table["metric"] == "accuracy"]
        width = (accuracy["high"] - accuracy["low"]).to_numpy()
        difference = accuracy.iloc[2]
        held.append(difference["low"] <= 0.1 * (0.95 - 0.75) <= difference["high"])
        ratios.append(width[2] / np.hypot(width[0], width[1]))
    claim.record(held=held, width=ratios)
    assert 0.90 <= np.mean(held) <= 0.98
    assert np.mean(ratios) < 0.4
