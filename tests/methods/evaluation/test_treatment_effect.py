"""Treatment effects: weighted means, their intervals, several arms and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, ttest_ind

from ballast.errors import DataError
from ballast.methods.evaluation import TreatmentEffect


def test_effect_when_weighted_then_the_difference_of_weighted_means():
    treatment = np.array(["a", "a", "b", "b", "c"])
    outcome, weights = np.array([1.0, 3.0, 4.0, 8.0, 0.0]), np.array([3.0, 1.0, 1.0, 3.0, 1.0])
    report = TreatmentEffect().assess(treatment, outcome, weights)
    assert report.value("mean_outcome", model="a") == pytest.approx(1.5)
    assert report.value("effect", model="b", versus="a") == pytest.approx(7.0 - 1.5)
    assert report.value("effect", model="c", versus="a") == pytest.approx(-1.5)


def test_effects_when_arms_are_many_then_of_the_treated_against_each_and_else_of_every_pair():
    treatment, outcome = np.array(["a", "b", "b", "c"]), np.array([1.0, 3.0, 5.0, 9.0])
    report = TreatmentEffect(treated="b").assess(treatment, outcome)
    assert report.value("effect", model="b", versus="c") == pytest.approx(-5)
    assert report.value("effect", model="b", versus="a") == pytest.approx(3)
    assert list(report.table["metric"]).count("effect") == 2
    pairs = TreatmentEffect().assess(treatment, outcome)
    assert pairs.value("effect", model="c", versus="b") == pytest.approx(5)
    assert list(pairs.table["metric"]).count("effect") == 3


def test_arms_when_of_any_names_then_the_effect_is_of_the_treated_and_else_refused_with_both():
    treatment, outcome = np.array(["drug", "drug", "placebo"]), np.array([1.0, 3.0, 0.5])
    report = TreatmentEffect(treated="drug").assess(treatment, outcome)
    assert report.summary["drug.effect vs placebo"] == pytest.approx(1.5)
    with pytest.raises(DataError, match="treatment holds 'drug', 'placebo', and nothing says which of them"):
        TreatmentEffect().assess(treatment, outcome)
    with pytest.raises(DataError, match=r"treated is True, but treatment holds 'no', 'yes'; in YAML, quote"):
        TreatmentEffect(treated=True).assess(np.array(["yes", "no"]), outcome[:2])


@pytest.mark.parametrize("arms", [(0, 1), (0.0, 1.0), (False, True), ("0", "1"), ("false", "true"), ("False", "True")])
def test_arms_when_named_by_numbers_or_truths_then_the_second_is_treated(arms):
    report = TreatmentEffect().assess(np.array([arms[1], arms[0]]), np.array([3.0, 1.0]))
    assert report.value("effect", model=str(np.array(arms)[1]), versus=str(np.array(arms)[0])) == 2


def test_interval_when_rows_weigh_the_same_then_welchs():
    outcome = np.array([1.0, 4, 2, 0, 7, 5, 9.5])
    treatment = np.array([0, 0, 0, 0, 1, 1, 1])
    expected = ttest_ind(outcome[4:], outcome[:4], equal_var=False).confidence_interval(0.95)
    for weights in (None, np.full(7, 3.0)):
        table = TreatmentEffect().assess(treatment, outcome, weights).table
        effect = table[table["metric"] == "effect"].iloc[0]
        assert (effect["low"], effect["high"]) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("outcome", [[1.0, 2.0, 5.0], [1.0, 1.0, 5.0], [3.0, 3.0, 3.0]])
def test_interval_when_an_arm_has_one_row_or_nothing_varies_then_there_is_none(outcome):
    table = TreatmentEffect().assess(np.array([0, 0, 1]), np.array(outcome)).table
    assert table.loc[table["metric"] == "effect", ["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize(("n", "slope"), [(10, 0.0), (100, 1.0)])
def test_interval_when_samples_are_small_then_it_is_held_about_as_often_as_the_level_says(n, slope):
    held, draws = 0, 300
    for seed in range(draws):
        rng = np.random.default_rng([seed, n])
        x = rng.standard_normal(n)
        propensity = expit(slope * x)
        treated = rng.random(n) < propensity
        treated[:4] = [True, True, False, False]
        weights = np.where(treated, 1 / propensity, 1 / (1 - propensity))
        table = TreatmentEffect().assess(treated, treated + rng.standard_normal(n), weights).table
        effect = table[table["metric"] == "effect"].iloc[0]
        held += effect["low"] <= 1 <= effect["high"]
    assert held >= binom.ppf(1e-4, draws, 0.95)


def test_arms_when_one_or_without_weight_then_refused():
    with pytest.raises(DataError, match=r"treatment has 1 value in 3 rows"):
        TreatmentEffect().assess(np.zeros(3), np.zeros(3))
    with pytest.raises(DataError, match="without weight: 1"):
        TreatmentEffect().assess(np.array([0, 1]), np.zeros(2), np.array([1.0, 0.0]))


def test_outcome_when_no_number_then_refused():
    with pytest.raises(DataError, match="outcome must hold numbers"):
        TreatmentEffect().assess(np.array([0, 1]), np.array(["x", "y"]))
