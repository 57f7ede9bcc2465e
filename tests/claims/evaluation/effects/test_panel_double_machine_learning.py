"""The bias of a treatment's coefficient where unit effects multiply the columns, by what of the units is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ballast.methods.evaluation import PanelDoubleMachineLearning

pytestmark = pytest.mark.claim

SEEDS, UNITS, PERIODS, EFFECT = 10, 400, 10, 1.0


def squares() -> Any:
    return make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(np.logspace(-2, 3, 6))
    )


def draw(seed: int, shared: float) -> tuple[np.ndarray, ...]:
    """Gives X, treatment, outcome and unit; ``shared`` is how much of the unit effect the columns show."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=UNITS)
    n = UNITS * PERIODS
    X = (shared * effect[:, None, None] + rng.normal(size=(UNITS, PERIODS, 4))).reshape(n, 4)
    unit, a = np.repeat(np.arange(UNITS), PERIODS), np.repeat(effect, PERIODS)
    treatment = np.tanh(X[:, 0]) + X[:, 1] ** 2 / 4 + a + a * X[:, 2] / 2 + rng.normal(size=n)
    base = X[:, 0] ** 2 / 2 + np.sin(X[:, 1]) + a + a**2 / 2 + a * X[:, 2]
    return X, treatment, EFFECT * treatment + base + rng.normal(size=n), unit


def coefficient(W: np.ndarray, treatment: np.ndarray, outcome: np.ndarray, unit: np.ndarray) -> float:
    """Gives the coefficient by plain double machine learning on the columns W."""
    v, u = (
        values - cross_val_predict(squares(), W, values, cv=GroupKFold(5), groups=unit)
        for values in (treatment, outcome)
    )
    return float(v @ u / (v @ v))


def run(seed: int, shared: float) -> dict[str, float]:
    X, treatment, outcome, unit = draw(seed, shared)

    def means(values: np.ndarray) -> np.ndarray:
        return pd.DataFrame(values).groupby(unit).transform("mean").to_numpy().reshape(values.shape)

    table = PanelDoubleMachineLearning(squares()).assess(X, treatment=treatment, outcome=outcome, groups=unit)
    interval = table.table.set_index("metric").loc["effect"]
    demeaned = (X - means(X), treatment - means(treatment), outcome - means(outcome))
    return {
        "held": bool(interval["low"] <= EFFECT <= interval["high"]),
        "unit means": table.value("effect") - EFFECT,
        "fixed effects": table.value("fixed_effects") - EFFECT,
        "pooled": coefficient(X, treatment, outcome, unit) - EFFECT,
        "demeaned": coefficient(*demeaned, unit) - EFFECT,
        "means of X alone": coefficient(np.hstack([X, means(X)]), treatment, outcome, unit) - EFFECT,
    }


@pytest.mark.parametrize(("shared", "left"), [(0.6, 0.06), (0.0, 0.10)])
def test_bias_when_unit_effects_multiply_columns_then_a_fraction_of_any_others_but_not_none(
    shared: float, left: float, claim
):
    runs = [run(seed, shared) for seed in claim.seeds(SEEDS)]
    claim.record(**{f"{name}, {shared:.1f}".replace(".", "-"): [r[name] for r in runs] for name in runs[0]})
    bias = {name: float(np.mean([r[name] for r in runs])) for name in runs[0] if name != "held"}
    assert 0.02 < bias.pop("unit means") < left
    assert bias.pop("pooled") > 0.4
    assert bias.pop("means of X alone") > 1.5 * left
    for name, value in bias.items():
        assert value > 0.3, name
