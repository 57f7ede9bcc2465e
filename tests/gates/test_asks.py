"""Built-in expectations that ask nothing, or what nothing can meet, are refused when the pipeline is loaded."""

from __future__ import annotations

import datetime as dt

import pytest

from ballast.errors import SpecError
from ballast.gates import parse_suite

NAN, INF = float("nan"), float("inf")
DAY = dt.date(2024, 1, 1)


def between(name: str, **arguments: object) -> dict:
    return {f"expect_column_{name}_to_be_between": {"column": "x", **arguments}}


def in_set(values: object, name: str = "expect_column_values_to_be_in_set") -> dict:
    return {name: {"column": "x", "value_set": values}}


def quantiles(asked: object, ranges: object) -> dict:
    given = {"quantiles": asked, "value_ranges": ranges}
    return {"expect_column_quantile_values_to_be_between": {"column": "x", "quantile_ranges": given}}


def regex(pattern: object) -> dict:
    return {"expect_column_values_to_match_regex": {"column": "x", "regex": pattern}}


BETWEEN = (
    *("values", "max", "min", "mean", "median", "stdev", "sum", "unique_value_count", "value_lengths"),
    *("proportion_of_unique_values", "proportion_of_non_null_values"),
)

REFUSED = [
    *[(between(name), "give min_value, max_value or both") for name in BETWEEN],
    *[(between(name, min_value=None), "give min_value, max_value or both") for name in BETWEEN],
    *[(between(name, min_value=NAN), "min_value must be a finite number, got nan") for name in BETWEEN],
    *[(between(name, max_value=INF), "max_value must be a finite number, got inf") for name in BETWEEN],
    ({"expect_table_row_count_to_be_between": {}}, "give min_value, max_value or both"),
    ({"expect_table_column_count_to_be_between": {}}, "give min_value, max_value or both"),
    (between("values", min_value=5, max_value=1), "min_value 5 is above max_value 1"),
    (between("values", min_value=DAY, max_value="2023-12-31"), "is above max_value"),
    (between("values", min_value=DAY, max_value=5), "of different types"),
    (between("values", min_value="a", max_value=5), "of different types"),
    (between("values", min_value=True), "min_value must be a number, or a date or text"),
    (between("values", min_value={"$PARAMETER": "now()"}), "min_value must be a number, or a date or text"),
    (between("values", min_value=""), "leave the key out"),
    (between("unique_value_count", min_value=0), "always lies in [0, ...]"),
    (between("value_lengths", min_value=0), "always lies in [0, ...]"),
    (between("proportion_of_unique_values", min_value=0, max_value=1), "always lies in [0, 1]"),
    (between("proportion_of_non_null_values", max_value=1), "always lies in [0, 1]"),
    (between("unique_value_count", min_value=2.5), "min_value must be a whole number, got 2.5"),
    (between("value_lengths", max_value="9"), "max_value must be a whole number, got '9'"),
    *[(between("values", min_value=0, mostly=m), "mostly must be") for m in (0, -1, 1.5, NAN, True, "most", 0.0)],
    *[(in_set(v), "value_set must be a list") for v in ([], "abc", 3, {"a": 1})],
    (in_set(None), "'value_set' is missing"),
    (in_set([None]), "names null alone"),
    (in_set([1, NAN]), "value_set[1] must be a finite number"),
    (in_set([[1]]), "value_set[0] must be"),
    *[
        (in_set(["a", None], f"expect_column_{name}"), "names null, which this expectation does not see")
        for name in (
            "values_to_not_be_in_set",
            "distinct_values_to_contain_set",
            "distinct_values_to_equal_set",
            "most_common_value_to_be_in_set",
        )
    ],
    (quantiles([], []), "give one or more"),
    (quantiles([0.5], []), "give one or more"),
    (quantiles(0.5, [[1, 2]]), "is a mapping such as"),
    (quantiles([1.5], [[1, 2]]), "quantiles[0] must be a number in [0, 1]"),
    (quantiles([0.5], [[None, None]]), "give min_value, max_value or both"),
    (quantiles([0.5], [[2, 1]]), "is above"),
    (quantiles([0.5], [[1]]), "value_ranges[0] must be [lowest, highest]"),
    (quantiles([0.5], [[NAN, 1]]), "finite number"),
    *[(regex(r), "matches every text") for r in ("", ".*", "(?s).*", "a*", "^.*$", "x|")],
    (regex(None), "regex is missing"),
    (regex("("), "regex must be a regular expression ("),
    (regex(5), "regex must be a text"),
    ({"expect_column_values_to_match_regex_list": {"column": "x", "regex_list": []}}, "regex_list must be a list"),
    ({"expect_column_values_to_not_match_regex_list": {"column": "x", "regex_list": []}}, "regex_list must be a list"),
    ({"expect_column_values_to_match_json_schema": {"column": "x", "json_schema": {}}}, "json_schema must be"),
    (
        {"expect_column_values_to_match_json_schema": {"column": "x", "json_schema": {"a": [{"$ref": "file:///b"}]}}},
        "$ref may point into itself alone",
    ),
    ({"expect_column_values_to_match_strftime_format": {"column": "x", "strftime_format": "day"}}, "a format such as"),
    ({"expect_column_values_to_match_strftime_format": {"column": "x", "strftime_format": "%Q"}}, "a format such as"),
    ({"expect_column_values_to_be_in_type_list": {"column": "x", "type_list": []}}, "type_list must be a list"),
    ({"expect_column_values_to_be_in_type_list": {"column": "x", "type_list": None}}, "type_list is missing"),
    (
        {"expect_column_values_to_be_in_type_list": {"column": "x", "type_list": ["int", "intt"]}},
        "'intt' is not a type",
    ),
    (
        {"expect_column_values_to_be_of_type": {"column": "x", "type_": "no_such_type"}},
        "the types are int, float, bool",
    ),
    ({"expect_column_values_to_be_of_type": {"column": "x", "type_": "Int64"}}, "expect_column_type_to_be knows"),
    ({"expect_column_type_to_be": {"column": "x", "type_": "Decimal"}}, "'Decimal' is not a type"),
    ({"expect_table_columns_to_match_set": {"column_set": []}}, "column_set must be a list of at least 1"),
    ({"expect_table_columns_to_match_set": {}}, "column_set is missing"),
    ({"expect_table_columns_to_match_ordered_list": {"column_list": None}}, "column_list is missing"),
    ({"expect_compound_columns_to_be_unique": {"column_list": []}}, "column_list must be a list of at least 1"),
    ({"expect_multicolumn_values_to_be_equal": {"column_list": ["x"]}}, "two columns or more"),
    ({"expect_multicolumn_values_to_be_equal": {"column_list": ["x", "x"]}}, "one of them twice"),
    ({"expect_multicolumn_sum_to_equal": {"column_list": ["x", "y"], "sum_total": INF}}, "sum_total must be"),
    ({"expect_column_pair_values_to_be_equal": {"column_A": "x", "column_B": "x"}}, "name two columns"),
    (
        {"expect_column_pair_values_to_be_equal": {"column_A": "x", "column_B": "y", "ignore_row_if": "never"}},
        "ignore_row_if must be both_values_are_missing, either_value_is_missing or neither",
    ),
    (
        {"expect_column_pair_values_to_be_in_set": {"column_A": "x", "column_B": "y", "value_pairs_set": []}},
        "value_pairs_set must be a list",
    ),
    (
        {"expect_column_pair_values_to_be_in_set": {"column_A": "x", "column_B": "y", "value_pairs_set": [["a"]]}},
        "value_pairs_set[0] must be a list of at least 2",
    ),
    ({"expect_column_kl_divergence_to_be_less_than": {"column": "x", "threshold": 0.1}}, "partition_object is missing"),
    (
        {
            "expect_column_kl_divergence_to_be_less_than": {
                "column": "x",
                "partition_object": {"values": 1, "weights": 1},
            }
        },
        "threshold is missing",
    ),
    (
        {"expect_column_value_z_scores_to_be_less_than": {"column": "x", "threshold": INF, "double_sided": True}},
        "threshold must be",
    ),
    ({"expect_column_values_to_not_be_outliers": {"column": "x", "method": "mad"}}, "method must be 'iqr' or 'std'"),
    ({"expect_column_values_to_not_be_outliers": {"column": "x", "multiplier": INF}}, "multiplier must be"),
    ({"expect_column_values_to_be_unique": {"column": None}}, "'column' is missing"),
    ({"expect_column_values_to_be_unique": {"column": 3}}, "column must be a text"),
    ({"expect_column_values_to_be_unique": {"column": "x", "condition_parser": "pandas"}}, "without a row_condition"),
    *[
        (
            {
                "expect_column_values_to_be_unique": {
                    "column": "x",
                    "row_condition": "x > 1",
                    "condition_parser": parser,
                }
            },
            "condition_parser must be 'pandas', 'great_expectations'",
        )
        for parser in ("python", "spark")
    ],
]


@pytest.mark.parametrize(("entry", "words"), REFUSED)
def test_parse_suite_when_an_expectation_asks_nothing_then_refuses_it_naming_the_key(entry: dict, words: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_suite([entry], where="gates.train")
    assert str(refused.value).startswith("gates.train[0]")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "entry",
    [
        between("values", min_value=DAY, max_value="2024-12-31"),
        between("values", min_value=DAY, max_value=dt.datetime(2024, 1, 1, 12)),
        between("values", min_value="9 days", max_value="10 days"),
        between("values", min_value="9:30", max_value="10:00"),
        between("values", min_value=0, mostly=1),
        between("unique_value_count", max_value=0),
        between("proportion_of_non_null_values", min_value=0, strict_min=True),
        {"expect_table_row_count_to_be_between": {"max_value": 0}},
        {"expect_table_row_count_to_be_between": {"min_value": 0, "max_value": 5}},
        in_set(["a", None]),
        in_set([""]),
        in_set([True, False]),
        quantiles([0, 0.5, 1], [[None, 2], [DAY, None], ["1 day", "2 days"]]),
        *map(regex, ("^$", "^[^z]*$", "a", "^.{0,20}$")),
        {"expect_column_values_to_be_of_type": {"column": "x", "type_": "datetime64"}},
        {"expect_column_values_to_be_of_type": {"column": "x", "type_": "Timestamp"}},
        {"expect_column_type_to_be": {"column": "x", "type_": "datetime64[us, UTC]"}},
    ],
)
def test_parse_suite_when_something_is_asked_then_takes_it(entry: dict) -> None:
    (expectation,) = parse_suite([entry], where="gates.train")
    assert {expectation.type: expectation.arguments} == entry
