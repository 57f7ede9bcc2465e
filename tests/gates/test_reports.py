"""Expectations on the reports of tests and assessors, and on flags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ballast.errors import SpecError
from ballast.gates import Judgement, default_suite, judge, parse_suite
from ballast.methods.frame.reports import OVERALL, TEST_COLUMNS, AssessmentRows


def one(entry: object, frame: pd.DataFrame, context: object) -> Judgement:
    (found,) = judge(parse_suite([entry], where="gates"), frame, context)  # type: ignore[arg-type]
    return found


@pytest.fixture
def drift() -> pd.DataFrame:
    rows = [
        ("age", 0.3, 0.001, 0.002, 0.05, True, 0.3, "Kolmogorov-Smirnov distance"),
        ("height", 0.02, 0.6, 0.6, 0.05, False, 0.02, "Kolmogorov-Smirnov distance"),
        (OVERALL, 0.3, 0.002, np.nan, 0.05, True, np.nan, ""),
    ]
    return pd.DataFrame(rows, columns=list(TEST_COLUMNS))


@pytest.mark.parametrize("entry", ["expect_overall_result", {"expect_drift_below": {"max_effect_size": 0.5}}])
def test_what_a_test_says_of_itself_stands_in_the_message(drift: pd.DataFrame, stored, entry: object) -> None:
    note = "a change counts where the effect >= 0.5; 40 % of 9 rows of table are copies of others"
    said = drift.assign(effect=drift["effect"].where(drift["feature"] != OVERALL, f"largest of 2: distance; {note}"))
    assert f"; {note}" in one(entry, said, stored(stage="test")).message
    assert "; " not in one(entry, drift, stored(stage="test")).message


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ({"max_effect_size": 0.3}, True),
        ({"max_effect_size": 0.29}, False),
        ({"max_effect_size": 0.1, "feature": "height"}, True),
        ({"max_effect_size": 0.1, "feature": "age"}, False),
        ({"min_p_value": 0.001}, True),
        ({"min_p_value": 0.01}, False),
        ({"min_p_value": 0.01, "feature": "height"}, True),
        ({"min_p_value": 0.01, "feature": "age"}, False),
        ({"max_effect_size": 0.9, "min_p_value": 0.01}, False),
    ],
)
def test_drift_is_judged_by_effect_size_p_value_and_feature(stored, drift, arguments: dict, passed: bool) -> None:
    assert one({"expect_drift_below": arguments}, drift, stored(stage="test")).passed is passed


def test_drift_above_its_bound_names_the_feature_and_the_measure(stored, drift) -> None:
    found = one({"expect_drift_below": {"max_effect_size": 0.1}}, drift, stored(stage="test"))
    assert found.observed == {"effect_size": 0.3, "feature": "age", "rows_over": 1}
    assert "size 0.3 (Kolmogorov-Smirnov distance, age), 1 of 2 columns above 0.1: weigh" in found.message


def test_drift_when_a_test_says_something_of_itself_then_said_once_behind_the_remedy(stored, drift) -> None:
    said = drift.assign(effect=f"Kolmogorov-Smirnov distance; {(note := 'rows look dependent')}", effect_size=0.3)
    found = one({"expect_drift_below": {"max_effect_size": 0.1}}, said, stored(stage="test"))
    assert "size 0.3 (Kolmogorov-Smirnov distance, age), 2 of 2 columns above 0.1: weigh" in found.message
    assert found.message.endswith(f"or look for a broken column; {note}")


def test_drift_when_no_column_is_over_by_itself_then_none_is_counted(stored, drift) -> None:
    whole = drift[drift["feature"] == OVERALL].assign(effect_size=0.3, effect="classifier accuracy")
    found = one({"expect_drift_below": {"max_effect_size": 0.1}}, whole, stored(stage="test"))
    assert "drift: largest effect size 0.3 (classifier accuracy, (all)), above 0.1: weigh" in found.message


def test_drift_of_an_unknown_feature_closes_with_the_nearest(stored, drift) -> None:
    found = one({"expect_drift_below": {"max_effect_size": 9, "feature": "hight"}}, drift, stored(stage="test"))
    assert not found.passed
    assert "did you mean 'height'?" in found.message


def test_feature_that_could_not_be_tested_is_named_and_closes_where_it_was_asked_for(stored, drift) -> None:
    drift.loc[0, ["effect_size", "p_value", "adjusted_p_value"]] = np.nan
    drift.loc[0, "effect"] = "not tested: no value in the target (9 rows)"
    effect = one({"expect_drift_below": {"max_effect_size": 9, "feature": "age"}}, drift, stored(stage="test"))
    assert not effect.passed
    assert "no value in the target" in effect.message
    found = one({"expect_drift_below": {"min_p_value": 0.001, "feature": "age"}}, drift, stored(stage="test"))
    assert not found.passed
    assert found.observed == {"p_value": "nan"}
    assert one(
        {"expect_drift_below": {"max_effect_size": 0.1, "feature": "height"}}, drift, stored(stage="test")
    ).passed
    assert not one({"expect_drift_below": {"max_effect_size": 9}}, drift.iloc[:0], stored(stage="test")).passed


@pytest.fixture
def untested(drift) -> pd.DataFrame:
    nothing = (np.nan, np.nan, np.nan, 0.05, False, np.nan)
    rows = [("notes", *nothing, "not tested: no two categories"), ("town", *nothing, "left to chi_squared: a category")]
    rest = drift[drift["feature"] != "age"].assign(adjusted_p_value=[0.6, 0.6])
    return pd.concat([pd.DataFrame(rows, columns=list(TEST_COLUMNS)), rest], ignore_index=True)


@pytest.mark.parametrize("bound", [{"max_effect_size": 0.1}, {"min_p_value": 0.05}])
def test_drift_with_an_untested_column_closes_unless_it_is_excepted_by_name(stored, untested, bound: dict) -> None:
    found = one({"expect_drift_below": bound}, untested, stored(stage="test"))
    assert not found.passed
    assert "1 column not tested: 'notes' (no two categories)" in found.message
    assert "`except`" in found.message
    assert found.observed["untested"] == 1
    excepted = one({"expect_drift_below": {**bound, "except": ["notes"]}}, untested, stored(stage="test"))
    assert excepted.passed, "town is the other test's to judge"


@pytest.mark.parametrize(("bound", "seen"), [({"max_effect_size": 0.1}, "age"), ({"min_p_value": 0.05}, "p-value")])
def test_drift_of_an_excepted_feature_is_not_judged(stored, drift, bound: dict, seen: str) -> None:
    closed = one({"expect_drift_below": bound}, drift, stored(stage="test"))
    assert not closed.passed
    assert seen in closed.message
    assert one({"expect_drift_below": {**bound, "except": ["age"]}}, drift, stored(stage="test")).passed


def test_drift_excepting_what_the_report_has_not_or_all_of_it_closes(stored, drift) -> None:
    unknown = one({"expect_drift_below": {"max_effect_size": 9, "except": ["hight"]}}, drift, stored(stage="test"))
    assert not unknown.passed
    assert "did you mean 'height'?" in unknown.message
    every = {"max_effect_size": 9, "except": ["age", "height"]}
    assert not one({"expect_drift_below": every}, drift, stored(stage="test")).passed


def test_overall_result_that_is_nan_or_missing_closes(stored, drift) -> None:
    assert one("expect_overall_result", drift, stored(stage="test")).observed == {
        "statistic": 0.3,
        "p_value": 0.002,
        "rejected": True,
        "untested": 0,
    }
    assert not one("expect_overall_result", drift.iloc[:2], stored(stage="test")).passed
    drift.loc[2, ["p_value", "adjusted_p_value"]] = np.nan
    assert not one("expect_overall_result", drift, stored(stage="test")).passed


@pytest.fixture
def metrics() -> pd.DataFrame:
    rows = AssessmentRows()
    for model, accuracy in (("baseline", 0.8), ("reweighted", 0.85)):
        rows.add("accuracy", accuracy, n=100, model=model)
        rows.add("accuracy", accuracy - 0.2, n=40, model=model, slice="camera=2")
    rows.add("accuracy", 0.05, n=100, model="reweighted", versus="baseline", low=0.01, high=0.09)
    rows.add("log_loss", float("nan"), n=100, model="baseline")
    return rows.finish().table


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ({"model": "reweighted", "at_least": 0.85}, True),
        ({"model": "reweighted", "at_least": 0.86}, False),
        ({"model": "reweighted", "at_least": 0.86, "margin": 0.02}, True),
        ({"model": "reweighted", "at_most": 0.8}, False),
        ({"model": "reweighted", "at_least": {"model": "baseline"}}, True),
        ({"model": "baseline", "at_least": {"model": "reweighted"}}, False),
        ({"model": "baseline", "at_least": {"model": "reweighted"}, "margin": 0.06}, True),
        ({"model": "reweighted", "slice": "camera=2", "at_least": 0.8}, False),
        ({"model": "baseline", "at_least": 0.7, "at_most": 0.75}, False),
    ],
)
def test_metric_is_judged_by_number_model_slice_and_margin(stored, metrics, arguments: dict, passed: bool) -> None:
    found = one({"expect_metric": {"name": "accuracy", **arguments}}, metrics, stored(stage="assessor"))
    assert found.passed is passed, found.message


def test_metric_below_another_models_says_both_figures(stored, metrics) -> None:
    entry = {"expect_metric": {"name": "accuracy", "model": "baseline", "at_least": {"model": "reweighted"}}}
    found = one(entry, metrics, stored(stage="assessor"))
    assert found.message.startswith("accuracy of baseline is 0.8, at least 0.85 of reweighted expected: ")
    assert found.observed == {"value": 0.8, "at_least": 0.85}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "acuracy", "at_least": 0}, "no metric 'acuracy', did you mean 'accuracy'?"),
        ({"name": "accuracy", "model": "reweigted", "at_least": 0}, "no model 'reweigted', did you mean 'reweighted'?"),
        ({"name": "accuracy", "model": "baseline", "at_least": {"model": "base"}}, "no model 'base'"),
        ({"name": "accuracy", "slice": "camera=3", "at_least": 0}, "did you mean 'camera=2'?"),
        ({"name": "accuracy", "at_least": 0}, "for 2 models (baseline, reweighted); say which"),
        ({"name": "log_loss", "at_most": 9}, "log_loss is nan"),
    ],
)
def test_metric_that_is_not_there_or_ambiguous_or_nan_closes(stored, metrics, arguments: dict, said: str) -> None:
    found = one({"expect_metric": arguments}, metrics, stored(stage="assessor"))
    assert not found.passed
    assert said in found.message


def test_metric_of_a_report_of_one_model_needs_no_model(stored, metrics) -> None:
    alone = metrics[metrics["model"] == "baseline"]
    assert one({"expect_metric": {"name": "accuracy", "at_least": 0.8}}, alone, stored(stage="assessor")).passed


@pytest.mark.parametrize("entry", ["expect_flagged_share", "expect_label_noise_share"])
def test_flagged_share_is_judged_at_its_bound_and_without_flags_closes(stored, entry: str) -> None:
    frame = pd.DataFrame({"sample_id": range(4), "score": 0.0, "flagged": [True, False, False, False]})
    passed, failed = (one({entry: {"max": m}}, frame, stored(stage="scorer")) for m in (0.25, 0.24))
    assert passed.passed
    assert not failed.passed
    assert failed.observed == {"flagged_share": 0.25, "flagged": 1, "rows": 4}
    assert "1 of 4 rows (25 %)" in failed.message
    frame["flagged"] = [True, None, False, False]
    assert not one({entry: {"max": 1}}, frame, stored(stage="scorer")).passed
    assert not one({entry: {"max": 1}}, frame.iloc[:0], stored(stage="scorer")).passed


def test_default_gates_of_reports_close_on_empty_tables_and_values_that_are_nan(stored, drift, metrics) -> None:
    assert all(j.passed for j in judge(default_suite("test"), drift, stored(stage="test")))
    assert any(j.closes for j in judge(default_suite("test"), drift.iloc[:0], stored(stage="test")))
    sound = metrics.dropna(subset=["value"])
    assert all(j.passed for j in judge(default_suite("assessor"), sound, stored(stage="assessor")))
    assert any(j.closes for j in judge(default_suite("assessor"), metrics, stored(stage="assessor")))


@pytest.mark.parametrize(
    ("value", "bounds", "passed"),
    [
        (0.3, {"at_least": 0.1 + 0.2}, True),
        (0.1 + 0.2, {"at_most": 0.3}, True),
        (0.49, {"at_least": 0.5, "margin": 0.01}, True),
        (0.49, {"at_least": 0.5, "margin": 0.009}, False),
        (np.inf, {"at_least": 0.5}, False),
        (-np.inf, {"at_most": 0.5}, False),
        (np.nan, {"at_most": 0.5}, False),
    ],
)
def test_metric_at_its_bound_holds_and_one_that_is_not_finite_does_not(
    stored, value, bounds: dict, passed: bool
) -> None:
    rows = AssessmentRows()
    rows.add("accuracy", value, model="m", n=5)
    found = one({"expect_metric": {"name": "accuracy", **bounds}}, rows.finish().table, stored(stage="assessor"))
    assert found.passed is passed, found.message


def test_bound_of_a_metric_that_is_not_a_number_closes(stored, metrics) -> None:
    suite = parse_suite(
        [{"expect_metric": {"name": "log_loss", "model": "baseline", "at_most": np.nan}}], where="gates"
    )
    (found,) = judge(suite, metrics, stored(stage="assessor"))
    assert not found.passed
    assert "cannot be judged: the bound, at most nan, is not a number" in found.message


@pytest.mark.parametrize("bound", ["at_least", "at_most"])
def test_bound_of_a_metric_that_is_infinite_is_refused(bound: str) -> None:
    with pytest.raises(SpecError, match=f"{bound} must be a finite number"):
        parse_suite([{"expect_metric": {"name": "accuracy", bound: float("inf")}}], where="gates")
    with pytest.raises(SpecError, match="max must be"):
        parse_suite([{"expect_flagged_share": {"max": 2}}], where="gates")
