"""Great Expectations' own expectations: what is read from its source is what it registers, and its traps."""

from __future__ import annotations

import pandas as pd

from ballast.gates import Expectation, judge, parse_suite
from ballast.gates.great_expectations.builtin import UNUSABLE, builtin_arguments, builtin_names

STEERING = {
    "id",
    "meta",
    "notes",
    "result_format",
    "description",
    "catch_exceptions",
    "rendered_content",
    "severity",
    "windows",
    "batch_id",
    "library_metadata",
}
"""Fields of every expectation that steer Great Expectations and say nothing of the data."""

FRAME = pd.DataFrame(
    {
        "up": [1, 2, 3, 4],
        "same": [1, 2, 3, 4],
        "down": [4, 3, 2, 1],
        "word": ["ab", "cd", "ef", "ef"],
        "null": [None] * 4,
        "date": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
        "json": ['{"a": 1}'] * 4,
    }
)

HOLDS = {
    "expect_column_distinct_values_to_be_in_set": {"column": "up", "value_set": [1, 2, 3, 4]},
    "expect_column_distinct_values_to_contain_set": {"column": "up", "value_set": [1, 2]},
    "expect_column_distinct_values_to_equal_set": {"column": "word", "value_set": ["ab", "cd", "ef"]},
    "expect_column_kl_divergence_to_be_less_than": {
        "column": "word",
        "partition_object": {"values": ["ab", "cd", "ef"], "weights": [0.25, 0.25, 0.5]},
        "threshold": 0.1,
    },
    "expect_column_max_to_be_between": {"column": "up", "max_value": 4},
    "expect_column_mean_to_be_between": {"column": "up", "min_value": 2, "max_value": 3},
    "expect_column_median_to_be_between": {"column": "up", "min_value": 2, "max_value": 3},
    "expect_column_min_to_be_between": {"column": "up", "min_value": 1},
    "expect_column_most_common_value_to_be_in_set": {"column": "word", "value_set": ["ef"]},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "up", "column_B": "same", "or_equal": True},
    "expect_column_pair_values_to_be_equal": {"column_A": "up", "column_B": "same"},
    "expect_column_pair_values_to_be_in_set": {
        "column_A": "up",
        "column_B": "down",
        "value_pairs_set": [[1, 4], [2, 3], [3, 2], [4, 1]],
    },
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "up", "min_value": 1},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "up", "min_value": 1},
    "expect_column_quantile_values_to_be_between": {
        "column": "up",
        "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[2, 3]]},
    },
    "expect_column_stdev_to_be_between": {"column": "up", "min_value": 1, "max_value": 2},
    "expect_column_sum_to_be_between": {"column": "up", "min_value": 10, "max_value": 10},
    "expect_column_to_exist": {"column": "up"},
    "expect_column_type_to_be": {"column": "up", "type_": "int64"},
    "expect_column_unique_value_count_to_be_between": {"column": "up", "min_value": 4, "max_value": 4},
    "expect_column_value_lengths_to_be_between": {"column": "word", "min_value": 2},
    "expect_column_value_lengths_to_equal": {"column": "word", "value": 2},
    "expect_column_value_z_scores_to_be_less_than": {"column": "up", "threshold": 3, "double_sided": True},
    "expect_column_values_to_be_between": {"column": "up", "min_value": 1, "max_value": 4},
    "expect_column_values_to_be_dateutil_parseable": {"column": "date"},
    "expect_column_values_to_be_decreasing": {"column": "down"},
    "expect_column_values_to_be_in_set": {"column": "word", "value_set": ["ab", "cd", "ef"]},
    "expect_column_values_to_be_in_type_list": {"column": "up", "type_list": ["int64", "int"]},
    "expect_column_values_to_be_increasing": {"column": "up"},
    "expect_column_values_to_be_json_parseable": {"column": "json"},
    "expect_column_values_to_be_null": {"column": "null"},
    "expect_column_values_to_be_of_type": {"column": "up", "type_": "int64"},
    "expect_column_values_to_be_unique": {"column": "up"},
    "expect_column_values_to_match_json_schema": {"column": "json", "json_schema": {"required": ["a"]}},
    "expect_column_values_to_match_regex": {"column": "word", "regex": "^[a-f]+$"},
    "expect_column_values_to_match_regex_list": {"column": "word", "regex_list": ["^a", "^c", "^e"]},
    "expect_column_values_to_match_strftime_format": {"column": "date", "strftime_format": "%Y-%m-%d"},
    "expect_column_values_to_not_be_in_set": {"column": "word", "value_set": ["zz"]},
    "expect_column_values_to_not_be_null": {"column": "up"},
    "expect_column_values_to_not_be_outliers": {"column": "up", "method": "iqr", "multiplier": 3},
    "expect_column_values_to_not_match_regex": {"column": "word", "regex": "z"},
    "expect_column_values_to_not_match_regex_list": {"column": "word", "regex_list": ["z"]},
    "expect_compound_columns_to_be_unique": {"column_list": ["up", "word"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["up", "down"], "sum_total": 5},
    "expect_multicolumn_values_to_be_equal": {"column_list": ["up", "same"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["up", "word"]},
    "expect_table_column_count_to_be_between": {"min_value": 7, "max_value": 7},
    "expect_table_column_count_to_equal": {"value": 7},
    "expect_table_columns_to_match_ordered_list": {"column_list": list(FRAME.columns)},
    "expect_table_columns_to_match_set": {"column_set": list(FRAME.columns)},
    "expect_table_row_count_to_be_between": {"min_value": 1},
    "expect_table_row_count_to_equal": {"value": 4},
}
"""For every built-in expectation, arguments under which it holds for FRAME."""


def one(entry: dict, frame: pd.DataFrame, stored) -> object:
    return judge(parse_suite([entry], where="gates.train"), frame, stored())[0]


def test_names_and_arguments_read_from_the_source_are_those_great_expectations_registers() -> None:
    import great_expectations.expectations.core  # noqa: F401
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    registered = {
        name
        for name in list_registered_expectation_implementations()
        if (get_expectation_impl(name).__module__).startswith("great_expectations.expectations.core")
    }
    assert builtin_names() == registered - UNUSABLE
    for name in builtin_names():
        fields = get_expectation_impl(name).__fields__
        assert dict(builtin_arguments(name)) == {k: f.required for k, f in fields.items() if k not in STEERING}, name


def test_every_builtin_expectation_can_hold_for_a_table_in_memory(stored) -> None:
    assert set(HOLDS) == builtin_names()
    suite = parse_suite([{name: arguments} for name, arguments in HOLDS.items()], where="gates.train")
    assert {j.name: j.message for j in judge(suite, FRAME, stored()) if not j.passed} == {}


def test_failing_builtin_names_column_figures_and_examples(stored) -> None:
    frame = pd.DataFrame({"age": [10.0, 250.0, None, 30.0]})
    found = one({"expect_column_values_to_be_between": {"column": "age", "max_value": 120}}, frame, stored)
    assert not found.passed
    assert found.message == (
        "column 'age' (max_value: 120): 1 of 3 values (33.3 %) are not as expected (such as 250.0), 1 null value "
        "left out"
    )
    assert found.observed["unexpected_count"] == 1


def test_builtin_on_a_missing_column_is_closed_and_names_the_columns(stored) -> None:
    found = one({"expect_column_max_to_be_between": {"column": "agee", "max_value": 1}}, FRAME, stored)
    assert not found.passed
    assert "agee" in found.message
    assert "up, same" in found.message


def test_value_that_great_expectations_refuses_closes_its_own_gate_alone(stored) -> None:
    suite = (
        Expectation("expect_column_values_to_be_unique", {"column": "word", "mostly": "nearly all"}),
        Expectation("expect_column_values_to_not_be_null", {"column": "word"}),
    )
    bad, good = judge(suite, FRAME, stored())
    assert not bad.passed
    assert "mostly" in bad.message
    assert good.passed


def test_expectation_that_great_expectations_does_not_know_is_closed_not_dropped(stored) -> None:
    suite = (
        Expectation("expect_the_moon_to_be_full"),
        Expectation("expect_column_values_to_not_be_null", {"column": "up"}),
    )
    moon, null = judge(suite, FRAME, stored())
    assert (moon.passed, null.passed) == (False, True)
    assert "expect_the_moon_to_be_full" in moon.message


def test_expectation_whose_result_does_not_come_back_is_closed(stored) -> None:
    from great_expectations.expectations.expectation import BatchExpectation

    class ExpectToBeTakenForAnother(BatchExpectation):
        """Somebody's expectation that gives back a result that is not its own."""

        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            return {"success": True, "result": {}}

        def _build_evr(self, raw_response, **kwargs):
            result = super()._build_evr(raw_response, **kwargs)
            result.expectation_config = type(self)(meta={"name": "another"}).configuration
            return result

    suite = (
        Expectation("expect_to_be_taken_for_another"),
        Expectation("expect_column_values_to_not_be_null", {"column": "up"}),
    )
    lost, kept = judge(suite, FRAME, stored())
    assert kept.passed
    assert not lost.passed
    assert "no result" in lost.message


def test_great_expectations_failing_as_a_whole_closes_every_gate(stored) -> None:
    suite = parse_suite(
        [{"expect_column_values_to_not_be_null": {"column": c}} for c in ("up", "word")], where="gates.train"
    )
    judged = judge(suite, "no frame at all", stored())  # type: ignore[arg-type]
    assert [j.passed for j in judged] == [False, False]
    assert all("cannot be judged" in j.message for j in judged)


def test_own_and_builtin_expectations_come_back_in_the_order_of_the_suite(stored) -> None:
    entries = [
        {"expect_column_to_exist": {"column": "up"}},
        {"expect_row_count_at_least": {"rows": 5}},
        {"expect_column_values_to_be_unique": {"column": "word"}},
        {"expect_row_count_at_least": {"rows": 4}},
    ]
    judged = judge(parse_suite(entries, where="gates.train"), FRAME, stored())
    assert [(j.type, j.passed) for j in judged] == [
        ("expect_column_to_exist", True),
        ("expect_row_count_at_least", False),
        ("expect_column_values_to_be_unique", False),
        ("expect_row_count_at_least", True),
    ]
