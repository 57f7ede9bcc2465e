"""Suites in Great Expectations' own files, as it writes them, and expectations of a team's own classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations.row_conditions import Column

from ballast.errors import SpecError
from ballast.gates import Expectation, judge, parse_suite
from ballast.gates.wording import sentence_of
from ballast.methods.frame import closure

WHERE = "pipelines/shop/defs.yaml: gates.train"
FRAME = pd.DataFrame({"age": [5, 30, 50], "colour": ["red", "green", None], "width": [-1.0, 1.0, 2.0]})
CLASS = '''
import great_expectations.expectations as gxe

class ExpectColumnValuesToBeColours(gxe.ExpectColumnValuesToBeInSet):
    """All are colours."""
    value_set: list = ["red"]
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The import path of an expectation's class in a module of a project's own."""
    name = f"checks_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(CLASS)
    monkeypatch.syspath_prepend(tmp_path)
    return f"{name}.ExpectColumnValuesToBeColours"


def written(folder: Path, *expectations: Any) -> dict[str, Any]:
    """Writes a suite as Great Expectations does, and gives what a pipeline names it by."""
    suite = gx.ExpectationSuite(name="train", expectations=list(expectations))
    (folder / "train.json").write_text(json.dumps(suite.to_json_dict()))
    return {"suite": "train.json"}


def refusal(folder: Path, item: dict[str, Any], **beside: Any) -> str:
    (folder / "train.json").write_text(json.dumps({"name": "t", "expectations": [item]}))
    with pytest.raises(SpecError) as caught:
        parse_suite({"suite": "train.json", **beside}, where=WHERE, folder=folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{WHERE}: train.json: expectations[0]")


def test_suite_that_great_expectations_wrote_gives_its_expectations_with_their_severities(tmp_path: Path, stored):
    suite = written(
        tmp_path,
        gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=40, severity="warning", notes="ages"),
        gxe.ExpectColumnValuesToNotBeNull(column="colour"),
        gxe.ExpectTableRowCountToBeBetween(min_value=2, severity="info"),
    )
    parsed = parse_suite([suite, "expect_no_constant_columns"], where=WHERE, folder=tmp_path)
    assert [(e.type, e.severity) for e in parsed] == [
        ("expect_column_values_to_be_between", "warn"),
        ("expect_column_values_to_not_be_null", "error"),
        ("expect_table_row_count_to_be_between", "warn"),
        ("expect_no_constant_columns", "error"),
    ]
    found = judge(parsed, FRAME, stored())
    assert [(j.passed, j.closes) for j in found] == [(False, False), (False, True), (True, False), (True, False)]
    assert "1 of 3 values (33.3 %) are not as expected (such as 50)" in found[0].message


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ((Column("width") > 0) & (Column("colour").is_in(["red", "green"])), 1),
        ((Column("width") > 0) | (Column("colour") == "red"), 3),
        (Column("colour").is_null(), 1),
        (Column("colour").is_not_null(), 2),
        ("width > 0", 2),
    ],
)
def test_row_condition_of_a_suite_chooses_the_same_rows(tmp_path: Path, stored, condition, rows: int):
    suite = written(
        tmp_path,
        gxe.ExpectTableRowCountToEqual(value=rows, row_condition=condition, condition_parser="pandas")
        if isinstance(condition, str)
        else gxe.ExpectTableRowCountToEqual(value=rows, row_condition=condition),
    )
    (found,) = judge(parse_suite(suite, where=WHERE, folder=tmp_path), FRAME, stored())
    assert found.passed, found.message


def test_suite_is_found_by_its_name_in_the_project_above_the_pipeline(tmp_path: Path):
    context = gx.get_context(mode="file", project_root_dir=tmp_path)
    not_null = gxe.ExpectColumnValuesToNotBeNull(column="age")
    context.suites.add(gx.ExpectationSuite(name="shop.train", expectations=[not_null]))
    folder = tmp_path / "pipelines" / "shop"
    folder.mkdir(parents=True)
    (parsed,) = parse_suite({"suite": "shop.train"}, where=WHERE, folder=folder)
    assert (parsed.type, parsed.arguments) == ("expect_column_values_to_not_be_null", {"column": "age"})
    with pytest.raises(SpecError, match=r"has no suite 'shop\.trian'.*did you mean.*shop\.train"):
        parse_suite({"suite": "shop.trian"}, where=WHERE, folder=folder)


def test_suite_that_is_no_file_where_there_is_no_project_is_refused_with_both_ways(tmp_path: Path):
    with pytest.raises(SpecError, match=r"'train' is not a file, which ends in \.json.*gx/great_expectations\.yml"):
        parse_suite({"suite": "train"}, where=WHERE, folder=tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "train.json: there is no such file"),
        ("{", "train.json cannot be read as JSON: JSONDecodeError"),
        ("[" * 100_000, "train.json cannot be read as JSON: RecursionError"),
        (b"\xff\xfe", "train.json cannot be read: UnicodeDecodeError"),
        ("[]", "train.json holds no suite of Great Expectations 1"),
        ('{"expectations": {}}', "train.json holds no suite of Great Expectations 1"),
        ('{"expectations": []}', "the suite is empty and would let anything pass"),
        ('{"expectations": [], "expectations": []}', "train.json: the key 'expectations' stands twice"),
    ],
)
def test_file_that_is_no_suite_is_refused_with_what_it_is(tmp_path: Path, content: str | bytes | None, said: str):
    if content is not None:
        (tmp_path / "train.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError) as caught:
        parse_suite({"suite": "train.json"}, where=WHERE, folder=tmp_path)
    assert str(caught.value).startswith(f"{WHERE}: {said}")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"expectation_type": "expect_column_to_exist", "kwargs": {}}, ": in a suite of Great Expectations 1 an item"),
        (
            {"type": "expect_column_to_exits", "kwargs": {"column": "a"}},
            ": unknown expectation 'expect_column_to_exits'",
        ),
        ({"type": "expect_column_to_exist", "kwargs": {"colum": "a"}}, ".expect_column_to_exist: no argument 'colum'"),
        ({"type": "expect_column_to_exist", "kwarg": {}}, ": unknown key 'kwarg'"),
        ({"type": "expect_column_to_exist", "kwargs": [], "severity": "bad"}, ": kwargs is a mapping and severity"),
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a"}},
            ".expect_column_values_to_be_between: give min_value, max_value or both",
        ),
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "min_value": {"$PARAMETER": "x"}}},
            ".min_value: 'x' is a parameter of the suite",
        ),
        (
            {"type": "expect_column_to_exist", "kwargs": {"column": "a", "row_condition": {"type": "other"}}},
            ".row_condition: {'type': 'other'} is not a condition of Great Expectations",
        ),
        ({"type": "unexpected_rows_expectation", "kwargs": {}}, ": unexpected_rows_expectation needs a SQL database"),
    ],
)
def test_item_that_cannot_be_judged_is_refused_at_its_place(tmp_path: Path, item: dict[str, Any], said: str):
    assert refusal(tmp_path, item).startswith(said)


def test_suite_of_a_stage_is_refused_where_it_names_a_column_that_such_a_stage_has_not(tmp_path: Path):
    suite = written(tmp_path, gxe.ExpectColumnValuesToNotBeNull(column="wieght"))
    with pytest.raises(SpecError, match=r"expectations\[0\].*column names 'wieght', and the table of a weigher has no"):
        parse_suite(suite, where=WHERE, folder=tmp_path, stage="weigher")


@pytest.mark.parametrize("given", [{"suite": 5}, {"suite": "a.json", "expectations": "a.B"}, {"suite": "a", "x": 1}])
def test_keys_beside_a_suite_are_held_to_those_there_are(tmp_path: Path, given: dict[str, Any]):
    with pytest.raises(SpecError, match=r"gates\.train(\.suite|\.expectations)?: (a suite is|unknown key 'x')"):
        parse_suite(given, where=WHERE, folder=tmp_path)


def test_expectation_of_a_class_of_ones_own_is_judged_in_a_suite_and_by_its_path(tmp_path: Path, own: str, stored):
    item = {"type": "expect_column_values_to_be_colours", "kwargs": {"column": "colour"}, "severity": "warning"}
    (tmp_path / "train.json").write_text(json.dumps({"name": "t", "expectations": [item]}))
    entries = [{"suite": "train.json", "expectations": [own]}, {own: {"column": "colour", "mostly": 0.5}}]
    parsed = parse_suite(entries, where=WHERE, folder=tmp_path)
    assert sentence_of(parsed[0]) == "The values of column colour are colours. A failure is a warning."
    found = judge(parsed, FRAME, stored())
    assert [(j.passed, j.severity) for j in found] == [(False, "warn"), (True, "error")]
    assert "1 of 2 values (50 %) are not as expected (such as green)" in found[0].message


def test_class_of_ones_own_never_runs_its_row_condition_and_is_closed_where_nothing_is_left(
    tmp_path: Path, own: str, stored
):
    chosen = {own: {"column": "colour", "row_condition": "colour == 'red'"}}
    empty = {own: {"column": "colour", "row_condition": "age > 1000"}}
    nulls = {own: {"column": "colour", "row_condition": "colour.isnull()"}}
    absent = {own: {"column": "color"}}
    entries = [chosen, empty, nulls, absent]
    found = judge(parse_suite(entries, where=WHERE, folder=tmp_path), FRAME, stored())
    assert [j.passed for j in found] == [True, False, False, False]
    assert "none of 3 rows meets the row_condition" in found[1].message
    assert "null in each of 1 row" in found[2].message
    assert "column 'color' is not in the table, did you mean 'colour'" in found[3].message.replace(";", ",")
    with pytest.raises(SpecError, match="row_condition"):
        parse_suite([{own: {"column": "colour", "row_condition": "@pd.eval('1')"}}], where=WHERE, folder=tmp_path)


@pytest.mark.parametrize(
    ("path", "arguments", "said"),
    [
        ("nowhere.ExpectX", {}, "cannot import 'nowhere.ExpectX': ModuleNotFoundError"),
        ("pandas.DataFrame", {}, "'pandas.DataFrame' is not a class of Great Expectations' Expectation"),
        ("antigravity.ExpectX", {}, "'antigravity.ExpectX' is of Python's standard library"),
        (".ExpectX", {}, "cannot import '.ExpectX'"),
        (None, {"colum": "a"}, "no argument 'colum'"),
        (None, {}, "argument 'column' is missing"),
        (None, {"column": 5, "mostly": 7}, "ValidationError"),
    ],
)
def test_class_of_ones_own_that_cannot_be_made_is_refused(own: str, path: str | None, arguments: dict, said: str):
    with pytest.raises(SpecError) as caught:
        parse_suite([{path or own: arguments}], where=WHERE)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_gate_of_a_class_of_ones_own_is_another_when_its_code_is(tmp_path: Path, own: str):
    gate = Expectation("expect_column_values_to_be_colours", {"column": "colour"}, custom=own)
    before = gate.definition
    file = tmp_path / f"{own.partition('.')[0]}.py"
    file.write_text(f"# a comment\n{CLASS}")
    closure.digest.cache_clear()
    closure.source.cache_clear()
    assert gate.definition == before
    file.write_text(CLASS.replace('["red"]', '["green"]'))
    closure.digest.cache_clear()
    closure.source.cache_clear()
    assert gate.definition != before
