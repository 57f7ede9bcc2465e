"""Metrics of rows that are several a unit: as sure as the units are many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom, norm

from ballast.methods.evaluation import (
    ClassificationMetrics,
    CompareModels,
    ImportanceWeightedCrossValidation,
    RegressionMetrics,
)

COPIES = 20


def judged(copies: int) -> dict[str, pd.DataFrame]:
    """Gives the reports on 60 rows, each there so often and of a unit of its own."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    p = expit(3 * (y - 0.5) + rng.standard_normal(60))
    one, other = np.column_stack([1 - p, p]), np.column_stack([1 - p**2, p**2])
    rows = np.repeat(np.arange(60), copies)
    y, one, other, units = y[rows], one[rows], other[rows], rows if copies > 1 else None
    predictions = {"one": one.argmax(axis=1), "other": other.argmax(axis=1)}
    how = {"n_bootstrap": 400, "random_state": 0}
    fields = {
        "classification": ClassificationMetrics(**how).assess(y, one, dependence=units),
        "regression": RegressionMetrics(**how).assess(y.astype(float), one[:, 1], dependence=units),
        "compared": CompareModels("classification", **how).assess(
            y, predictions, probabilities={"one": one, "other": other}, dependence=units
        ),
        "compared values": CompareModels("regression", **how).assess(
            y.astype(float), {"one": one[:, 1], "other": other[:, 1]}, dependence=units
        ),
        "cross-validated": ImportanceWeightedCrossValidation("classification", **how).assess(
            y, predictions, np.ones(len(y)), dependence=units
        ),
    }
    keys = ["metric", "model", "versus"]
    return {name: report.table.set_index(keys)[["value", "low", "high"]] for name, report in fields.items()}


@pytest.mark.parametrize("name", judged(1))
def test_intervals_when_rows_are_copies_of_units_then_those_of_the_units(name):
    alone, copied = judged(1)[name], judged(COPIES)[name]
    assert list(alone.index) == list(copied.index)
    widths = ((copied["high"] - copied["low"]) / (alone["high"] - alone["low"])).dropna()
    assert len(widths) >= 2
    assert (widths > 0.9).all(), widths
    # Balanced accuracy takes classes that share units for dependent, and Clopper and Pearson's is wider than Wilson's.
    assert (widths < 1.6).all(), widths


def test_intervals_when_units_differ_then_held_about_as_often_as_the_level_says():
    draws = 60
    held = dict.fromkeys(["accuracy", "log_loss", "brier", "macro_f1", "auroc"], 0)
    truth = None
    for seed in range(-1, draws):
        rng = np.random.default_rng([seed + 1])
        n_units, size = (40, 10) if seed >= 0 else (20_000, 1)
        units = np.repeat(np.arange(n_units), size)
        X, noise = (
            np.sqrt(0.7) * rng.standard_normal(n_units)[units] + np.sqrt(0.3) * rng.standard_normal(len(units))
            for _ in range(2)
        )
        y = (norm.cdf(noise) < expit(2 * X)).astype(int)
        p = expit(3 * X)
        report = ClassificationMetrics(random_state=0).assess(y, np.column_stack([1 - p, p]), dependence=units)
        table = report.table.set_index("metric")
        truth = table["value"] if truth is None else truth
        for metric in held:
            held[metric] += seed >= 0 and table.loc[metric, "low"] <= truth[metric] <= table.loc[metric, "high"]
    assert min(held.values()) >= binom.ppf(1e-3, draws, 0.93), held


def test_intervals_when_all_rows_are_of_one_unit_then_there_is_none():
    y, probs = np.arange(20) % 2, np.tile([[0.7, 0.3], [0.4, 0.6]], (10, 1))
    table = ClassificationMetrics(random_state=0).assess(y, probs, dependence=np.zeros(20)).table
    assert table[["low", "high"]].isna().all(axis=None)
    compared = CompareModels("classification", random_state=0).assess(y, {"a": y, "b": 1 - y}, dependence=np.ones(20))
    assert compared.table[["low", "high"]].isna().all(axis=None)
