"""Importance-weighted against plain cross-validation, choosing how far to weigh a straight line fitted to a curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

from ballast.methods.evaluation import ImportanceWeightedCrossValidation

pytestmark = pytest.mark.claim

POWERS = np.linspace(0, 1, 11)
TRAIN, TARGET = norm(1, 0.5), norm(2, 0.25)


def line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> LinearRegression:
    return LinearRegression().fit(x[:, None], y, sample_weight=weight)


def target_errors(seed: int, n: int = 150) -> tuple[float, float]:
    """Gives the target's mean squared error of the lines that weighted and plain cross-validation choose."""
    rng = np.random.default_rng(seed)
    x = TRAIN.rvs(n, random_state=rng)
    y = np.sinc(x) + rng.normal(0, 0.25, n)
    weight = TARGET.pdf(x) / TRAIN.pdf(x)
    predictions = {str(power): np.empty(n) for power in POWERS}
    for fitted, held_out in KFold(10, shuffle=True, random_state=seed).split(x):
        for power, predicted in zip(POWERS, predictions.values(), strict=True):
            predicted[held_out] = line(x[fitted], y[fitted], weight[fitted] ** power).predict(x[held_out, None])
    found = ImportanceWeightedCrossValidation(n_bootstrap=1)
    table = found.assess(y, predictions, weight).table
    plain = table[table["metric"] == "plain_error"]
    x_target = TARGET.rvs(1000, random_state=rng)

    def error(power: str) -> float:
        return float(np.mean((line(x, y, weight ** float(power)).predict(x_target[:, None]) - np.sinc(x_target)) ** 2))

    return error(found.selected_), error(str(plain.loc[plain["value"].idxmin(), "model"]))


def test_choice_when_the_covariates_shift_then_a_quarter_of_plain_cross_validations_error(claim):
    weighted, plain = np.transpose([target_errors(seed) for seed in claim.seeds(30)])
    claim.record(weighted=weighted, plain=plain, gain=plain - weighted, better=weighted < plain)
    assert weighted.mean() < 0.35 * plain.mean()
    assert np.mean(weighted < plain) > 0.9
