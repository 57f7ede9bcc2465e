"""row_condition: which rows it takes, and that nothing in it is ever run."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from ballast.errors import DataError, SpecError
from ballast.gates import Expectation, judge, parse_suite
from ballast.gates.great_expectations.conditions import columns_of, parse_condition, rows_that_meet

FRAME = pd.DataFrame(
    {
        "age": pd.array([10, None, 30, 40], dtype="Int64"),
        "size": [1.5, np.nan, 3.5, 40.0],
        "house number": [1, 2, 3, 4],
        "s": ["a", "b", None, "it's"],
        "flag": [True, False, True, False],
        "when": pd.to_datetime(["2024-01-01", "2024-01-02", None, "2024-01-04"]),
        "zoned": pd.to_datetime(["2024-01-01", "2024-01-02", None, "2024-01-04"], utc=True).tz_convert("Asia/Tokyo"),
        "day": [dt.date(2024, 1, 1), dt.date(2024, 1, 2), None, dt.date(2024, 1, 4)],
        "kind": pd.Categorical(["x", "y", "x", None]),
        "text": ["1", "2", "3", "4"],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("age > 10", [2, 3]),
        ("10 < age", [2, 3]),
        ("10 < age <= 30", [2]),
        ("age == 30 or s == 'a'", [0, 2]),
        ("age > 10 & size < 10 | s == 'b'", [1, 2]),
        ("(age > 10) & (size < 10)", [2]),
        ("age > 10 and not size < 10", [3]),
        ("~(age > 10) & flag", [0]),
        ("age != 10", [1, 2, 3]),
        ("age in [10, 40.0]", [0, 3]),
        ("age not in (10, 40)", [1, 2]),
        ("size == age", [3]),
        ("age >= -5", [0, 2, 3]),
        ("`house number` <= 2", [0, 1]),
        ('col("house number") > 3', [3]),
        ('col("s").notNull()', [0, 1, 3]),
        ("s.isnull()", [2]),
        ("~s.isna() and age.notna()", [0, 3]),
        ("size == size", [0, 2, 3]),
        ('s == "it\'s"', [3]),
        ("s != 'a'", [1, 2, 3]),
        ("s > 'a'", [1, 3]),
        ("flag", [0, 2]),
        ("flag == False", [1, 3]),
        ("not flag", [1, 3]),
        ("when >= '2024-01-02'", [1, 3]),
        ("zoned >= '2024-01-02 00:00+00:00'", [1, 3]),
        ('col("day") < date("2024-01-02")', [0]),
        ("when == day", [0, 1, 3]),
        ("kind == 'x'", [0, 2]),
        ("kind in ['y']", [1]),
        ("text == '1'", [0]),
    ],
)
def test_rows_that_meet_a_condition_are_those_it_says(condition: str, rows: list[int]) -> None:
    met = rows_that_meet(parse_condition(condition), FRAME)
    assert np.flatnonzero(met).tolist() == rows


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("text == 1", "column 'text' holds text (object), but row_condition 1 is a number"),
        ("age == '10'", "column 'age' holds numbers (Int64), but row_condition '10' is text"),
        ("when > 5", "holds dates or timestamps"),
        ("age == text", "columns of different types"),
        ("ago > 1", "column 'ago' is not in the table, did you mean 'age'?"),
        ("age", "row_condition True is a truth"),
    ],
)
def test_condition_on_another_type_is_closed_naming_both(condition: str, words: str, stored) -> None:
    with pytest.raises(DataError, match="column") as raised:
        rows_that_meet(parse_condition(condition), FRAME)
    assert words in str(raised.value)
    entry = {"expect_column_values_to_not_be_null": {"column": "size", "mostly": 0.1, "row_condition": condition}}
    (found,) = judge(parse_suite([entry], where="gates"), FRAME, stored())
    assert not found.passed
    assert found.message.startswith("cannot be judged: ")


RUNS = [
    "@pd.io.common.os.system('touch {0}') == 0",
    "@__import__('os').system('touch {0}') == 0",
    "__import__('os').system('touch {0}') == 0",
    "x.map(@pd.io.common.os.system('touch {0}'))",
    "x.apply('touch {0}')",
    "x.__class__.__init__.__globals__['sys'] == 1",
    "@np.source.__globals__",
    "x.values.tofile('{0}')",
    "x.to_csv('{0}') == 1",
    "x == open('{0}', 'w')",
    "col(open('{0}', 'w')) == 1",
    "date(open('{0}', 'w')) == x",
    "x == (y := 1)",
    "[z for z in x] == 1",
    "(lambda: 1)() == x",
    "x if x > 1 else x",
    "x[0] == 1",
    "x + 1 > 2",
    "x == f'{{x}}'",
    "x == __builtins__",
    "x.isnull(open('{0}', 'w'))",
    "col('x').__class__ == 1",
    "x.str.contains('a')",
    "x in y",
    "'a' in ['a']",
    "1 == 1",
    "x is None",
    "x == None",
    "x == b'a'",
    "x == 1j",
    "x in []",
    "x = 1",
    "x; y",
    "x == 1\nimport os",
    "(" * 500 + "x" + ")" * 500,
    "not " * 9000 + "x",
    "x == '\0'",
    "",
    "   ",
]


@pytest.mark.parametrize("condition", RUNS)
@pytest.mark.parametrize("parser", [None, "pandas", "great_expectations"])
def test_condition_that_is_more_than_a_condition_is_refused_and_never_run(
    condition: str, parser: str | None, tmp_path, monkeypatch, stored
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"column": "x", "min_value": 0, "row_condition": condition.format("made")}
    given |= {"condition_parser": parser} if parser else {}
    with pytest.raises(SpecError, match="row_condition"):
        parse_suite([{"expect_column_values_to_be_between": given}], where="gates")
    unparsed = Expectation("expect_column_values_to_be_between", given)
    (found,) = judge([unparsed], pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0]}), stored())
    assert not found.passed
    assert list(tmp_path.iterdir()) == []


def test_condition_in_great_expectations_serialised_form_is_refused_and_never_run(
    tmp_path, monkeypatch, stored
) -> None:
    monkeypatch.chdir(tmp_path)
    condition = {"type": "pass_through", "pass_through_filter": "@pd.io.common.os.system('touch made') == 0"}
    given = {"column": "x", "row_condition": condition}
    with pytest.raises(SpecError, match="a row_condition is text"):
        parse_suite([{"expect_column_values_to_not_be_null": given}], where="gates")
    (found,) = judge([Expectation("expect_column_values_to_not_be_null", given)], pd.DataFrame({"x": [1.0]}), stored())
    assert not found.passed
    assert list(tmp_path.iterdir()) == []


def test_columns_of_a_condition_are_those_it_names() -> None:
    assert columns_of(parse_condition("a > 1 and not `b c`.isnull() or col('d') in ['e', 'f']")) == ["a", "b c", "d"]


def test_condition_on_a_column_that_the_table_of_a_step_lacks_is_refused() -> None:
    entry = {"expect_column_values_to_not_be_null": {"column": "weight", "row_condition": "weigth > 1"}}
    with pytest.raises(SpecError, match=r"row_condition names 'weigth', .* did you mean 'weight'"):
        parse_suite([entry], where="gates", stage="weigher")
