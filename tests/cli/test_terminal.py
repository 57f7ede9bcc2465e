"""Data on the terminal and in CSV: they are shown, and do nothing."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from ballast.cli.console import harmless
from ballast.cli.tables import csv_of
from tests.cli.conftest import Folder

CLEAR = "\x1b[2J\x1b]0;title\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CLEAR, r"\x1b[2J\x1b]0;title\x07"),
        ("a\rb\x08\x7f\x9b", r"a\rb\x08\x7f\x9b"),
        ("left\u202eright\u2066", r"left\u202eright\u2066"),
        ("half \ud800", r"half \ud800"),
        ("a\tb\nc", "a\tb\nc"),
        ("grün 重み می\u200cخواهم \xa0", "grün 重み می\u200cخواهم \xa0"),
    ],
)
def test_text_is_printed_with_escapes_for_what_a_terminal_would_obey(text, shown):
    assert harmless(text) == shown


def test_sql_shows_escapes_markup_and_emoji_codes_of_the_data_as_they_are(finished: Folder):
    result = finished.ballast("sql", "SELECT '[bold]:smile:' AS a, chr(27) || '[2J' AS \"b\x1b[2J\"")
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "[bold]:smile:" in result.output
    assert result.output.count(r"\x1b[2J") == 2


def test_messages_about_hostile_data_send_nothing_to_the_terminal(folder: Folder):
    table = pd.read_csv(folder.pipeline / "train.csv").rename(columns={"width": f"[/]{CLEAR}"})
    table["colour"] = table["colour"].map({"red": CLEAR, "green": "[bold]:smile:[/]"})
    table.to_csv(folder.pipeline / "train.csv", index=False)
    gate = {"expect_column_values_to_be_in_set": {"column": "colour", "value_set": ["blue"]}}
    folder.declare(gates={"train": [gate]})
    for arguments in (
        ("run", "demo"),
        ("check", "demo"),
        ("run", CLEAR),
        ("sql", f"SELECT '{CLEAR}"),
        ("check", CLEAR),
    ):
        result = folder.ballast(*arguments)
        assert result.exit_code in (1, 2)
        assert "\x1b" not in result.output
        assert "\x07" not in result.output
        assert "Traceback" not in result.output
    closed = folder.ballast("check", "demo", "--select", "train")
    assert closed.exit_code == 1
    assert "colour" in closed.output


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "-"]


@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_csv_when_a_text_begins_like_a_formula_then_it_is_quoted(kind):
    frame = pd.DataFrame({"=a": pd.Series(FORMULAS, dtype=kind), "b": ["a=1", "", None, "'=1", "1", "a", "b", "c"]})
    read = pd.read_csv(io.StringIO(csv_of(frame), newline=""), keep_default_na=False, dtype=str, lineterminator="\n")
    assert read.columns.tolist() == ["'=a", "b"]
    assert read["'=a"].tolist() == [f"'{text}" for text in FORMULAS]
    assert read["b"].tolist() == ["a=1", "", "", "'=1", "1", "a", "b", "c"]


def test_csv_when_a_value_is_a_number_or_a_time_then_it_stays_as_it_is(finished: Folder):
    query = (
        "SELECT -1 AS a, -1.5 AS b, -1.25::DECIMAL(5, 2) AS c, -INTERVAL 1 DAY AS d, TIMESTAMP '2024-01-01' AS e, "
        "DATE '2024-01-01' AS f, -170141183460469231731687303715884105727 AS g, NULL AS h, '=1' AS i"
    )
    printed = finished.ballast("sql", query, "--csv").stdout.splitlines()
    assert printed[0] == "a,b,c,d,e,f,g,h,i"
    assert printed[1].startswith(
        "-1,-1.5,-1.25,-1 days,2024-01-01,2024-01-01,-170141183460469231731687303715884105727,,'=1"
    )
