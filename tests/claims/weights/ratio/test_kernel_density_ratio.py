"""Two density estimates against an estimate of their ratio: ahead in one column, behind in twenty."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import KernelDensityRatio, RelativeLeastSquares
from tests.claims.worlds.gaussian_shifts import moved, squared_error

pytestmark = pytest.mark.claim


def gained(d: int, seeds: range) -> np.ndarray:
    """Gives by how much the densities' ratio has less error, on each seed."""
    found = []
    for seed in seeds:
        X, X_target, ratio = moved(d, seed)
        direct, densities = (
            squared_error(estimator.fit(X, X_target).weights_, ratio)
            for estimator in (RelativeLeastSquares(alpha=0.0), KernelDensityRatio())
        )
        found.append(direct - densities)
    return np.array(found)


def test_ratio_when_in_one_column_then_the_densities_are_ahead(claim):
    ahead = gained(1, claim.seeds(20))
    claim.record(ahead_1=ahead)
    assert ahead.mean() > 0.05
    assert (ahead > 0).sum() >= 12


def test_ratio_when_in_twenty_columns_then_they_are_behind(claim):
    ahead = gained(20, claim.seeds(20))
    claim.record(ahead_20=ahead)
    assert ahead.mean() < -0.15
    assert (ahead > 0).sum() <= 4
