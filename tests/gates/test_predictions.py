"""Expectations on predictions: how many are flagged, how far they are from those before, which model is in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Judgement, StaticContext, judge, parse_suite


def one(entry: object, frame: pd.DataFrame, before: pd.DataFrame | None = None) -> Judgement:
    context = StaticContext(stage="prediction", stored_previous=None if before is None else (4, before))
    (found,) = judge(parse_suite([entry], where="gates"), frame, context)
    return found


def predicted(values: Any, flagged: int = 0) -> pd.DataFrame:
    flags = np.arange(len(values)) < flagged
    reasons = np.where(flags, "flagged by novelty", None)
    return pd.DataFrame({"sample_id": range(len(values)), "prediction": values, "flagged": flags, "reason": reasons})


def classes(yes: int, no: int) -> pd.DataFrame:
    return predicted(["yes"] * yes + ["no"] * no)


@pytest.mark.parametrize(
    ("flagged", "share", "passed"), [(0, 0.0, True), (1, 0.0, False), (2, 0.2, True), (3, 0.2, False)]
)
def test_share_flagged_when_at_most_the_share_then_passes(flagged: int, share: float, passed: bool):
    found = one({"expect_share_flagged_below": {"share": share}}, predicted(["a"] * 10, flagged))
    assert found.passed is passed
    assert found.observed["flagged"] == flagged
    assert ("flagged by novelty" in found.message) is not passed


def test_share_flagged_when_a_flag_is_missing_then_cannot_be_judged():
    frame = predicted(["a"] * 3).assign(flagged=pd.array([True, None, False], dtype="boolean"))
    found = one({"expect_share_flagged_below": {"share": 1.0}}, frame)
    assert not found.passed
    assert "1 of 3 predictions have no flag" in found.message


SHIFT = {"expect_prediction_shift_below": {"max_effect_size": 0.2}}


def test_shift_when_classes_then_cramers_v_of_version_and_class():
    found = one(SHIFT, classes(50, 50), classes(80, 20))
    # of the 2 x 2 table of counts 50, 50 and 80, 20: chi-squared 19.78 of 200, so V = .3145
    assert found.observed["effect_size"] == pytest.approx(0.31449, abs=1e-4)
    assert not found.passed
    assert "share of 'yes' 80.0% to 50.0%" in found.message
    assert one(SHIFT, classes(52, 48), classes(50, 50)).passed


def test_shift_when_one_class_alone_then_none():
    assert one(SHIFT, classes(10, 0), classes(70, 0)).observed["effect_size"] == 0
    assert one(SHIFT, classes(10, 0), classes(0, 70)).observed["effect_size"] == 1


def test_shift_when_numbers_then_the_distance_of_the_distribution_functions():
    before = np.linspace(0, 1, 101)
    found = one(SHIFT, predicted(before + 0.305), predicted(before))
    assert found.observed["effect_size"] == pytest.approx(31 / 101)  # 31 of 101 lie below the least of the others
    assert "mean 0.5 to 0.805" in found.message
    assert one(SHIFT, predicted(before), predicted(before)).observed["effect_size"] == 0


def test_shift_when_nothing_is_before_then_passes_and_says_so():
    assert "the first version" in one(SHIFT, classes(3, 3)).message
    assert "predicted no rows" in one(SHIFT, classes(3, 3), classes(0, 0)).message


def test_shift_when_a_prediction_is_missing_then_cannot_be_judged():
    before = np.linspace(0, 1, 101)
    assert not one(SHIFT, predicted(np.where(before > 0.9, np.nan, before)), predicted(before)).passed
