"""Reports are tidy tables with the few numbers that sum them up."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ballast.methods.frame.reports import ASSESSMENT_COLUMNS, OVERALL, TEST_COLUMNS, AssessmentRows, TestReport


def assessment(models=("plain", "weighted")):
    rows = AssessmentRows()
    for j, model in enumerate(models):
        rows.add("accuracy", 0.8 + j / 10, n=50, low=0.7, high=0.9, model=model)
        rows.add("accuracy", 0.5, n=20, model=model, slice="north")
    if len(models) > 1:
        rows.add("accuracy", 0.1, n=50, model=models[1], versus=models[0])
    return rows.finish()


def test_assessment_when_finished_then_has_the_columns_and_python_types_of_a_table():
    table = assessment().table
    assert tuple(table.columns) == ASSESSMENT_COLUMNS
    assert table["n"].dtype.kind == "i"
    assert table["value"].dtype == np.float64
    assert table["low"].isna().sum() == 3


def test_summary_when_several_models_are_judged_then_keys_name_them():
    assert assessment().summary == {
        "plain.accuracy": 0.8,
        "weighted.accuracy": 0.9,
        "weighted.accuracy vs plain": 0.1,
    }


def test_summary_when_one_model_is_judged_then_keys_are_the_metrics():
    assert assessment(models=("plain",)).summary == {"accuracy": 0.8}
    assert assessment(models=("",)).summary == {"accuracy": 0.8}


def test_value_when_asked_for_then_the_row_of_that_model_slice_and_rival():
    report = assessment()
    assert report.value("accuracy", model="weighted") == 0.9
    assert report.value("accuracy", model="weighted", versus="plain") == 0.1
    assert report.value("accuracy", model="plain", slice="north") == 0.5


@pytest.mark.parametrize("wanted", [{"metric": "auroc"}, {"metric": "accuracy", "model": "other"}])
def test_value_when_there_is_none_then_what_was_asked_and_the_metrics_are_named(wanted):
    with pytest.raises(KeyError) as caught:
        assessment().value(**wanted)
    assert str(list(wanted.values())[-1]) in str(caught.value)
    assert "['accuracy']" in str(caught.value)


def test_value_when_several_models_have_it_then_asks_which():
    with pytest.raises(KeyError, match=r"2 rows with .*the models \['plain', 'weighted'\]"):
        assessment().value("accuracy")


def test_empty_assessment_when_finished_then_still_has_its_columns():
    report = AssessmentRows().finish()
    assert tuple(report.table.columns) == ASSESSMENT_COLUMNS
    assert report.summary == {}


def test_summary_of_a_test_when_made_of_numpy_numbers_then_json_can_hold_it():
    table = pd.DataFrame([[OVERALL, 1.0, 0.5, 0.5, 0.05, False, 0.0, "none"]], columns=list(TEST_COLUMNS))
    report = TestReport(np.float64(1.0), np.float64(0.5), 0.05, np.bool_(False), table)
    assert json.loads(json.dumps(report.summary)) == {
        "statistic": 1.0,
        "p_value": 0.5,
        "threshold": 0.05,
        "rejected": False,
    }
