"""Inverse intensity weights for forecasts learned from outcomes that are seen at informative times."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingRegressor

from ballast.methods.learners import RidgeRegression
from ballast.methods.weights import InverseIntensity

pytestmark = pytest.mark.claim

STEPS, SEEDS = 12, 20


def histories(patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives each row's patient, the columns (state, state before, treatment) and the outcome, the next state.

    The next state is not linear in the state; the worse it is, the likelier is a treatment, which lowers it.
    """
    state, before = rng.standard_normal(patients), np.zeros(patients)
    rows = []
    for _ in range(STEPS):
        treated = rng.random(patients) < expit(state)
        outcome = 1.5 * np.cos(state) + 0.5 * state - 0.6 * treated + 0.5 * rng.standard_normal(patients)
        rows.append(np.column_stack([np.arange(patients), state, before, treated, outcome]))
        before, state = state, outcome
    table = np.concatenate(rows)
    return table[:, 0].astype(int), table[:, 1:4], table[:, 4]


def learners() -> dict[str, Any]:
    boosting = HistGradientBoostingRegressor(learning_rate=0.3, early_stopping=False, random_state=0)
    return {
        "linear": RidgeRegression(),
        "small boosting": boosting.set_params(max_iter=15, max_leaf_nodes=4),
        "boosting": HistGradientBoostingRegressor(max_iter=60, early_stopping=False, random_state=0),
    }


@cache
def changes(seeds: range, gamma: float, name: str, kind: str) -> np.ndarray:
    """Gives (seeds,) how much of the root mean squared error at all times the weights add or, below 0, spare."""
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        patient, X, y = histories(150, rng)
        _, X_test, y_test = histories(500, rng)
        intensity = expit(gamma * (X[:, 0] - X[:, 0].mean()) / X[:, 0].std())
        seen = rng.random(len(y)) < intensity
        if kind == "true":
            weights = 1 / np.maximum(intensity[seen], 1e-3)
        else:
            weigher = InverseIntensity(clip_below=0.1 if kind == "estimated" else 0.0)
            weights = weigher.fit(X, observed=seen, groups=patient).weights_[seen]
        errors = []
        for w in (np.ones(int(seen.sum())), weights):
            model = learners()[name].fit(X[seen], y[seen], sample_weight=w)
            errors.append(np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2)))
        found.append(errors[1] / errors[0] - 1)
    return np.array(found)


def bounds(values: np.ndarray) -> tuple[float, float]:
    spread = 2 * values.std(ddof=1) / np.sqrt(SEEDS)
    return values.mean() - spread, values.mean() + spread


@pytest.mark.parametrize("gamma", [1, 2])
@pytest.mark.parametrize("kind", ["estimated", "true"])
def test_forecast_when_linear_and_times_are_informative_then_weights_spare_a_tenth_of_the_error(gamma, kind, claim):
    changed = changes(claim.seeds(SEEDS), gamma, "linear", kind)
    assert (changed < 0).all()
    claim.record(**{f"linear_{kind}_{gamma}": changed})
    assert bounds(changed)[1] < -0.1


def test_forecast_when_times_tell_nothing_then_weights_change_nothing(claim):
    changed = changes(claim.seeds(SEEDS), 0, "linear", "estimated")
    claim.record(linear_estimated_0=changed)
    assert abs(changed.mean()) < 0.01


def test_forecast_when_linear_and_hardly_any_row_counts_then_cutting_the_weights_costs(claim):
    whole, cut = (changes(claim.seeds(SEEDS), 4, "linear", kind) for kind in ("not cut", "estimated"))
    claim.record(linear_whole_4=whole, linear_cut_4=cut)
    assert bounds(whole - cut)[1] < 0
    assert bounds(cut)[1] < -0.05


@pytest.mark.parametrize("name", ["small boosting", "boosting"])
def test_forecast_when_flexible_then_weights_gain_little(name, claim):
    changed = changes(claim.seeds(SEEDS), 2, name, "estimated")
    claim.record(**{name: changed})
    assert changed.mean() > -0.06, "flexible models now gain as well: tell the card"
