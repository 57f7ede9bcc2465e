"""How each expectation is judged over rows that do not fit in memory: the one list of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ballast.gates.own.form import Outcome
from ballast.gates.rows import beside, tables
from ballast.gates.suite import Expectation

ROW_BY_ROW: Mapping[str, Callable[..., Outcome]] = {
    "expect_row_count_at_least": tables.row_count,
    "expect_no_null_labels": tables.no_null_labels,
    "expect_no_empty_columns": tables.no_empty_columns,
    "expect_no_infinite_values": tables.no_infinite_values,
    "expect_no_numbers_as_text": tables.no_numbers_as_text,
    "expect_finite_values": tables.finite_values,
    "expect_weight_range": tables.weight_range,
    "expect_flagged_share": tables.flagged,
    "expect_label_noise_share": tables.flagged,
    "expect_share_flagged_below": tables.share_flagged,
}
"""Ballast's expectations whose counts add up over batches."""

OVER_ALL: Mapping[str, Callable[..., Outcome]] = {
    "expect_unique_ids": tables.unique_ids,
    "expect_class_count_at_least": tables.class_count,
    "expect_no_constant_columns": tables.no_constant_columns,
    "expect_effective_sample_size": tables.effective_sample_size,
    "expect_mean_weight": tables.mean_weight,
}
"""Ballast's expectations on figures of all rows."""

BESIDE: Mapping[str, Callable[..., Outcome]] = {
    "expect_parents_exist": beside.parents_exist,
    "expect_no_shared_ids": beside.no_shared_ids,
    "expect_same_schema": beside.same_schema,
    "expect_known_categories": beside.known_categories,
    "expect_known_labels": beside.known_labels,
    "expect_prediction_shift_below": beside.prediction_shift,
}
"""Ballast's expectations on figures of all rows of this table and others."""

OF_REPORTS = frozenset({"expect_drift_below", "expect_overall_result", "expect_metric", "expect_model_in_use"})
"""Expectations on tables that a step writes a few rows of, which are judged in memory."""

UNJUDGEABLE: Mapping[str, str] = {
    "expect_balance": "it needs all training and target features at once",
    "expect_improved_balance": "it needs all training and target features at once",
}
"""Expectations that cannot be judged over rows beyond memory, and why."""

BUILTIN_BY_ROW = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_match_json_schema",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_multicolumn_sum_to_equal",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
"""Great Expectations' on a row alone, or (increasing, decreasing) on it and the row before."""

OWN_JUDGES = {**ROW_BY_ROW, **OVER_ALL, **BESIDE}


def why_not(expectation: Expectation) -> str:
    """Says why an expectation cannot be judged over rows beyond memory; empty where it can."""
    if expectation.custom:
        return "it is a class of your own, which is shown whole tables"
    if expectation.is_own:
        return UNJUDGEABLE.get(expectation.type, "")
    return ""


def unjudgeable(suite: Iterable[Expectation]) -> list[tuple[Expectation, str]]:
    """Gives the expectations that cannot be judged over rows beyond memory, each with why: errors of a pipeline."""
    return [(expectation, why) for expectation in suite if (why := why_not(expectation))]
