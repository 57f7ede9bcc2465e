"""Counting neighbours in a ball against counting the target rows nearest to each row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from ballast.methods.weights import NearestNeighborRatio
from tests.claims.worlds.gaussian_shifts import moved, squared_error

pytestmark = pytest.mark.claim


@pytest.mark.parametrize("d", [1, 5, 10, 20])
def test_ratio_when_counted_in_balls_then_nearer_to_the_truth_than_nearest_counts(d, claim):
    found = []
    for seed in claim.seeds(20):
        X, X_target, ratio = moved(d, seed)
        counts = 1 + np.bincount(KDTree(X).query(X_target)[1], minlength=len(X))
        found.append([squared_error(w, ratio) for w in (NearestNeighborRatio().fit(X, X_target).weights_, counts)])
    balls, nearest = np.transpose(found)
    claim.record(**{f"balls_{d}": balls, f"nearest_{d}": nearest})
    assert (nearest - balls).mean() > 0.2
    assert (balls < nearest).sum() >= 18
