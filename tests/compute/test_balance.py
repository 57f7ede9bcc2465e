"""Standardized differences of columns: by their formula, in blocks, wherever the columns lie."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.compute.balance import differences_of_arms, standardized_mean_differences

rng = np.random.default_rng(0)
X, X_TARGET = rng.normal(size=(70_000, 2)), rng.normal(0.3, 2, size=(500, 2))
WEIGHTS, DESIGN = rng.uniform(size=(2, len(X))), rng.uniform(1, 9, len(X))


def variance(rows, weights):
    return np.average((rows - np.average(rows, axis=0, weights=weights)) ** 2, axis=0, weights=weights)


@pytest.mark.parametrize("design", [None, DESIGN], ids=["plain", "design"])
@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1e-3, 1e6)], ids=["near", "far"])
def test_differences_from_the_target_when_taken_in_blocks_then_are_those_of_the_formula(design, factor, offset):
    given = [rows * factor + offset for rows in (X, X_TARGET)]
    own, target = (rows - offset for rows in given)  # exact
    scale = np.sqrt((variance(own, design) + variance(target, None)) / 2)
    means = [np.average(own, axis=0, weights=w) for w in (design, *WEIGHTS)]
    wanted = [np.abs(mean - target.mean(axis=0)) / scale for mean in means]
    np.testing.assert_allclose(standardized_mean_differences(*given, WEIGHTS, design), wanted, rtol=1e-9)


def test_differences_from_the_target_when_rows_are_single_precision_then_are_those_of_doubles():
    narrow = X.astype(np.float32), X_TARGET.astype(np.float32)
    wide = [rows.astype(np.float64) for rows in narrow]
    np.testing.assert_allclose(
        standardized_mean_differences(*narrow, WEIGHTS), standardized_mean_differences(*wide, WEIGHTS), rtol=1e-9
    )


def test_differences_of_arms_when_weighed_then_are_those_of_the_formula():
    treated = X[:, 0] > 0.5
    scale = np.sqrt((variance(X[treated], None) + variance(X[~treated], None)) / 2)
    arms = [
        [np.average(X[rows], axis=0, weights=w[rows]) for w in (np.ones(len(X)), WEIGHTS[0])]
        for rows in (treated, ~treated)
    ]
    found = differences_of_arms(X, treated, WEIGHTS[:1])
    np.testing.assert_allclose(found, np.abs(np.subtract(*arms)) / scale, rtol=1e-9)
