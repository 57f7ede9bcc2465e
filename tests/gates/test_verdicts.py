"""Judging: one judgement for every expectation, closed when in doubt, and figures that JSON can hold."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ballast.gates import Expectation, StaticContext, default_suite, judge, parse_suite
from ballast.gates.suite import OWN
from ballast.methods.frame.reports import OVERALL
from ballast.stages import GATED


def test_expectation_that_raises_is_closed_with_the_exception(stored) -> None:
    class Broken(StaticContext):
        def ids(self, role: str) -> np.ndarray:
            raise OSError("the warehouse is gone")

    frame = pd.DataFrame({"image_id": [1, 2]})
    suite = parse_suite([{"expect_no_shared_ids": {"with": ["test"]}}, "expect_unique_ids"], where="gates")
    broken, sound = judge(suite, frame, Broken(stage="source", id="image_id"))
    assert not broken.passed
    assert broken.closes
    assert broken.message == "cannot be judged: OSError: the warehouse is gone"
    assert sound.passed


def test_arguments_that_never_went_through_the_parser_are_closed_too(stored) -> None:
    (found,) = judge([Expectation("expect_row_count_at_least", {"row": 1})], pd.DataFrame({"a": [1]}), stored())
    assert not found.passed


def test_warning_that_fails_does_not_close(stored) -> None:
    entries = [
        {"expect_row_count_at_least": {"rows": 9, "severity": "warn"}},
        {"expect_row_count_at_least": {"rows": 8}},
    ]
    suite = parse_suite(entries, where="gates")
    warned, closed = judge(suite, pd.DataFrame({"a": [1]}), stored())
    assert (warned.passed, warned.severity, warned.closes) == (False, "warn", False)
    assert (closed.passed, closed.severity, closed.closes) == (False, "error", True)


@pytest.mark.parametrize("stage", GATED)
@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"sample_id": []}), pd.DataFrame({"a": [1]})])
def test_default_suite_on_an_empty_or_foreign_table_is_closed_and_one_to_one(stored, stage: str, frame) -> None:
    suite = default_suite(stage, "train")
    judged = judge(suite, frame, stored(stage=stage, role="train", id="sample_id" if stage == "source" else None))
    assert [j.name for j in judged] == [e.name for e in suite]
    if stage != "learner" or frame.empty:  # a learner's table is any one row
        assert any(j.closes for j in judged)


def test_observed_figures_are_plain_and_json_holds_them(stored) -> None:
    frame = pd.DataFrame({"sample_id": [1, 2], "weight": [0.5, np.float32(1.5)], "flagged": [True, False]})
    suite = parse_suite(
        [
            {"expect_effective_sample_size": {"min_share": 0.2}},
            {"expect_weight_range": {"min": 0}},
            {"expect_flagged_share": {"max": 1}},
            "expect_mean_weight",
            {"expect_column_mean_to_be_between": {"column": "weight", "min_value": 0}},
        ],
        where="gates",
    )
    for judged in judge(suite, frame, stored(stage="weigher", id=None)):
        assert judged.passed, judged.message
        assert judged.observed
        assert json.loads(json.dumps(judged.observed, allow_nan=False)) == judged.observed
        assert all(type(v) in (int, float, str, bool) for v in judged.observed.values())


def test_own_expectations_alone_do_not_import_great_expectations() -> None:
    program = (
        "import sys; import pandas as pd; from ballast.gates import judge, default_suite;"
        "print(len(judge(default_suite('weigher'), pd.DataFrame({'sample_id': [1], 'weight': [1.0]}),"
        " type('C', (), {'id': None})())), 'great_expectations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5", "False"]


def test_judging_leaves_the_table_as_it_was(stored) -> None:
    frame = pd.DataFrame({"image_id": [1, 2, 2], "digit": [1.0, None, 3.0], "gone": None})
    before = frame.copy(deep=True)
    entries = ["expect_unique_ids", {"expect_column_values_to_be_unique": {"column": "image_id"}}]
    judge([*default_suite("source", "train"), *parse_suite(entries, where="gates")], frame, stored(role="train"))
    pd.testing.assert_frame_equal(frame, before)


def test_every_own_expectation_is_held_by_a_test() -> None:
    from pathlib import Path

    text = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in OWN if name not in text] == []


def test_table_without_rows_cannot_be_judged_but_by_its_row_count(stored) -> None:
    frame = pd.DataFrame({"image_id": pd.Series([], dtype=int), "digit": pd.Series([], dtype=int)})
    entries = ["expect_unique_ids", "expect_no_null_labels", "expect_no_empty_columns", "expect_finite_values"]
    suite = parse_suite([*entries, {"expect_no_shared_ids": {"with": ["test"]}}], where="gates", stage="source")
    for judged in judge(suite, frame, stored(stored_ids={"test": np.arange(3)})):
        assert not judged.passed
        assert judged.message.startswith("cannot be judged: the table has no rows"), judged.name
    (counted,) = judge(parse_suite([{"expect_row_count_at_least": {"rows": 1}}], where="gates"), frame, stored())
    assert counted.message.startswith("0 rows, at least 1 expected")


def test_verdict_that_rests_on_a_figure_that_is_not_finite_is_closed(stored) -> None:
    frame = pd.DataFrame({"metric": ["loss"], "model": ["m"], "versus": [""], "slice": [OVERALL], "value": [-np.inf]})
    suite = parse_suite([{"expect_metric": {"name": "loss", "at_most": 0.5}}], where="gates")
    (found,) = judge(suite, frame, stored(stage="assessor"))
    assert not found.passed
    assert found.message.startswith("cannot be judged: value is -inf (loss is -inf, at most 0.5 expected")
