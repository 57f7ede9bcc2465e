"""Double weighting where samples hardly overlap: effective sample size and error by leniency."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.weights import DoubleWeighting, KernelMeanMatching

pytestmark = pytest.mark.claim

ROWS, SEEDS = 200, 16


def run(seed: int) -> dict[str, tuple[float, float]]:
    """Gives the effective share of the rows, and the error on the target, of each way to weigh."""
    rng = np.random.default_rng(seed)

    def target(n: int) -> np.ndarray:
        return rng.normal(size=(n, 2)) * [0.8, 1.0] + [1.2, 0.0]

    X, X_target, X_test = rng.normal(size=(ROWS, 2)) - [1.0, 0.0], target(ROWS), target(2000)
    y, y_test = (rng.random(len(Z)) < expit(3 * (Z[:, 1] - np.sin(1.2 * Z[:, 0]))) for Z in (X, X_test))

    def judged(weights: np.ndarray) -> tuple[float, float]:
        model = LogisticRegression().fit(X, y, sample_weight=weights)
        return effective_sample_size(weights) / ROWS, 1 - float(model.score(X_test, y_test))

    return {
        "double": judged(DoubleWeighting().fit(X, X_target).weights_),
        "single": judged(DoubleWeighting(leniency=1.0).fit(X, X_target).weights_),
        "matched": judged(KernelMeanMatching().fit(X, X_target).weights_),
        "none": judged(np.ones(ROWS)),
    }


def test_weights_when_overlap_is_little_then_of_twice_the_effective_size_and_less_error(claim):
    runs = [run(seed) for seed in claim.seeds(SEEDS)]
    double, single, matched, none = (np.array([r[name] for r in runs]) for name in runs[0])
    assert (double[:, 0] > 2 * single[:, 0]).all()
    claim.record(
        share=double[:, 0],
        share_single=single[:, 0],
        share_matched=matched[:, 0],
        error=double[:, 1],
        error_single=single[:, 1],
        error_matched=matched[:, 1],
        error_none=none[:, 1],
    )
    gained = single[:, 1] - double[:, 1]
    assert gained.mean() > 0.01
    assert double[:, 1].mean() < none[:, 1].mean() - 0.05
