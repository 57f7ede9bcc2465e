"""The rule by which a candidate takes the place of the model in use, on tables as comparisons leave them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ballast.errors import DataError
from ballast.methods.evaluation import CompareModels
from ballast.orchestration.run.rule import Weighed, best, metric_of, weigh
from ballast.orchestration.spec.pipeline import StepSpec

NAN = float("nan")


def step(**keys: Any) -> StepSpec:
    return StepSpec.model_validate({"promote": "verdict", "from": ["new"], **keys})


def judged(low: float, high: float, value: float = 0.02, **slices: tuple[float, float]) -> pd.DataFrame:
    """Gives a comparison of `new` with `production`: the accuracies, and the difference on all rows and by slice."""
    rows = [
        ("accuracy", "production", "", "(all)", 0.8, NAN, NAN),
        ("accuracy", "new", "", "(all)", 0.8 + value, NAN, NAN),
    ]
    rows.append(("accuracy", "new", "production", "(all)", value, low, high))
    rows += [("accuracy", "new", "production", name, value, *ends) for name, ends in slices.items()]
    return pd.DataFrame(rows, columns=pd.Index(["metric", "model", "versus", "slice", "value", "low", "high"]))


def held(rule: dict[str, Any], table: pd.DataFrame, better: str = "higher") -> Weighed:
    return weigh(step(**rule), table, "accuracy", better, "new", against="production", obstacle="")


@pytest.mark.parametrize(
    ("rule", "low", "high", "holds"),
    [
        ({"better_by": 0.01}, 0.011, 0.05, True),
        ({"better_by": 0.01}, 0.009, 0.05, False),
        ({"better_by": 0.01}, 0.01, 0.05, False),
        ({}, 0.001, 0.05, True),
        ({}, 0.0, 0.0, False),
        ({"not_worse_by": 0.02}, -0.02, 0.05, True),
        ({"not_worse_by": 0.02}, -0.021, 0.05, False),
        ({"not_worse_by": 0}, 0.0, 0.0, True),
        ({"better_by": 0.01}, NAN, NAN, False),
        ({"not_worse_by": 1}, NAN, NAN, False),
    ],
)
def test_rule_when_held_against_the_lower_end_then_right(rule: dict[str, Any], low: float, high: float, holds: bool):
    assert held(rule, judged(low, high)).holds is holds


def test_rule_when_lower_values_are_better_then_the_interval_is_turned():
    worse, less = judged(0.01, 0.03, value=0.02), judged(-0.03, -0.01, value=-0.02)
    assert not held({"better_by": 0.005}, worse, better="lower").holds
    found = held({"better_by": 0.005}, less, better="lower")
    assert found.holds
    assert (found.gain.value, found.gain.low, found.gain.high) == (0.02, 0.01, 0.03)


def test_rule_when_a_slice_may_be_worse_then_stays_and_the_slice_is_named():
    rule = {"not_worse_by": 0.02, "not_worse_on": "slices"}
    assert held(rule, judged(-0.01, 0.05, old=(-0.02, 0.1), young=(0.0, 0.1))).holds
    found = held(rule, judged(-0.01, 0.05, old=(-0.03, 0.1), young=(0.0, 0.1)))
    assert not found.holds
    assert "below -0.02 in 1 of 2 slices: old (-0.03)" in found.said
    unknown = held(rule, judged(-0.01, 0.05, old=(NAN, NAN)))
    assert not unknown.holds
    assert "old (not known)" in unknown.said
    assert not held(rule, judged(-0.01, 0.05)).holds
    both = {"better_by": 0.01, **rule}
    assert held(both, judged(0.02, 0.05, old=(-0.02, 0.1))).holds
    assert not held(both, judged(0.0, 0.05, old=(-0.02, 0.1))).holds


def test_candidates_when_several_may_then_the_best_and_none_with_an_obstacle():
    def of(value: float, *, holds: bool = True) -> Weighed:
        return Weighed(value, holds=holds)

    assert best({"a": of(0.8), "b": of(0.9), "c": of(0.95, holds=False)}, "higher") == "b"
    assert best({"a": of(0.8), "b": of(0.9)}, "lower") == "a"
    assert best({"a": of(0.8, holds=False)}, "higher") is None
    table = judged(0.5, 0.6)
    barred = weigh(step(), table, "accuracy", "higher", "new", against="production", obstacle="a gate is closed")
    assert (barred.holds, barred.said) == (False, "a gate is closed")
    first = weigh(step(better_by=0.3), table, "accuracy", "higher", "new", against=None, obstacle="")
    assert first.holds
    assert "nothing was in use" in first.said
    assert not weigh(step(), table, "accuracy", "higher", "new", against=None, obstacle="closed").holds
    assert not weigh(step(), table, "accuracy", "higher", "other", against="production", obstacle="").holds
    assert math.isnan(weigh(step(), table, "accuracy", "higher", "other", against=None, obstacle="").value)


def test_rule_when_of_a_real_comparison_then_its_first_metric_or_the_one_named():
    y = np.arange(200) % 2
    new = np.where(np.arange(200) < 180, y, 0)
    found = CompareModels(random_state=0).assess(y, {"production": np.zeros(200, dtype=int), "new": new})
    better = dict(found.better)
    assert metric_of(step(), found.table, better) == ("accuracy", "higher")
    assert metric_of(step(metric="balanced_accuracy"), found.table, better)[0] == "balanced_accuracy"
    with pytest.raises(DataError, match=r"no metric 'acuracy'.*did you mean 'accuracy'"):
        metric_of(step(metric="acuracy"), found.table, better)
    assert weigh(step(better_by=0.3), found.table, "accuracy", "higher", "new", against="production", obstacle="").holds
