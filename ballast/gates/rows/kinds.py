"""How each expectation is judged over rows that do not fit in memory: the one list of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ballast.gates.own.form import Outcome
from ballast.gates.rows import balances, beside, tables
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
    "expect_balance": balances.balance,
    "expect_improved_balance": balances.balance,
}
"""Ballast's expectations on figures of all rows of this table and others."""

OF_REPORTS = frozenset({"expect_drift_below", "expect_overall_result", "expect_metric", "expect_model_in_use"})
"""Expectations on tables that a step writes a few rows of, which are judged in memory."""

UNJUDGEABLE: Mapping[str, str] = {
    "expect_column_kl_divergence_to_be_less_than": "it needs the whole column at once",
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

BUILTIN_WITH_CONDITION = frozenset(
    {
        "expect_column_mean_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    }
)
"""Great Expectations' on figures that are added up batch by batch, so that a row_condition can choose rows."""

BUILTIN_OVER_ALL = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_max_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_not_be_outliers",
        "expect_compound_columns_to_be_unique",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
"""Great Expectations' on figures of all rows, or on rows that are held against all others, asked for in SQL."""

OWN_JUDGES = {**ROW_BY_ROW, **OVER_ALL, **BESIDE}


def why_not(expectation: Expectation) -> str:
    """Says why an expectation cannot be judged over rows beyond memory; empty where it can."""
    if expectation.custom:
        return "it is a class of your own, which is shown whole tables"
    if expectation.type in BUILTIN_OVER_ALL and expectation.arguments.get("row_condition") is not None:
        return "with a row_condition it is judged in memory alone; leave that out, or write a source of such rows"
    return UNJUDGEABLE.get(expectation.type, "")


def unjudgeable(suite: Iterable[Expectation]) -> list[tuple[Expectation, str]]:
    """Gives the expectations that cannot be judged over rows beyond memory, each with why: errors of a pipeline."""
    return [(expectation, why) for expectation in suite if (why := why_not(expectation))]
