"""The effect's interval holds the truth as often as it says, where the weights are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ballast.methods.evaluation import TreatmentEffect

pytestmark = pytest.mark.claim

RUNS, EFFECT = 1000, 1.0


def run(seed: int) -> tuple[bool, bool]:
    """Says whether the interval holds the effect, with the known weights and with none."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(500)
    propensity = expit(x)
    treated = rng.random(500) < propensity
    outcome = x + EFFECT * treated + rng.standard_normal(500)
    weights = np.where(treated, 1 / propensity, 1 / (1 - propensity))
    held = []
    for given in (weights, None):
        table = TreatmentEffect().assess(treated, outcome, given).table
        row = table[table["metric"] == "effect"].iloc[0]
        held.append(bool(row["low"] <= EFFECT <= row["high"]))
    return held[0], held[1]


def test_interval_when_the_weights_are_known_then_of_its_level_and_without_them_never(claim):
    weighted, plain = np.transpose([run(seed) for seed in claim.seeds(RUNS, quick=20)])
    claim.record(held=weighted, held_without_weights=plain)
    assert 0.92 < weighted.mean() < 0.98
    assert plain.mean() < 0.1
