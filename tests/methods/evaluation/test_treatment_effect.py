"""Treatment effects: weighted means, their intervals, several arms and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom, ttest_ind

from ballast.errors import DataError
from ballast.methods.evaluation import TreatmentEffect
from ballast.methods.weights import ArmBalancing, CovariateBalancingPropensity, InversePropensity, Raking


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


FITTED = {
    "propensity": lambda: InversePropensity(),
    "propensity, of the treated": lambda: InversePropensity(estimand="att"),
    "overlap": lambda: InversePropensity(estimand="overlap"),
    "balanced propensity": lambda: CovariateBalancingPropensity(estimand="ate"),
    "balanced arms": lambda: ArmBalancing(),
    "controls balanced": lambda: ArmBalancing(estimand="att"),
}


def effect_of(weigher, X, treated, outcome) -> tuple[float, float, float, float]:
    """Gives the effect's interval by the weigher's influence, and the standard error with it and without."""
    fit = weigher.fit(X, treatment=treated).influence(X=X, treatment=treated)
    tables = [
        TreatmentEffect().assess(treated, outcome, weigher.weights_, *given).table.set_index("metric")
        for given in ((fit.gradient, fit.influence), ())
    ]
    effect, error = tables[0].loc["effect"], tables[0].loc["standard_error", "value"]
    known = tables[1].loc["standard_error_if_weights_are_known", "value"]
    return effect["low"], effect["high"], float(error), float(known)


@pytest.mark.parametrize("n", [60, 250])
@pytest.mark.parametrize("name", FITTED)
def test_interval_when_weights_are_fitted_then_held_as_often_as_the_level_says_and_no_wider_than_that_takes(name, n):
    held, draws, errors = 0, 80, []
    for seed in range(draws):
        rng = np.random.default_rng([seed, n])
        X = rng.standard_normal((n, 2))
        treated = rng.random(n) < expit(0.7 * X[:, 0])
        outcome = 2 * X[:, 0] + X[:, 1] + treated + rng.standard_normal(n)
        low, high, error, known = effect_of(FITTED[name](), X, treated, outcome)
        held += low <= 1 <= high
        errors.append([(low + high) / 2, error, known])
    assert binom.ppf(1e-4, draws, 0.95) <= held
    middle, error, known = np.transpose(errors)
    spread = np.ptp(np.quantile(middle, [0.16, 0.84])) / 2
    assert 0.75 * spread < np.median(error) < 1.4 * spread
    assert np.median(known) > 1.3 * np.median(error)


def test_error_when_a_propensity_is_of_two_strata_then_that_of_the_stratified_mean():
    rng = np.random.default_rng(0)
    n = 4000
    stratum = (rng.random(n) < 0.4).astype(int)
    treated = rng.random(n) < np.array([0.3, 0.6])[stratum]
    outcome = 3.0 * stratum + treated * (1 + 2 * stratum) + (1 + treated) * rng.standard_normal(n)
    cells = {(s, t): outcome[(stratum == s) & (treated == t)] for s in (0, 1) for t in (False, True)}
    shares = np.bincount(stratum) / n
    effects = np.array([cells[s, True].mean() - cells[s, False].mean() for s in (0, 1)])
    within = sum(shares[s] ** 2 * y.var() / len(y) for (s, _), y in cells.items())
    between = shares @ (effects - shares @ effects) ** 2 / n
    low, high, error, _ = effect_of(InversePropensity(), stratum[:, None].astype(float), treated, outcome)
    assert (low + high) / 2 == pytest.approx(shares @ effects, abs=1e-4)
    assert error == pytest.approx(np.sqrt(within + between), rel=2e-3)


def test_error_when_an_experiment_is_raked_to_a_population_then_that_of_the_post_stratified_means():
    rng = np.random.default_rng(0)
    n, m = 3000, 500
    stratum, target = (rng.random(n) < 0.3).astype(int), (rng.random(m) < 0.6).astype(int)
    treated = rng.random(n) < 0.5
    outcome = treated * (1 + 4 * stratum) + rng.standard_normal(n)
    raking = Raking().fit(stratum[:, None], target[:, None])
    fit = raking.influence(stratum[:, None], target[:, None])
    report = TreatmentEffect().assess(treated, outcome, raking.weights_, fit.gradient, fit.influence)
    found = report.table.set_index("metric")["value"]
    cells = {(s, t): outcome[(stratum == s) & (treated == t)] for s in (0, 1) for t in (False, True)}
    shares = np.bincount(target) / m
    # The target's shares are estimated from 500 rows, and the strata's shares of the arms are not raked each.
    between = 4**2 * (shares.prod() / m + shares.prod() ** 2 * (1 / np.bincount(stratum)).sum())
    within = sum(shares[s] ** 2 * y.var() / len(y) for (s, _), y in cells.items())
    assert found["standard_error"] == pytest.approx(np.sqrt(within + between), rel=0.01)


def test_rows_when_some_of_those_that_weights_were_fitted_to_are_left_out_then_less_sure_than_fitted_to_these_alone():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 1))
    treated = rng.random(400) < expit(X[:, 0])
    outcome = X[:, 0] + treated + rng.standard_normal(400)
    weigher = InversePropensity().fit(X, treated)
    fit = weigher.influence(X, treated)
    half = np.arange(400) < 200
    alone = InversePropensity().fit(X[half], treated[half])
    alone_fit = alone.influence(X[half], treated[half])
    errors = [
        TreatmentEffect().assess(treated[half], outcome[half], *given).table.set_index("metric")["value"]
        for given in (
            (alone.weights_, alone_fit.gradient, alone_fit.influence),
            (weigher.weights_[half], fit.gradient[half], fit.influence[half]),
            (weigher.weights_[half],),
        )
    ]
    own, others = errors[0]["standard_error"], errors[1]["standard_error"]
    assert own < others < errors[2]["standard_error_if_weights_are_known"]


def test_fit_when_it_is_told_in_part_or_of_other_shapes_then_refused():
    treatment, outcome, weights = np.array([0, 0, 1, 1]), np.arange(4.0), np.ones(4)
    for gradient, influence in ((np.ones((4, 2)), None), (np.ones((4, 2)), np.ones((4, 1)))):
        with pytest.raises(DataError, match="have the shapes"):
            TreatmentEffect().assess(treatment, outcome, weights, gradient, influence)
    with pytest.raises(DataError, match="have the shapes"):
        TreatmentEffect().assess(treatment, outcome, None, np.ones((4, 1)), np.ones((4, 1)))


def test_arms_when_a_few_rows_carry_one_then_warned_of(caplog):
    weights = np.array([1.0, 1, 1, 1, 1, 1, 1, 50])
    report = TreatmentEffect().assess(np.arange(8) // 4, np.arange(8.0) % 3, weights)
    assert report.value("effective_share", model="0") == 1
    assert "a few of the 4 rows of arm 1 carry its mean (effective share 0.28)" in caplog.text
    assert "of known weights at this share 74 % of those at 95 %" in caplog.text
    assert report.value("interval_held_in_simulations", versus="0") == 0.74
    evenly = TreatmentEffect().assess(np.arange(8) // 4, np.arange(8.0) % 3, np.ones(8))
    assert "interval_held_in_simulations" not in set(evenly.table["metric"])


def test_arms_when_one_or_without_weight_then_refused():
    with pytest.raises(DataError, match=r"treatment has 1 value in 3 rows"):
        TreatmentEffect().assess(np.zeros(3), np.zeros(3))
    with pytest.raises(DataError, match="without weight: 1"):
        TreatmentEffect().assess(np.array([0, 1]), np.zeros(2), np.array([1.0, 0.0]))


def test_outcome_when_no_number_then_refused():
    with pytest.raises(DataError, match="outcome must hold numbers"):
        TreatmentEffect().assess(np.array([0, 1]), np.array(["x", "y"]))


def test_interval_when_rows_are_copies_of_units_then_that_of_the_units():
    rng = np.random.default_rng(0)
    treatment, outcome = np.arange(60) % 2, rng.standard_normal(60)
    units = np.repeat(np.arange(60), 8)
    alone = TreatmentEffect().assess(treatment, outcome).table.set_index("metric").loc["effect"]
    copied = TreatmentEffect().assess(treatment[units], outcome[units], dependence=units)
    effect = copied.table.set_index("metric").loc["effect"]
    assert effect["value"] == pytest.approx(alone["value"])
    assert effect["high"] - effect["low"] == pytest.approx(alone["high"] - alone["low"], rel=0.02)
    within = TreatmentEffect().assess(treatment, outcome, dependence=np.zeros(60)).table
    assert within.loc[within["metric"] == "effect", ["low", "high"]].isna().all(axis=None)
