"""Kolmogorov-Smirnov by columns: a formula, so its level and its power are what there is to hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ballast.methods.shift import KolmogorovSmirnov

pytestmark = pytest.mark.claim


def rejections(seeds: range, shift: float, multiplicity: str = "holm", n: int = 200, d: int = 20) -> np.ndarray:
    """Gives, for each seed, whether each of d columns was named; the first moves by `shift`."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        table, target = (pd.DataFrame(rng.standard_normal((n, d))) for _ in range(2))
        target[0] += shift
        report = KolmogorovSmirnov(multiplicity=multiplicity).test(table, target)
        found.append(report.table["rejected"].to_numpy()[:-1])
    return np.asarray(found)


@pytest.mark.parametrize("multiplicity", ["holm", "benjamini_hochberg"])
def test_level_when_nothing_moves_then_at_most_alpha_over_all_columns(multiplicity, claim):
    found = rejections(claim.seeds(300, quick=10), 0.0, multiplicity).any(axis=1)
    claim.record(**{f"level_{multiplicity}": found})
    false_alarms = found.mean()
    assert 0.015 < false_alarms < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 300)


def test_power_when_one_column_moves_by_half_a_deviation_then_found_and_seldom_another(claim):
    found = rejections(claim.seeds(100, quick=10), 0.5)
    claim.record(power=found[:, 0], others=found[:, 1:].any(axis=1))
    assert found[:, 0].mean() > 0.7
    assert found[:, 1:].any(axis=1).mean() < 0.12


def test_level_when_columns_are_not_corrected_for_then_it_would_be_far_above_alpha(claim):
    seeds = claim.seeds(100, quick=10)
    one, twenty = rejections(seeds, 0.0, d=1)[:, 0], rejections(seeds, 0.0, d=20).any(axis=1)
    claim.record(level_of_one=one, level_of_twenty=twenty)
    assert max(one.mean(), twenty.mean()) < 0.13, "the same level for 1 and 20 columns; uncorrected, 20 would give 0.6"
