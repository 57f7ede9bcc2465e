"""Counting neighbours in a ball against counting the target rows nearest to each row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from ballast.methods.weights import NearestNeighborRatio
from tests.claims.worlds.gaussian_shifts import moved, squared_error

pytestmark = pytest.mark.claim


@pytest.mark.parametrize("d", [1, 5, 10])
def test_ratio_when_counted_in_balls_then_nearer_to_the_truth_than_nearest_counts(d, claim):
    gained = []
    for seed in claim.seeds(20):
        X, X_target, ratio = moved(d, seed)
        counts = 1 + np.bincount(KDTree(X).query(X_target)[1], minlength=len(X))
        gained.append(
            squared_error(counts, ratio) - squared_error(NearestNeighborRatio().fit(X, X_target).weights_, ratio)
        )
    claim.record(**{f"gain_{d}": gained})
    assert np.mean(gained) > 0.2
    assert sum(g > 0 for g in gained) >= 18
