"""Two density estimates against an estimate of their ratio: ahead in one column, behind in twenty."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import KernelDensityRatio, RelativeLeastSquares
from tests.claims.worlds.gaussian_shifts import moved, squared_error

pytestmark = pytest.mark.claim


def errors(d: int, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    """Gives the errors of the densities' ratio, and of that estimated at once, on each seed."""
    found = []
    for seed in seeds:
        X, X_target, ratio = moved(d, seed)
        estimators = (KernelDensityRatio(), RelativeLeastSquares(alpha=0.0))
        found.append([squared_error(estimator.fit(X, X_target).weights_, ratio) for estimator in estimators])
    densities, direct = np.transpose(found)
    return densities, direct


def test_ratio_when_in_one_column_then_the_densities_are_ahead(claim):
    densities, direct = errors(1, claim.seeds(20))
    claim.record(densities_1=densities, direct_1=direct)
    assert (direct - densities).mean() > 0.05
    assert (densities < direct).sum() >= 12


def test_ratio_when_in_ten_columns_then_they_are_behind(claim):
    densities, direct = errors(10, claim.seeds(20))
    claim.record(densities_10=densities, direct_10=direct)
    assert (densities - direct).mean() > 0.05


def test_ratio_when_in_twenty_columns_then_they_are_far_behind(claim):
    densities, direct = errors(20, claim.seeds(20))
    claim.record(densities_20=densities, direct_20=direct)
    assert (densities - direct).mean() > 0.15
    assert (densities < direct).sum() <= 4
