"""Which built-in expectations look at what: columns, rows, nulls, types, order, arithmetic, text."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ballast.errors import DataError
from ballast.gates.great_expectations.typed import ORDERED, Held
from ballast.words import in_words

BARE = frozenset(
    {
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
"""Expectations on the table's columns: they need no row."""

COUNTS = frozenset(
    {
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "expect_column_unique_value_count_to_be_between",
    }
)
"""Expectations on a count, which may be wanted to be zero."""

ON_NULLS = frozenset(
    {
        "expect_column_values_to_be_null",
        "expect_column_values_to_not_be_null",
        "expect_column_proportion_of_non_null_values_to_be_between",
    }
)
"""Expectations on the nulls themselves: a column of nothing else can be judged."""
ON_TYPES = frozenset({"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"})
"""Expectations on the type of the values."""

TIMES = ("timestamp", "time of day", "duration")
KINDS: Mapping[str, tuple[str, ...]] = {
    "expect_column_values_to_be_between": ("number", "truth", *TIMES, "text"),
    "expect_column_max_to_be_between": ("number", "truth", *TIMES, "text"),
    "expect_column_min_to_be_between": ("number", "truth", *TIMES, "text"),
    "expect_column_mean_to_be_between": ("number", "truth", *TIMES),
    "expect_column_median_to_be_between": ("number", "truth", *TIMES),
    "expect_column_quantile_values_to_be_between": ("number", "truth", *TIMES),
    "expect_column_stdev_to_be_between": ("number", "truth", *TIMES),
    "expect_column_sum_to_be_between": ("number", "truth", "duration"),
    "expect_column_value_z_scores_to_be_less_than": ("number", "truth", *TIMES),
    "expect_column_values_to_not_be_outliers": ("number", "truth", *TIMES),
    "expect_column_values_to_be_increasing": ("number", *TIMES),
    "expect_column_values_to_be_decreasing": ("number", *TIMES),
    "expect_column_values_to_be_dateutil_parseable": ("text",),
    "expect_column_values_to_be_json_parseable": ("text",),
    "expect_column_values_to_match_json_schema": ("text",),
    "expect_column_values_to_match_strftime_format": ("text",),
    "expect_column_pair_values_a_to_be_greater_than_b": ("number", "truth", *TIMES, "text"),
    "expect_multicolumn_sum_to_equal": ("number",),
}
"""What a column must hold for an expectation to be of use; the others take any values that can be told apart."""

AS_WRITTEN = frozenset(
    {
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
    }
)
"""Expectations on text, or on numbers that are written in one way only: whole ones and Decimals."""

CENTRES = frozenset(
    {
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_quantile_values_to_be_between",
    }
)
"""Expectations on figures that lie among the values."""

SPREADS = frozenset(
    {
        "expect_column_stdev_to_be_between",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_not_be_outliers",
    }
)
"""Expectations that rest on the standard deviation or the quartiles' distance, wherever zero lies."""

FINITE = frozenset(
    {
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_not_be_outliers",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
    }
)
"""Expectations that take differences of values, which infinite ones do not have."""

SETS = frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_most_common_value_to_be_in_set",
    }
)
"""Expectations that Great Expectations judges by Python's sets."""


def check_kind(type_: str, held: Held) -> None:
    """Raises DataError where a column holds what an expectation cannot judge, naming what it can."""
    wanted = KINDS.get(type_, ())
    if held.dtype == ORDERED and held.kind == "text":  # its order is not that of the texts
        wanted = tuple(kind for kind in wanted if kind != "text" or len(wanted) == 1)
    if type_ in AS_WRITTEN and held.kind != "text" and not (held.kind == "number" and _is_exact(held.values)):
        wanted = ("text", "whole number")
    elif not wanted or held.kind in wanted or held.kind == "empty":
        return
    raise DataError(
        f"column {held.name!r} holds {held.holds}, and this expectation judges {in_words(map(_plural, wanted))}; give "
        "the column another type at the source, or choose another expectation"
    )


def _plural(kind: str) -> str:
    return {"text": "text", "time of day": "times of day"}.get(kind, f"{kind}s")


def _is_exact(values: pd.Series) -> bool:
    return values.dtype.kind in "iuO"
