"""Reading a suite: names, arguments, and errors that name the right word."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys

import pytest

from ballast.errors import SpecError
from ballast.gates import Expectation, default_suite, parse_suite, with_defaults
from ballast.gates.suite import OWN
from ballast.stages import GATED

WHERE = "pipelines/digits/defs.yaml: gates.density"


def parse(*entries: object) -> tuple[Expectation, ...]:
    return parse_suite(list(entries), where=WHERE)


def refusal(*entries: object) -> str:
    with pytest.raises(SpecError) as caught:
        parse(*entries)
    assert str(caught.value).startswith(WHERE)
    return str(caught.value)


def test_parse_suite_of_mappings_and_bare_names_gives_types_arguments_and_severities() -> None:
    parsed = parse(
        {"expect_column_values_to_not_be_null": {"column": "digit"}},
        {"expect_effective_sample_size": {"min_share": 0.2, "severity": "warn"}},
        "expect_mean_weight",
        {"expect_unique_ids": None},
    )
    assert [(e.type, e.arguments, e.severity) for e in parsed] == [
        ("expect_column_values_to_not_be_null", {"column": "digit"}, "error"),
        ("expect_effective_sample_size", {"min_share": 0.2}, "warn"),
        ("expect_mean_weight", {}, "error"),
        ("expect_unique_ids", {}, "error"),
    ]


def test_names_tell_expectations_of_one_type_apart_by_their_arguments() -> None:
    parsed = parse(
        {"expect_column_values_to_not_be_null": {"column": "digit"}},
        {"expect_column_values_to_not_be_null": {"column": "größe in cm"}},
        {"expect_compound_columns_to_be_unique": {"column_list": ["a", "b"]}},
        {"expect_metric": {"name": "accuracy", "model": "plain", "at_least": 0.5}},
        {"expect_no_shared_ids": {"with": ["test", "target"]}},
        {"expect_metric": {"name": "accuracy", "model": "plain", "at_most": 0.9}},
    )
    assert [e.name for e in parsed] == [
        "expect_column_values_to_not_be_null__digit",
        "expect_column_values_to_not_be_null__gr_e_in_cm",
        "expect_compound_columns_to_be_unique__a_b",
        "expect_metric__accuracy_plain",
        "expect_no_shared_ids__test_target",
        "expect_metric__accuracy_plain_2",
    ]


def test_names_of_columns_that_differ_only_in_signs_stay_unique_and_valid() -> None:
    names = [
        e.name for e in parse(*({"expect_column_to_exist": {"column": c}} for c in ("a b", "a-b", "a_b", "é", "ü")))
    ]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", n) for n in names)


@pytest.mark.parametrize(
    ("entry", "nearest"),
    [
        ("expect_efective_sample_size", "expect_effective_sample_size"),
        ({"expect_column_values_to_not_be_nul": {"column": "digit"}}, "expect_column_values_to_not_be_null"),
    ],
)
def test_unknown_expectation_is_refused_with_the_nearest_name(entry: object, nearest: str) -> None:
    assert f"did you mean {nearest!r}?" in refusal(entry)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"expect_column_values_to_not_be_null": {"colum": "digit"}}, "no argument 'colum', did you mean 'column'?"),
        ({"expect_column_values_to_not_be_null": {}}, "argument 'column' is missing"),
        ("expect_column_max_to_be_between", "argument 'column' is missing"),
        ({"expect_effective_sample_size": {"minshare": 0.2}}, "no argument 'minshare', did you mean 'min_share'?"),
        ({"expect_row_count_at_least": None}, "argument 'rows' is missing"),
        ({"expect_no_shared_ids": {"roles": ["test"]}}, "no argument 'roles'"),
        ({"expect_no_shared_ids": {"with": "test"}}, "with must be a valid list"),
        ({"expect_no_shared_ids": {"with": []}}, "with must be a list of at least 1 item, got []"),
        ({"expect_effective_sample_size": {"min_share": 2}}, "min_share must be less than or equal to 1, got 2"),
        ({"expect_effective_sample_size": {}}, "give min_share, min_size or both"),
        ({"expect_weight_range": {"min": 3, "max": 2}}, "min 3 is above max 2"),
        ({"expect_metric": {"name": "accuracy", "at_least": {"modell": "plain"}}}, "at_least must be"),
        ({"expect_mean_weight": {"severity": "warning"}}, "severity must be error or warn"),
        ({"expect_mean_weight": 1}, "are a mapping"),
        ({"expect_query_results_to_match_comparison": {}}, "needs a SQL database"),
        ({"expect_mean_weight": None, "severity": "warn"}, "2 keys (expect_mean_weight, severity)"),
        (["expect_mean_weight"], "an item is"),
        (3, "an item is"),
        (None, "an item is"),
        ({}, "an item is"),
    ],
)
def test_malformed_entry_is_refused_with_what_was_expected(entry: object, said: str) -> None:
    assert said in refusal("expect_unique_ids", entry)
    assert f"{WHERE}[1]" in refusal("expect_unique_ids", entry)


def test_expectation_on_another_kind_of_stage_is_refused() -> None:
    with pytest.raises(
        SpecError, match="expect_balance judges the table of a weigher, but this is the table of a scorer"
    ):
        parse_suite(["expect_balance"], where=WHERE, stage="scorer")
    assert parse_suite(["expect_balance"], where=WHERE, stage="weigher")


def test_empty_suite_is_refused_because_it_would_pass_anything() -> None:
    assert "the suite is empty" in refusal()


@pytest.mark.parametrize("suite", [None, "expect_unique_ids", {"expect_unique_ids": None}, 3])
def test_suite_that_is_no_list_is_refused(suite: object) -> None:
    with pytest.raises(SpecError, match="a suite is a list"):
        parse_suite(suite, where=WHERE)


def test_same_expectation_twice_is_refused() -> None:
    assert "twice" in refusal("expect_unique_ids", {"expect_unique_ids": {"severity": "warn"}})


def test_parsing_a_suite_imports_neither_great_expectations_nor_dagster() -> None:
    program = (
        "import sys; from ballast.gates import parse_suite;"
        "parse_suite([{'expect_column_values_to_be_between': {'column': 'a', 'min_value': 0}}], where='x');"
        "print([m for m in ('great_expectations', 'dagster', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stage", GATED)
def test_default_suite_of_every_stage_parses_as_if_a_user_had_written_it(stage: str) -> None:
    suite = default_suite(stage, "train")
    entries = [{e.type: {**e.arguments, "severity": e.severity}} for e in suite]
    assert parse_suite(entries, where=WHERE, stage=stage) == suite
    assert {"expect_row_count_at_least", "expect_model_in_use"} & {e.type for e in suite}


def test_default_suite_of_sources_looks_for_leakage_by_role() -> None:
    def leakage(role: str) -> dict[str, str]:
        return {e.name: e.severity for e in default_suite("source", role) if e.type == "expect_no_shared_ids"}

    assert leakage("train") == {"expect_no_shared_ids__test": "error", "expect_no_shared_ids__target": "warn"}
    assert leakage("test") == {"expect_no_shared_ids__train": "error"}
    assert leakage("target") == {"expect_no_shared_ids__train": "warn"}
    assert leakage("reference") == {}


def test_default_suite_of_an_unknown_stage_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean 'weigher'"):
        default_suite("wiegher")


def test_users_expectation_takes_the_place_of_the_default_of_its_name_alone() -> None:
    own = parse(
        {"expect_effective_sample_size": {"min_share": 0.2}}, {"expect_weight_range": {"max": 9}}, "expect_balance"
    )
    joined = with_defaults(default_suite("weigher"), own)
    sizes = [e.arguments for e in joined if e.type == "expect_effective_sample_size"]
    assert sizes == [{"min_share": 0.2}]
    assert {"expect_mean_weight", "expect_unique_ids", "expect_balance"} <= {e.type for e in joined}
    leakage = parse({"expect_no_shared_ids": {"with": ["target"]}})
    names = {e.name: e.severity for e in with_defaults(default_suite("source", "train"), leakage)}
    assert names["expect_no_shared_ids__test"] == names["expect_no_shared_ids__target"] == "error"


def test_every_own_expectation_says_in_its_first_line_what_it_holds() -> None:
    assert all((cls.__doc__ or "").splitlines()[0].endswith(".") for cls in OWN.values())
    assert all(name.startswith("expect_") for name in OWN)


@pytest.mark.parametrize("bound", ["a lot", "2024-01-01", dt.date(2024, 1, 1)])
def test_bound_that_is_no_number_on_the_weights_is_refused(bound: object) -> None:
    entry = {"expect_column_mean_to_be_between": {"column": "weight", "max_value": bound}}
    with pytest.raises(SpecError, match="max_value: column 'weight' holds numbers, got"):
        parse_suite([entry], where=WHERE, stage="weigher")
    assert parse_suite([entry], where=WHERE, stage="source")
