"""Double machine learning on panels: the formula, its interval, the order of rows, and panels that tell nothing."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from ballast.errors import DataError, ParameterError
from ballast.methods.evaluation import PanelDoubleMachineLearning

LINEAR = PanelDoubleMachineLearning(LinearRegression())


def panel(seed: int = 0, units: int = 60, periods: int = 5) -> dict[str, np.ndarray]:
    """Gives a panel with additive unit effects, where the coefficient is 2."""
    rng = np.random.default_rng(seed)
    unit, n = np.repeat(np.arange(units), periods), units * periods
    a = rng.normal(size=units)[unit]
    X = 0.6 * a[:, None] + rng.normal(size=(n, 2))
    treatment = X[:, 0] + a + rng.normal(size=n)
    outcome = 2 * treatment + X[:, 1] + a + rng.normal(size=n)
    return {
        "X": X,
        "treatment": treatment,
        "outcome": outcome,
        "groups": unit,
        "time": np.tile(np.arange(periods), units),
    }


def test_effect_when_all_is_linear_then_that_of_fixed_effects_and_its_interval_holds_the_truth():
    held = []
    for seed in range(60):
        table = LINEAR.assess(**panel(seed)).table.set_index("metric")
        assert table.loc["effect", "value"] == pytest.approx(table.loc["fixed_effects", "value"], abs=0.05)
        held.append(table.loc["effect", "low"] < 2 < table.loc["effect", "high"])
    assert np.mean(held) > 0.85


def test_effect_when_regressors_tell_nothing_then_the_slope_with_the_cluster_robust_error():
    given = panel()
    report = PanelDoubleMachineLearning(DummyRegressor(strategy="constant", constant=0.0)).assess(**given)
    d, y, unit = given["treatment"], given["outcome"], given["groups"]
    slope = d @ y / (d @ d)
    scores = np.bincount(unit, d * (y - slope * d))
    error = np.sqrt((scores**2).sum() * 60 / 59) / (d @ d)
    assert report.value("effect") == pytest.approx(slope)
    assert report.value("standard_error") == pytest.approx(error)
    row = report.table.set_index("metric").loc["effect"]
    assert (row["high"] - row["low"]) / 2 == pytest.approx(2.001 * error, rel=1e-3), (
        "Student's t, 59 degrees of freedom"
    )


def test_fixed_effects_when_reported_then_those_of_an_intercept_a_unit_and_a_period():
    given = panel()
    dummies = np.hstack([np.eye(60)[given["groups"]], np.eye(5)[given["time"]][:, 1:]])
    design = np.column_stack([given["treatment"], given["X"], dummies])
    expected = np.linalg.lstsq(design, given["outcome"], rcond=None)[0][0]
    assert LINEAR.assess(**given).value("fixed_effects") == pytest.approx(expected)


def test_diagnostics_when_read_then_shares_of_variance_units_and_correlation_in_time():
    given = panel(units=200)
    report = LINEAR.assess(**given)
    assert report.value("units") == 200
    assert 0.5 < report.value("treatment_explained") < report.value("outcome_explained") < 1
    assert abs(report.value("residual_correlation")) < 0.25
    walk = np.random.default_rng(1).normal(size=(200, 5)).cumsum(axis=1)
    drifting = {**given, "outcome": given["outcome"] + 2 * walk.ravel()}
    assert LINEAR.assess(**drifting).value("residual_correlation") > report.value("residual_correlation") + 0.2
    del given["time"]
    assert "residual_correlation" not in set(LINEAR.assess(**given).table["metric"])


def test_effect_when_periods_move_both_then_told_apart_by_time():
    given = panel(units=200)
    moved = np.array([0.0, 5.0, -3.0, 8.0, 1.0])[given["time"]]
    given |= {"treatment": given["treatment"] + moved, "outcome": given["outcome"] + 2 * moved + 4 * moved}
    assert LINEAR.assess(**given).value("effect") == pytest.approx(2.0, abs=0.15)
    del given["time"]
    assert LINEAR.assess(**given).value("effect") > 4


def test_effect_when_periods_are_many_then_they_share_a_column():
    given = panel(units=5, periods=80)
    assert LINEAR.assess(**given).value("effect") == pytest.approx(2.0, abs=0.3)


def test_effect_when_rows_or_names_come_in_another_order_then_the_same():
    given = panel()
    order = np.random.default_rng(1).permutation(len(given["X"]))
    first = PanelDoubleMachineLearning().assess(**given).table["value"]
    second = (
        PanelDoubleMachineLearning().assess(**{name: values[order] for name, values in given.items()}).table["value"]
    )
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_treatment_when_two_texts_then_as_1_for_the_treated_and_both_are_named():
    given = panel()
    treated = given["treatment"] > 0
    as_number = LINEAR.assess(**{**given, "treatment": treated.astype(int)})
    texts = {**given, "treatment": np.where(treated, "a new", "control")}
    named = clone(LINEAR).set_params(treated="a new").assess(**texts)
    assert named.value("effect", model="a new", versus="control") == as_number.value("effect")
    with pytest.raises(DataError, match="treatment holds 'a new', 'control', and nothing says which"):
        LINEAR.assess(**texts)


def test_units_when_of_one_row_then_left_out_and_said_so(caplog: pytest.LogCaptureFixture):
    given = panel()
    alone = {
        **{name: np.append(v, v[:1], axis=0) for name, v in given.items()},
        "groups": np.append(given["groups"], 999),
    }
    with caplog.at_level(logging.WARNING):
        report = LINEAR.assess(**alone)
    assert report.value("effect") == LINEAR.assess(**given).value("effect")
    assert report.value("units") == 60
    assert "left out 1 unit with one row" in caplog.text


def test_units_when_few_then_warned_and_when_one_refused(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        LINEAR.assess(**panel(units=60))
        assert not caplog.records
        LINEAR.assess(**panel(units=20))
    assert "20 units are few (below 50)" in caplog.text
    with pytest.raises(DataError, match=r"groups has 1 unit with two rows or more"):
        LINEAR.assess(**panel(units=1))


def test_panel_when_of_one_period_then_refused():
    with pytest.raises(DataError, match=r"groups has 0 units with two rows or more \(60 rows in all\)"):
        LINEAR.assess(**panel(periods=1))


def test_treatment_when_it_never_changes_within_a_unit_or_a_column_tells_it_then_refused():
    given = panel()
    with pytest.raises(DataError, match="treatment never changes within any of the 60 units"):
        LINEAR.assess(**{**given, "treatment": given["groups"] % 2})
    with pytest.raises(DataError, match="the columns predict the treatment of all 300 rows"):
        LINEAR.assess(**{**given, "X": np.column_stack([given["X"], given["treatment"]])})


def test_arguments_when_of_the_wrong_kind_then_refused():
    given = panel()
    with pytest.raises(DataError, match="outcome must hold numbers"):
        LINEAR.assess(**{**given, "outcome": np.repeat("x", 300)})
    with pytest.raises(DataError, match=r"treatment has 3 values"):
        LINEAR.assess(**{**given, "treatment": np.array(["a", "b", "c"])[np.arange(300) % 3]})
    with pytest.raises(ParameterError, match="'regressor' must be a scikit-learn regressor"):
        PanelDoubleMachineLearning("sklearn.preprocessing.StandardScaler").assess(**given)
