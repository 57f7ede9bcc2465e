"""Landmarks against the exact programme, and what the ridge is for."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import KernelMeanMatching

pytestmark = pytest.mark.claim

N, COLUMNS, MOVE, SCALE = 600, 5, 0.5, 0.8


def run(seed: int) -> tuple[float, float, float, float]:
    """Gives the landmarks' relative error, the squared errors with and without ridge, and of uniform weights."""
    rng = np.random.default_rng(seed)
    centre = MOVE / np.sqrt(COLUMNS)
    X, X_target = rng.standard_normal((N, COLUMNS)), centre + SCALE * rng.standard_normal((N, COLUMNS))
    ratio = np.exp((X**2).sum(axis=1) / 2 - ((X - centre) ** 2).sum(axis=1) / (2 * SCALE**2))
    ratio /= ratio.mean()
    quick, exact, loose = (
        KernelMeanMatching(**parameters).fit(X, X_target).weights_
        for parameters in ({}, {"n_landmarks": 2 * N}, {"n_landmarks": 2 * N, "ridge": 1e-7, "max_weight": 1000.0})
    )
    return (
        float(np.linalg.norm(quick - exact) / np.linalg.norm(exact)),
        float(np.mean((quick - ratio) ** 2)),
        float(np.mean((loose - ratio) ** 2)),
        float(np.var(ratio)),
    )


def test_weights_when_on_landmarks_then_the_exact_ones_and_nearer_to_the_ratio_than_without_ridge(claim):
    apart, ridged, loose, uniform = np.array([run(seed) for seed in claim.seeds(12)]).T
    claim.record(apart=apart, ridged=ridged, loose=loose, uniform=uniform)
    assert apart.mean() < 0.01
    assert (ridged < uniform / 2).all()
    assert (ridged < loose / 3).all()
