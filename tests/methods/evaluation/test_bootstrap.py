"""Intervals by resampling: of few rows, of skewed losses, of units, and of replicates that do not vary."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, t

from ballast.methods.evaluation import CompareModels, RegressionMetrics
from ballast.methods.evaluation.bootstrap import _wider, by_unit, interval, of_ratios


def test_interval_when_rows_are_few_then_it_is_as_wide_as_students():
    replicates = np.random.default_rng(0).standard_normal(400_000) * np.sqrt(4 / 5)  # of 5 rows of variance 5
    low, high = interval(replicates, 0.95, 5)
    assert (low, high) == pytest.approx((-2.776, 2.776), rel=0.03)
    assert interval(replicates, 0.95, 10**6) == pytest.approx(tuple(np.quantile(replicates, [0.025, 0.975])), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_interval_when_replicates_do_not_vary_then_there_is_none(value):
    replicates = np.full(50, value) * (1 + 1e-15 * np.arange(50))
    assert np.isnan(interval(replicates, 0.95, 20)).all()


def test_assessors_when_every_row_has_one_error_then_no_interval_is_told():
    y = np.arange(30.0)
    alone = RegressionMetrics(random_state=0).assess(y, y + 0.1).table.set_index("metric")
    assert alone.loc["bias", "value"] == pytest.approx(0.1)
    assert alone.loc[["bias", "mean_absolute_error"], ["low", "high"]].isna().all(axis=None)
    table = CompareModels("regression", random_state=0).assess(y, {"a": y + 0.5, "b": y - 0.5}).table
    assert table[["low", "high"]].isna().all(axis=None)


def test_bias_when_rows_are_few_then_its_interval_is_held_about_as_often_as_the_level_says():
    draws, held = 300, 0
    for seed in range(draws):
        y = np.random.default_rng(seed).standard_normal(8)
        row = RegressionMetrics(random_state=0).assess(y, np.zeros(8)).table.set_index("metric").loc["bias"]
        held += row["low"] <= 0 <= row["high"]
    assert held >= binom.ppf(1e-4, draws, 0.95)


def test_ratio_when_values_are_skewed_then_its_interval_is_held_about_as_often_as_the_level_says():
    for n in (8, 30):
        draws, held = 200, 0
        for seed in range(draws):
            rng = np.random.default_rng([seed, n])
            losses, weight = rng.lognormal(sigma=1.0, size=n), rng.exponential(size=n)
            low, high = of_ratios((weight * losses)[None], weight[None], 200, 0.95, rng)[0]
            held += low <= np.exp(0.5) <= high
        assert held >= binom.ppf(1e-4, draws, 0.93)  # percentiles hold it in 0.7 to 0.8


def test_ratio_when_there_are_many_rows_then_its_interval_is_the_normal_one():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(4000) + 3
    low, high = of_ratios(values[None], np.ones((1, 4000)), 2000, 0.95, rng)[0]
    half = 1.96 * values.std() / np.sqrt(4000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


@pytest.mark.parametrize("n", [2, 3, 30])
def test_ratio_when_few_rows_or_one_alone_differ_then_its_interval_is_finite_and_not_below_zero(n):
    values = np.r_[np.zeros(n - 1), 1.0]
    low, high = of_ratios(values[None], np.ones((1, n)), 200, 0.95, np.random.default_rng(0))[0]
    assert 0 <= low < values.mean() < high < np.inf


def test_ratio_when_rows_are_of_units_then_as_sure_as_of_so_many_rows():
    rng = np.random.default_rng(0)
    of_unit = rng.standard_normal(40) ** 2
    once = of_ratios(of_unit[None], np.ones((1, 40)), 200, 0.95, np.random.default_rng(1))
    units = np.repeat(np.arange(40), 25)
    copied = by_unit(of_unit[units][None], units), by_unit(np.ones((1, 1000)), units)
    assert of_ratios(*copied, 200, 0.95, np.random.default_rng(1)) == pytest.approx(once)


def test_wider_when_weights_differ_then_as_students_interval_of_as_many_rows_as_they_are_worth():
    weight = np.repeat([9.0, 1.0], 30)
    worth = 300**2 / (30 * 82)  # 36.6 of 60 rows, by hand
    expected = t.ppf(0.975, worth - 1) / t.ppf(0.975, 59) * np.sqrt(worth / (worth - 1) * 59 / 60)
    assert _wider(weight[None], 0.95) == pytest.approx(expected) == pytest.approx(1.020, abs=0.001)
    assert _wider(np.stack([np.ones(60), weight]), 0.95) == 1  # what varies with the evenest is no weight
    assert _wider(np.full((1, 60), 0.1), 0.95) == 1
