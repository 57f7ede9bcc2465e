"""Rows that are not independent: declared, they are dealt out together; undeclared, they are noticed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, fisher_exact
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from ballast.errors import DataError
from ballast.methods.shift import (
    ChiSquared,
    ClassifierTwoSampleTest,
    KolmogorovSmirnov,
    LabelShiftGoodnessOfFit,
    MaximumMeanDiscrepancy,
    PriorShift,
)
from ballast.methods.shift._columns import homogeneity
from ballast.methods.shift._units import Units

NOTED = "p-values are too small if rows are not independent; declare dependence or time"


def stream(seed: int, n: int = 2000, correlation: float = 0.9) -> np.ndarray:
    """A stationary series of which neighbours correlate so."""
    shocks = np.random.default_rng(seed).normal(size=n)
    shocks[0] /= np.sqrt(1 - correlation**2)
    return lfilter([1], [1, -correlation], shocks)


def repeated(seed: int, times: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """40 units of two samples, each unit with copies of its row, in any order; and the rows' units."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(40 * times)
    return *(np.repeat(rng.normal(size=(40, 2)), times, axis=0)[order] for _ in range(2)), np.repeat(range(40), times)[
        order
    ]


def said(report) -> str:
    return report.table["effect"].iloc[-1]


def test_test_when_time_is_declared_then_quiet_streams_raise_few_alarms_and_moved_ones_do():
    time, alarms, without = np.arange(1000), 0, 0
    for seed in range(30):
        x = stream(seed)
        table, target = pd.DataFrame({"x": x[:1000]}), pd.DataFrame({"x": x[1000:]})
        alarms += KolmogorovSmirnov().test(table, target, time=time, time_target=time).rejected
        without += KolmogorovSmirnov().test(table, target).rejected
        if seed < 5:
            assert KolmogorovSmirnov().test(table, target + 2.5, time=time, time_target=time).rejected
    assert alarms <= binom.ppf(0.9999, 30, 0.05)
    assert without > 12, "what the blocks are for"


def test_test_when_rows_are_not_in_the_order_of_time_then_blocks_are():
    x, order = stream(0), np.random.default_rng(0).permutation(1000)
    time, table, target = np.arange(1000), pd.DataFrame({"x": x[:1000]}), pd.DataFrame({"x": x[1000:]})
    expected = KolmogorovSmirnov().test(table, target, time=time, time_target=time)
    shuffled = KolmogorovSmirnov().test(table.iloc[order], target, time=time[order], time_target=time)
    assert expected.p_value == shuffled.p_value == pytest.approx(0.42, abs=0.05)
    assert said(expected).endswith("rows dealt out by units, 10 and 10 in the target")


@pytest.mark.parametrize("test", [KolmogorovSmirnov, ChiSquared, MaximumMeanDiscrepancy, PriorShift])
def test_test_when_dependence_is_declared_then_copies_raise_few_alarms(test):
    draws, alarms, without = 40, 0, 0
    for seed in range(draws):
        X, X_target, units = repeated(seed)
        pair: list = [X, X_target]
        if test is ChiSquared:
            pair = [pd.DataFrame({"c": np.where(x[:, 0] > 0.3, "a", "b")}) for x in pair]
        if test is PriorShift:
            pair = [np.column_stack([p, 1 - p]) for p in (1 / (1 + np.exp(-x[:, 0])) for x in pair)]
        alarms += test().test(*pair, dependence=units, dependence_target=units).rejected
        without += test().test(*pair).rejected
    assert alarms <= binom.ppf(0.9999, draws, 0.05)
    assert without > binom.ppf(0.9999, draws, 0.05), "what the units are for"


def test_shares_of_missing_and_frequent_values_when_units_are_declared_then_tested_by_them():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(20), 50)
    table, target = (pd.DataFrame(rng.normal(size=(1000, 2)), columns=["lost", "stuck"]) for _ in range(2))
    target.loc[units < 3, "lost"] = np.nan  # three sensors of twenty
    target.loc[units < 3, "stuck"] = 0.0
    plain, by_unit = (
        KolmogorovSmirnov().test(table, target, dependence=d, dependence_target=d).table.set_index("feature")["p_value"]
        for d in (None, units)
    )
    for feature in ("lost (missing)", "stuck (frequent value)"):
        assert plain[feature] < 1e-10
        assert by_unit[feature] == pytest.approx(fisher_exact([[0, 20], [3, 17]]).pvalue, rel=0.25)


def test_chance_when_units_are_few_then_that_of_all_deals():
    units = Units(np.array([0, 0, 1, 2, 3, 3]), np.array([False, False, True, True]))
    level = np.array([0, 0, 0, 1, 1, 1])
    assert units.chance(level, 2, homogeneity) == pytest.approx(1 / 3, rel=0.25)  # of 6 deals the two clean ones


def test_test_when_nothing_is_declared_then_alike_neighbours_and_copies_are_noted():
    x = stream(0)
    table, target = pd.DataFrame({"x": x[:1000]}), pd.DataFrame({"x": np.random.default_rng(0).normal(size=500)})
    note = said(KolmogorovSmirnov().test(table, target))
    assert "neighbouring rows of table are alike in 1 column (x: correlation 0.88)" in note
    assert "table_target" not in note
    assert note.endswith(NOTED)
    X, X_target, _ = repeated(0)
    for test in (KolmogorovSmirnov(), MaximumMeanDiscrepancy(n_permutations=9), ClassifierTwoSampleTest()):
        note = said(test.test(X, X_target))
        assert "80 % of 200 rows of table are copies of others" in note
        assert note.endswith(NOTED)


def test_test_when_rows_are_independent_or_sorted_or_of_few_values_then_nothing_is_noted():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=300), np.sort(rng.normal(size=300)), rng.integers(0, 3, 300), np.arange(300)[::-1]):
        table = pd.DataFrame({"x": values, "flag": rng.random(300) < 0.5})
        target = pd.DataFrame({"x": rng.permutation(values), "flag": rng.random(300) < 0.5})
        assert "independent" not in said(KolmogorovSmirnov().test(table, target))


def test_maximum_mean_discrepancy_when_units_meet_its_linear_form_then_refused():
    X, X_target, units = repeated(0)
    test = MaximumMeanDiscrepancy(exact_limit=100)
    with pytest.raises(DataError, match=r"400 rows are above exact_limit \(100\)"):
        test.test(X, X_target, dependence=units, dependence_target=units)


def persons(seed: int, n: int, first: int, *, moved: float = 0.0, share: float = 0.3, spread: float = 1.0):
    """n persons of two classes, five nearly equal rows each; the rows, their classes and persons."""
    rng = np.random.default_rng([seed, first])
    label = (rng.random(n) < share).astype(int)
    of = np.repeat(np.arange(n), 5)
    centres = 1.5 * label[:, None] + moved + spread * rng.normal(size=(n, 2))
    return centres[of] + 0.1 * rng.normal(size=(len(of), 2)), label[of], first + of


@pytest.mark.parametrize("classifier", [LogisticRegression(), KNeighborsClassifier(5)])
def test_classifier_test_when_units_are_declared_then_holds_its_level_and_finds_what_moved(classifier):
    test, draws = ClassifierTwoSampleTest(classifier), 40
    alarms = without = found = 0
    for seed in range(draws):
        X, _, of = persons(seed, 40, 0)
        X_target, _, of_target = persons(seed, 40, 40)
        alarms += test.test(X, X_target, dependence=of, dependence_target=of_target).rejected
        without += test.test(X, X_target).rejected
        found += test.test(X, X_target + 2, dependence=of, dependence_target=of_target).rejected
    assert alarms <= binom.ppf(0.999, draws, 0.05)
    assert without > draws / 4, "what the units are for"
    assert found > 0.9 * draws


def test_classifier_test_when_time_is_declared_then_quiet_streams_raise_few_alarms():
    test, time, draws = ClassifierTwoSampleTest(LogisticRegression()), np.arange(300), 40
    alarms = without = 0
    for seed in range(draws):
        x = stream(seed, 600)[:, None]
        alarms += test.test(x[:300], x[300:], time, time).rejected
        without += test.test(x[:300], x[300:]).rejected
    assert alarms <= binom.ppf(0.999, draws, 0.05)
    assert without > draws / 4, "what the blocks are for"


def test_classifier_test_when_a_person_is_in_both_samples_then_not_known_by_its_other_rows():
    X, _, of = persons(0, 40, 0)
    by_heart = ClassifierTwoSampleTest(KNeighborsClassifier(1))
    both = by_heart.test(X[::2], X[1::2], dependence=of[::2], dependence_target=of[1::2])
    assert abs(both.statistic - 0.5) < 0.1


def test_classifier_test_when_a_sample_is_one_unit_then_refused():
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(DataError, match="dependence or time parts X into 20 units and X_target into 1"):
        ClassifierTwoSampleTest().test(X, X, dependence_target=np.zeros(20, dtype=int))


def test_label_shift_test_when_units_are_declared_then_holds_its_level_and_finds_what_is_not_label_shift():
    test, draws = LabelShiftGoodnessOfFit(n_draws=59), 25
    alarms = without = found = 0
    for seed in range(draws):
        X, y, of = persons(seed, 80, 0)
        X_target, _, of_target = persons(seed, 60, 80, share=0.6)
        wider, _, _ = persons(seed, 60, 80, share=0.6, spread=3.0)
        alarms += test.test(X, y, X_target, dependence=of, dependence_target=of_target).rejected
        without += test.test(X, y, X_target).rejected
        found += test.test(X, y, wider, dependence=of, dependence_target=of_target).rejected
    assert alarms <= binom.ppf(0.999, draws, 0.05)
    assert without > draws / 4, "what the units are for"
    assert found > 0.8 * draws


def test_label_shift_test_when_target_rows_are_copies_of_the_training_rows_then_judged_as_those_are():
    X, y, of = persons(0, 80, 0)
    by_heart = LabelShiftGoodnessOfFit(KNeighborsClassifier(1), n_draws=99)
    assert by_heart.test(X[::5], y[::5], X[::5]).statistic < 1e-6
    both = by_heart.test(X, y, X + 1e-6, dependence=of, dependence_target=of)
    assert both.statistic < 0.02
