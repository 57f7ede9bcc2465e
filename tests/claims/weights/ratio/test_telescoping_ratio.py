"""Telescoping against single classifiers of every penalty, on Gaussians far apart and near."""

from __future__ import annotations

import numpy as np
import pytest

from ballast.methods.weights import TelescopingRatio

pytestmark = pytest.mark.claim

COLUMNS, ROWS, SEEDS = 20, 1000, 8


def run(seed: int, gap: float, correlation: float) -> dict[str, tuple[float, float]]:
    """Gives the squared error of the log ratio at the target's rows, and the divergence less its truth; and that."""
    rng = np.random.default_rng(seed)
    covariance = np.kron(np.eye(COLUMNS // 2), [[1.0, correlation], [correlation, 1.0]])
    mean = np.full(COLUMNS, gap / np.sqrt(COLUMNS))
    X = rng.standard_normal((ROWS, COLUMNS))
    X_target = rng.standard_normal((ROWS, COLUMNS)) @ np.linalg.cholesky(covariance).T + mean
    away = X_target - mean
    truth = ((X_target**2).sum(axis=1) - (away @ np.linalg.inv(covariance) * away).sum(axis=1)) / 2
    truth -= np.linalg.slogdet(covariance)[1] / 2

    def judged(n_bridges: int | None, penalty: float) -> tuple[float, float]:
        found = TelescopingRatio(n_bridges, inverse_penalty=penalty).fit(X, X_target)
        return float(np.mean((found.log_ratio(X_target) - truth) ** 2)), found.divergence_ - float(truth.mean())

    single = min(judged(1, penalty) for penalty in (0.01, 0.1, 1.0, 10.0, 100.0))
    return {"telescoped": judged(None, 0.1), "one": judged(1, 0.1), "best": single, "truth": (0.0, float(truth.mean()))}


@pytest.mark.parametrize(("gap", "correlation"), [(2.0, 0.95), (6.0, 0.8)])
def test_log_ratio_when_samples_are_far_apart_then_a_fraction_of_the_best_classifiers_error(gap, correlation, claim):
    runs = [run(seed, gap, correlation) for seed in claim.seeds(SEEDS)]
    telescoped, best, truth = (np.array([r[name] for r in runs]) for name in ("telescoped", "best", "truth"))
    assert (telescoped[:, 0] < 0.6 * best[:, 0]).all()
    found = {"error": telescoped[:, 0], "best": best[:, 0], "off": telescoped[:, 1], "best_off": best[:, 1]}
    claim.record(**{f"{name}_{gap:.0f}": values for name, values in {**found, "nats": truth[:, 1]}.items()})
    assert np.abs(telescoped[:, 1]).mean() < np.abs(best[:, 1]).mean()


def test_log_ratio_when_samples_are_near_then_that_of_one_classifier(claim):
    runs = [run(seed, 0.3, 0.1) for seed in claim.seeds(3)]
    assert all(r["telescoped"] == r["one"] for r in runs)
    claim.record(near=[r["telescoped"][0] for r in runs], nats_near=[r["truth"][1] for r in runs])
