"""Tests of samples whose rows have design weights: their level, whatever the weights, and what they find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from ballast.methods.shift import ChiSquared, KolmogorovSmirnov, PriorShift

LEVELS = [0.25, 0.5, 0.75]
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def at_random(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives uniform values, and weights that say nothing of them."""
    return rng.random(n), rng.lognormal(0, 0.8, n)


def heavy(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.random(n), rng.lognormal(0, 1.5, n)


def by_value(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives values of a uniform population whose upper half is sampled a quarter as often, and stands for it."""
    x = rng.random(10 * n)
    x = x[rng.random(len(x)) < np.where(x < 0.5, 1.0, 0.25)][:n]
    return x, np.where(x < 0.5, 1.0, 4.0)


def alone(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.random(n), np.ones(n)


def rejections(test, draw: Draw, draw_target: Draw, n: int, m: int, draws: int, *, weighed: bool = True, seed: int = 0):
    """Gives how many of `draws` pairs of samples a test rejects, of values as they are or in four categories."""
    rng, found = np.random.default_rng(seed), 0
    for _ in range(draws):
        (x, weight), (y, weight_target) = draw(rng, n), draw_target(rng, m)
        if test is ChiSquared:
            x, y = (np.array(list("abcd"))[np.searchsorted(LEVELS, values)] for values in (x, y))
        design = {"design_weight": weight, "design_weight_target": weight_target} if weighed else {}
        found += test().test(pd.DataFrame({"x": x}), pd.DataFrame({"x": y}), **design).rejected
    return found


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared])
@pytest.mark.parametrize(("n", "m"), [(5, 5), (15, 15), (30, 200)])
@pytest.mark.parametrize(("draw", "draw_target"), [(at_random, at_random), (at_random, alone), (heavy, heavy)])
def test_level_when_weights_say_nothing_of_values_then_held(test, n, m, draw, draw_target):
    assert rejections(test, draw, draw_target, n, m, 60) <= binom.ppf(0.9999, 60, 0.05)


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared])
@pytest.mark.parametrize("draw_target", [by_value, alone])
def test_level_when_weights_go_with_values_then_held_and_far_off_without_them(test, draw_target):
    assert rejections(test, by_value, draw_target, 100, 100, 60) <= binom.ppf(0.9999, 60, 0.05)
    if draw_target is alone:
        assert rejections(test, by_value, draw_target, 100, 100, 10, weighed=False) > 8


def test_level_when_there_are_many_rare_categories_then_held():
    rng, found = np.random.default_rng(0), 0
    for _ in range(60):
        tables = [pd.DataFrame({"c": rng.integers(0, 60, 150).astype(str)}) for _ in range(2)]
        design = {name: rng.lognormal(0, 0.8, 150) for name in ("design_weight", "design_weight_target")}
        found += ChiSquared().test(*tables, **design).rejected
    assert found <= binom.ppf(0.9999, 60, 0.05)


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared])
def test_power_when_the_population_moved_then_found(test):
    def moved(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x, weight = by_value(rng, n)
        return x**1.6, weight

    assert rejections(test, by_value, moved, 300, 300, 10) > 7


def test_p_value_when_samples_are_far_apart_then_has_no_floor():
    rng = np.random.default_rng(0)
    weight = rng.lognormal(0, 0.8, 300)
    design = {"design_weight": weight, "design_weight_target": weight}
    numbers, moved = pd.DataFrame({"x": rng.normal(size=300)}), pd.DataFrame({"x": rng.normal(3.0, 1.0, 300)})
    texts, new = pd.DataFrame({"c": rng.choice(list("ab"), 300)}), pd.DataFrame({"c": rng.choice(list("cd"), 300)})
    for report in (KolmogorovSmirnov().test(numbers, moved, **design), ChiSquared().test(texts, new, **design)):
        assert report.p_value < 1e-10
    assert report.table["effect_size"][0] == 1.0, "no category in common"


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_level_of_shares_when_values_are_missing_then_held(share):
    rng, found = np.random.default_rng(0), 0
    for _ in range(60):
        tables = [
            pd.DataFrame({"x": np.where(rng.random(40) < 0.02 + share, np.nan, rng.random(40))}) for _ in range(2)
        ]
        design = {name: rng.lognormal(0, 1, 40) for name in ("design_weight", "design_weight_target")}
        found += KolmogorovSmirnov().test(*tables, **design).rejected
    assert found <= binom.ppf(0.9999, 60, 0.05)


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared])
def test_level_when_units_have_weights_then_held_and_not_by_rows(test):
    """20 and 30 units of five rows, alike but for noise, of which all have the weight of their unit."""
    rng, alarms, by_rows = np.random.default_rng(0), 0, 0
    for _ in range(40):
        units, tables, weights = [], [], []
        for n in (20, 30):
            x = np.repeat(rng.normal(size=n), 5) + 0.2 * rng.normal(size=5 * n)
            c = np.array(list("abcd"))[np.searchsorted([-0.7, 0.0, 0.7], x)]
            tables.append(pd.DataFrame({"x": c if test is ChiSquared else x}))
            units.append(np.repeat(np.arange(n), 5))
            weights.append(np.repeat(rng.lognormal(0, 0.7, n), 5))
        design = dict(zip(("design_weight", "design_weight_target"), weights, strict=True))
        dependence = dict(zip(("dependence", "dependence_target"), units, strict=True))
        alarms += test().test(*tables, **design, **dependence).rejected
        by_rows += test().test(*tables, **design).rejected
    assert alarms <= binom.ppf(0.9999, 40, 0.05)
    assert by_rows > binom.ppf(0.9999, 40, 0.05)


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared])
def test_rows_of_weight_0_when_there_are_some_then_absent(test):
    rng = np.random.default_rng(0)
    table, target = (pd.DataFrame({"x": rng.choice([1.5, 2, 7, 9], 80)}) for _ in range(2))
    if test is ChiSquared:
        table, target = table.astype(str), target.astype(str)
    weight = rng.integers(0, 4, 80).astype(float)
    kept = weight > 0
    report = test().test(table, target, design_weight=weight)
    pd.testing.assert_frame_equal(report.table, test().test(table[kept], target, design_weight=weight[kept]).table)


def test_report_when_rows_have_weights_then_says_what_they_are_worth():
    table = pd.DataFrame({"x": np.arange(40) % 7 / 7})
    design = {"design_weight": np.repeat([1.0, 3.0], 20)}
    said = KolmogorovSmirnov().test(table, table, **design).table["effect"].iloc[-1]
    assert "; rows by their design weights, worth 32 rows and 40 in the target" in said


def test_prior_shift_when_weights_undo_the_shift_then_nothing_is_found():
    rng = np.random.default_rng(0)
    p = rng.random(600)
    kept = rng.random(600) < np.where(p > 0.5, 1.0, 0.25)
    probs, probs_target = (np.column_stack([1 - x, x]) for x in (p[kept], rng.random(400)))
    assert PriorShift().test(probs, probs_target).rejected
    assert not PriorShift().test(probs, probs_target, design_weight=np.where(p > 0.5, 1.0, 4.0)[kept]).rejected
