"""Gates that a table suggests: each holds of it, says what it comes from, and closes on what is unlike it."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from ballast.gates import StaticContext, judge, parse_suite
from ballast.gates.suggest import Suggestion, suggested

N = 60
RNG = np.random.default_rng(0)
SOME = RNG.random(N) < 0.2

COLUMNS = {
    "normal": RNG.normal(size=N),
    "single precision": RNG.normal(size=N).astype(np.float32),
    "tiny": -RNG.random(N) * 1e-300,
    "huge": RNG.normal(size=N) * 1e300,
    "infinite": np.r_[np.inf, RNG.normal(size=N - 1)],
    "with nulls": pd.Series(RNG.normal(size=N)).mask(SOME),
    "mostly null": pd.Series(RNG.normal(size=N)).mask(np.arange(N) > 3),
    "constant": np.full(N, 1.5),
    "whole": RNG.integers(18, 90, N),
    "short": RNG.integers(0, 100, N).astype(np.int16),
    "whole with nulls": pd.Series(RNG.integers(0, 9, N)).astype("Int64").mask(SOME),
    "large whole": RNG.integers(2**61, 2**62, N),
    "text": [f"text {i}" for i in range(N)],
    "categories": RNG.choice(["yes", "no", "it's", "1"], N),
    "categories with nulls": pd.Series(RNG.choice(["a", "b"], N)).astype(object).mask(SOME, None),
    "truths": RNG.random(N) < 0.5,
    "truths with nulls": pd.array([True, None, False] * (N // 3), dtype="boolean"),
    "times": pd.date_range("2024-01-01", periods=N),
    "times with a zone": pd.date_range("2024-01-01", periods=N, tz="Europe/Berlin"),
    "days": [datetime.date(2024, 1, 1 + i % 28) for i in range(N)],
    "decimals": [Decimal("1.10")] * N,
    "lists": [[1, 2]] * N,
    "empty": [None] * N,
}


def gates(frame: pd.DataFrame, **settings) -> list[Suggestion]:
    return list(suggested(frame, id="id", **settings))


def closed(suggestions: list[Suggestion], frame: pd.DataFrame) -> dict[str, str]:
    if not suggestions:
        return {}
    suite = parse_suite([{s.expectation: s.arguments} for s in suggestions], where="gates.train", stage="source")
    judged = judge(suite, frame, StaticContext(id="id"))
    return {j.type.removeprefix("expect_column_values_to_"): j.message for j in judged if not j.passed}


@pytest.mark.parametrize("name", COLUMNS)
def test_suggested_gates_of_any_column_hold_of_it(name: str):
    frame = pd.DataFrame({"id": range(N), "a column": COLUMNS[name]})
    found = gates(frame)
    assert bool(found) == (name not in ("decimals", "lists", "empty"))
    assert closed(found, frame) == {}
    assert all(suggestion.why for suggestion in found)


def test_suggested_gates_close_on_another_type_range_category_share_of_nulls_and_on_copies():
    names = ["whole", "categories", "with nulls", "text"]
    frame = pd.DataFrame({"id": range(N), **{name: COLUMNS[name] for name in names}})
    found = gates(frame)
    wrong = {
        "not_be_null": frame.assign(**{"with nulls": frame["with nulls"].where(np.arange(N) < 20)}),
        "be_between": frame.assign(whole=1000),
        "be_in_set": frame.assign(categories="maybe"),
        "be_unique": frame.assign(text="same"),
        "be_of_type": frame.assign(whole=frame["whole"] / 2),
    }
    for kind, other in wrong.items():
        assert kind in closed(found, other), kind


def test_suggested_range_reaches_a_tenth_beyond_the_values_and_not_across_zero():
    frame = pd.DataFrame({"id": range(4), "age": [5, 20, 50, 105], "share": [0.1, 0.2, 0.4, 0.6]})
    ranges = {s.arguments["column"]: s for s in gates(frame) if s.expectation.endswith("between")}
    assert ranges["age"].arguments == {"column": "age", "min_value": 0, "max_value": 115}
    assert ranges["age"].why == "5 to 105"
    assert ranges["share"].arguments == {"column": "share", "min_value": 0.05, "max_value": 0.65}


def test_suggested_share_of_nulls_allows_twice_what_there_is():
    frame = pd.DataFrame({"id": range(50), "a": [None] * 4 + [1.0] * 46})
    (nulls,) = [s for s in gates(frame) if "null" in s.expectation]
    assert nulls.arguments == {"column": "a", "mostly": 0.84}
    assert nulls.why == "4 of 50 rows are missing (8 %), twice that"


def test_suggested_gates_of_classes_hold_the_label_to_them_even_where_they_are_numbers():
    frame = pd.DataFrame({"id": range(30), "digit": [0, 1, 2] * 10})
    (only,) = gates(frame, classes="digit")
    assert only.arguments == {"column": "digit", "value_set": [0, 1, 2]}
