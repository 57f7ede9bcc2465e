"""Ballast's expectations in Great Expectations' own hands: suites, stores, validations, documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest

from ballast import gates
from ballast.gates import Features, StaticContext, judge, parse_suite
from ballast.gates.great_expectations import expectations
from ballast.gates.great_expectations.expectations import with_context
from ballast.gates.suite import OWN
from ballast.methods.frame.reports import ASSESSMENT_COLUMNS, OVERALL, TEST_COLUMNS

POOL = pd.DataFrame({"key": [1, 2, 3, 3], "kind": ["a", "b", "a", None], "height": [1.0, 2.0, np.nan, 4.0], "one": 1})
WEIGHTS = pd.DataFrame({"sample_id": range(4), "weight": [0.5, 0.5, 0.5, 2.5]})
SCORES = pd.DataFrame({"sample_id": range(4), "score": [0.1, 0.2, 0.3, 0.4], "flagged": [True, False, False, False]})
DATASET = pd.DataFrame({"row": range(3), "sample_id": [0, 1, 9], "second_parent_id": [None, None, None]})
DRIFT = pd.DataFrame(
    [("height", 0.3, 0.01, 0.01, 0.05, True, 0.3, "d"), (OVERALL, 0.3, 0.02, np.nan, 0.05, True, np.nan, "")],
    columns=list(TEST_COLUMNS),
)
METRICS = pd.DataFrame([("accuracy", "m", "", OVERALL, 0.8, 0.7, 0.9, 50)], columns=list(ASSESSMENT_COLUMNS))

SOURCE = StaticContext(stage="source", id="key", label="kind", stored_ids={"train": np.array([3, 7])})
TRAINED = StaticContext(stage="source", id="key", label="kind", stored_tables={"train": POOL.head(2)})
WEIGHER = StaticContext(
    stage="weigher",
    stored_features={
        "train": Features(np.arange(4), np.arange(8.0).reshape(4, 2), ["a", "b"]),
        "target": Features(np.arange(3), np.ones((3, 2)), ["a", "b"]),
    },
)
SAMPLER = StaticContext(stage="sampler", stored_ids={"train": np.arange(4)})
ALONE = StaticContext()
PREDICTIONS = SCORES.assign(prediction=["a", "b", "b", "b"], reason=["flagged by novelty", None, None, None])
SECOND = StaticContext(stage="prediction", stored_previous=(1, PREDICTIONS.assign(prediction="a")))
MODELS = pd.DataFrame({"model": ["m"], "version": [1], "in_use": [False], "moved": [False], "said": ["m: too bad"]})

CASES: list[tuple[str, dict[str, Any], pd.DataFrame, StaticContext]] = [
    ("expect_row_count_at_least", {"rows": 4}, POOL, SOURCE),
    ("expect_row_count_at_least", {"rows": 5}, POOL, SOURCE),
    ("expect_unique_ids", {}, POOL, SOURCE),
    ("expect_unique_ids", {}, WEIGHTS, ALONE),
    ("expect_no_shared_ids", {"with": ["train"]}, POOL, SOURCE),
    ("expect_same_schema", {"with": ["train"]}, POOL, TRAINED),
    ("expect_known_categories", {"with": ["train"], "except": ["height"]}, POOL, TRAINED),
    ("expect_known_labels", {"with": ["train"]}, POOL, TRAINED),
    ("expect_parents_exist", {}, DATASET, SAMPLER),
    ("expect_no_null_labels", {}, POOL, SOURCE),
    ("expect_class_count_at_least", {"classes": 2}, POOL, SOURCE),
    ("expect_class_count_at_least", {"classes": 3}, POOL, SOURCE),
    ("expect_no_empty_columns", {}, POOL, SOURCE),
    ("expect_no_constant_columns", {}, POOL, SOURCE),
    ("expect_no_infinite_values", {}, POOL, SOURCE),
    ("expect_no_numbers_as_text", {"except": ["kind"]}, POOL, SOURCE),
    ("expect_finite_values", {"columns": ["height"]}, POOL, SOURCE),
    ("expect_finite_values", {}, WEIGHTS, ALONE),
    ("expect_effective_sample_size", {"min_share": 0.5}, WEIGHTS, ALONE),
    ("expect_effective_sample_size", {"min_size": 3.5}, WEIGHTS, ALONE),
    ("expect_weight_range", {"max": 2.0}, WEIGHTS, ALONE),
    ("expect_mean_weight", {}, WEIGHTS, ALONE),
    ("expect_balance", {"max_standardized_difference": 0.2}, WEIGHTS, WEIGHER),
    ("expect_improved_balance", {}, WEIGHTS, WEIGHER),
    ("expect_drift_below", {"max_effect_size": 0.2, "feature": "height"}, DRIFT, ALONE),
    ("expect_overall_result", {}, DRIFT, ALONE),
    ("expect_metric", {"name": "accuracy", "at_least": 0.75}, METRICS, ALONE),
    ("expect_flagged_share", {"max": 0.2}, SCORES, ALONE),
    ("expect_label_noise_share", {"max": 0.3}, SCORES, ALONE),
    ("expect_share_flagged_below", {"share": 0.2}, PREDICTIONS, ALONE),
    ("expect_prediction_shift_below", {"max_effect_size": 0.3}, PREDICTIONS, SECOND),
    ("expect_model_in_use", {}, MODELS, ALONE),
]


@pytest.fixture(scope="module")
def batches() -> Any:
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("here").add_dataframe_asset("tables")
    return asset.add_batch_definition_whole_dataframe("whole")


def class_of(type_: str) -> Any:
    return getattr(expectations, OWN[type_].__name__)


def test_cases_cover_every_expectation_of_ballast():
    assert {type_ for type_, *_ in CASES} == OWN.keys()


@pytest.mark.parametrize(("type_", "arguments", "frame", "given"), CASES)
def test_great_expectations_gives_the_result_that_a_gate_gives(batches, type_, arguments, frame, given):
    (judged,) = judge(parse_suite([{type_: arguments}], where="gates"), frame, given)
    batch = batches.get_batch(batch_parameters={"dataframe": frame})
    with with_context(given):
        result = batch.validate(class_of(type_)(**arguments))
    assert result.expectation_config.type == type_
    assert not result.exception_info["raised_exception"], result
    assert result.success == judged.passed
    assert result.result == {"observed_value": judged.message, "details": judged.observed}


def test_suite_of_both_kinds_is_judged_in_one_validation(batches):
    suite = gx.ExpectationSuite(
        name="mixed",
        expectations=[
            gx.expectations.ExpectColumnToExist(column="weight"),
            class_of("expect_weight_range")(max=2.0),
            class_of("expect_finite_values")(columns=["wieght"]),
        ],
    )
    found = batches.get_batch(batch_parameters={"dataframe": WEIGHTS}).validate(suite)
    exists, in_range, finite = found.results
    assert (exists.success, in_range.success, finite.success) == (True, False, False)
    assert "did you mean 'weight'?" in str(finite.exception_info)


def test_what_stands_beside_a_table_is_forgotten_after_the_block(batches):
    batch = batches.get_batch(batch_parameters={"dataframe": WEIGHTS})
    expectation = class_of("expect_no_shared_ids")(**{"with": ["train"]})
    with with_context(StaticContext(stored_ids={"train": np.arange(9)})):
        assert batch.validate(expectation).result["details"]["shared_with_train"] == 4
    alone = batch.validate(expectation)
    assert not alone.success
    assert "the rows of train are not stored" in str(alone.exception_info)


def test_names_when_former_then_the_present_ones_with_a_warning():
    with pytest.warns(DeprecationWarning, match="Given is now called StaticContext"):
        assert gates.Given is StaticContext
    with pytest.warns(DeprecationWarning, match="beside is now called with_context"):
        assert expectations.beside is with_context
    assert not hasattr(gates, "Taken")


@pytest.mark.parametrize(
    ("type_", "arguments", "said"),
    [
        ("expect_effective_sample_size", {"min_shar": 0.5}, "min_shar"),
        ("expect_effective_sample_size", {"min_share": "half"}, "min_share must be a valid number"),
        ("expect_effective_sample_size", {"min_share": 1.5}, "min_share must be less than or equal to 1"),
        ("expect_effective_sample_size", {}, "give min_share, min_size or both"),
        ("expect_row_count_at_least", {}, "rows"),
    ],
)
def test_wrong_arguments_are_refused_when_the_expectation_is_made(type_, arguments, said):
    with pytest.raises(ValueError, match=said):
        class_of(type_)(**arguments)


def test_name_that_is_no_expectation_of_ballast_tells_which_there_are():
    with pytest.raises(AttributeError, match="ExpectEffectiveSampleSize"):
        _ = expectations.ExpectEffectiveSamplesize


STORE = """
import sys
import great_expectations as gx
from ballast.gates.great_expectations.expectations import ExpectEffectiveSampleSize, ExpectWeightRange

context = gx.get_context(mode="file", project_root_dir=sys.argv[1])
suite = context.suites.add(gx.ExpectationSuite(name="weights"))
suite.add_expectation(ExpectEffectiveSampleSize(min_share={"$PARAMETER": "share"}))
suite.add_expectation(ExpectWeightRange(min=0.0, severity="warning"))
asset = context.data_sources.add_pandas("here").add_csv_asset("weights", sys.argv[1] + "/weights.csv")
batch = asset.add_batch_definition("whole")
context.validation_definitions.add(gx.ValidationDefinition(name="weights", data=batch, suite=suite))
"""
JUDGE = """
import sys
import great_expectations as gx
import ballast.gates.great_expectations.expectations

context = gx.get_context(mode="file", project_root_dir=sys.argv[1])
definition = context.validation_definitions.get("weights")
docs = gx.checkpoint.UpdateDataDocsAction(name="docs")
checkpoint = gx.Checkpoint(name="weights", validation_definitions=[definition], actions=[docs])
for share in (0.5, 0.9):
    print(context.checkpoints.add_or_update(checkpoint).run(expectation_parameters={"share": share}).success)
"""


@pytest.mark.full
def test_stored_suite_is_judged_by_another_process_and_stands_in_the_data_docs(tmp_path: Path):
    WEIGHTS.to_csv(tmp_path / "weights.csv", index=False)
    told = [
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300)
        for script in (STORE, JUDGE)
    ]
    assert [t.returncode for t in told] == [0, 0], told[-1].stderr
    assert told[1].stdout.split() == ["True", "False"]
    pages = [page.read_text(encoding="utf-8") for page in tmp_path.rglob("validations/**/*.html")]
    assert any("effective sample size 2.3 of 4 rows" in page for page in pages)
