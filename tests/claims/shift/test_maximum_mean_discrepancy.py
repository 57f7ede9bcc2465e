"""Maximum mean discrepancy holds its level and sees what tests by column cannot."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.shift import KolmogorovSmirnov, MaximumMeanDiscrepancy

pytestmark = pytest.mark.claim


def samples(seed: int, n: int, d: int, correlation: float = 0.0, mean: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Standard Gaussians; the target's first two columns are correlated, and its first moves by `mean`."""
    rng = np.random.default_rng(seed)
    X, X_target = (rng.standard_normal((n, d)).astype(np.float32) for _ in range(2))
    X_target[:, 1] = correlation * X_target[:, 0] + np.sqrt(1 - correlation**2) * X_target[:, 1]
    X_target[:, 0] += mean
    return X, X_target


def rejected(test, seeds: range, **shift: float) -> np.ndarray:
    return np.array([test.test(*samples(s, **shift)).rejected for s in seeds])


@pytest.mark.parametrize("exact_limit", [20_000, 1], ids=["exact", "linear"])
def test_level_when_nothing_moves_then_alpha(exact_limit, claim):
    test = MaximumMeanDiscrepancy(n_permutations=99, exact_limit=exact_limit)
    level = rejected(test, claim.seeds(250, quick=10), n=60, d=3)
    claim.record(**{f"level_{exact_limit}": level})
    assert level.mean() == pytest.approx(0.05, abs=2.5 * np.sqrt(0.05 * 0.95 / 250))


def test_power_when_the_correlation_alone_moves_then_found_where_tests_by_column_find_nothing(claim):
    seeds = claim.seeds(20)
    kernel = rejected(MaximumMeanDiscrepancy(n_permutations=99), seeds, n=300, d=2, correlation=0.6)
    columns = rejected(KolmogorovSmirnov(), seeds, n=300, d=2, correlation=0.6)
    claim.record(power=kernel, power_by_column=columns)
    assert kernel.mean() > 0.85
    assert columns.mean() < 0.25


def test_power_when_columns_that_do_not_move_are_added_then_it_falls(claim):
    few, many = [
        rejected(MaximumMeanDiscrepancy(n_permutations=99), claim.seeds(20), n=300, d=d, correlation=0.6)
        for d in (2, 8)
    ]
    claim.record(power_2=few, power_8=many)
    assert many.mean() < few.mean() - 0.4, "the limit that the card states"


def test_power_when_linear_then_near_that_of_all_pairs(claim):
    shift = {"n": 1000, "d": 10, "mean": 0.2}
    exact, linear = (
        rejected(MaximumMeanDiscrepancy(n_permutations=99, exact_limit=limit), claim.seeds(25), **shift)
        for limit in (20_000, 1)
    )
    claim.record(power_exact=exact, power_linear=linear)
    assert linear.mean() > exact.mean() - 0.25
    assert linear.mean() > 0.5
