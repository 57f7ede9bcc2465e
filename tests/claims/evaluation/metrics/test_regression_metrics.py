"""Intervals of regression metrics against the population's values."""

from __future__ import annotations

import pytest

from ballast.methods.evaluation import RegressionMetrics
from tests.claims.worlds.coverage import SAMPLES, coverage

pytestmark = pytest.mark.claim


def test_regression_intervals_when_samples_repeat_then_95_percent_of_them_hold_the_truth(claim):
    def draw(rng, n):
        y = rng.normal(size=n)
        return y, 0.8 * y + 0.1 + 0.5 * rng.normal(size=n), rng.exponential(size=n)

    def assess(y, prediction, w, n_bootstrap):
        return RegressionMetrics(n_bootstrap=n_bootstrap, random_state=0).assess(y, prediction, w)

    names = ["root_mean_squared_error", "mean_absolute_error", "r2", "bias"]
    found = coverage(claim.seeds(SAMPLES, quick=5), draw, assess, 300, names)
    claim.record(**found)
    assert all(0.90 <= share <= 0.98 for share in found.values()), found
