"""Chi-squared by columns: a formula, so its level and its power are what there is to hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ballast.methods.shift import ChiSquared

pytestmark = pytest.mark.claim

SHARES = np.array([0.3, 0.25, 0.2, 0.15, 0.05, 0.05])


def rejections(seeds: range, first: float, n: int = 300, d: int = 10, shares: np.ndarray = SHARES) -> np.ndarray:
    """Gives, for each seed, whether each of d columns was named; the first column's first share becomes `first`."""
    moved = np.concatenate([[first], shares[1:] * (1 - first) / shares[1:].sum()])
    names = np.array([f"k{i}" for i in range(len(shares))], dtype=object)
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        table, target = (pd.DataFrame(names[rng.choice(len(shares), (n, d), p=shares)]) for _ in range(2))
        target[0] = names[rng.choice(len(shares), n, p=moved)]
        found.append(ChiSquared().test(table, target).table["rejected"].to_numpy()[:-1])
    return np.asarray(found)


def test_level_when_nothing_moves_then_at_most_alpha_over_all_columns(claim):
    found = rejections(claim.seeds(300, quick=10), 0.3).any(axis=1)
    claim.record(level=found)
    assert 0.015 < found.mean() < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300)


def test_level_when_most_categories_are_rare_then_still_at_most_alpha(claim):
    rare = np.concatenate([[0.6, 0.2], np.full(40, 0.005)])
    found = rejections(claim.seeds(150, quick=10), 0.6, n=100, shares=rare).any(axis=1)
    claim.record(level_if_rare=found)
    assert found.mean() < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 150)


def test_power_when_a_share_moves_then_found_and_seldom_another(claim):
    found = rejections(claim.seeds(100, quick=10), 0.45)
    claim.record(power=found[:, 0], others=found[:, 1:].any(axis=1))
    assert found[:, 0].mean() > 0.55
    assert found[:, 1:].any(axis=1).mean() < 0.12
