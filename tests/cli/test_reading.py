"""The commands that only read: ``sql``, ``report``, ``--version`` and ``--help``."""

from __future__ import annotations

import io
import subprocess
import sys

import pandas as pd
import pytest

import ballast
from tests.cli.conftest import Folder


def test_sql_gives_a_table_for_people_and_csv_for_programs(finished: Folder):
    query = "SELECT count(*) AS n, round(avg(weight), 3) AS mean FROM demo.density"
    shown = finished.ballast("sql", query)
    assert shown.exit_code == 0
    assert "200" in shown.output
    printed = finished.ballast("sql", query, "--csv")
    assert pd.read_csv(io.StringIO(printed.stdout)).to_dict("records") == [{"n": 200, "mean": 1.0}]


def test_sql_cuts_a_long_table_and_says_so(finished: Folder):
    result = finished.ballast("sql", "SELECT range FROM range(1000)")
    assert "200 of 1,000 rows; add LIMIT, or --csv for all" in result.output


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("DROP VIEW demo.density", "this query would write"),
        ("SELECT 1; DELETE FROM ballast.commits", "this query would write"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM demo.densty", "density"),
    ],
)
def test_sql_when_it_would_write_or_is_wrong_exits_with_2_and_says_why(finished: Folder, query, told):
    result = finished.ballast("sql", query)
    assert result.exit_code == 2
    assert result.stderr.startswith("WarehouseError: ")
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_sql_before_anything_ran_says_so(folder: Folder):
    result = folder.ballast("sql", "SELECT 1")
    assert result.exit_code == 2
    assert "run a pipeline, or commit, first" in result.stderr


def test_ls_lists_each_table_by_its_name_in_sql_with_rows_and_versions(finished: Folder):
    lines = finished.ballast("ls", "demo").stdout.splitlines()
    density = next(line.split() for line in lines if line.startswith("demo.density "))
    assert density[1:4] == ["weigher", "200", "1"]
    table = next(line.split() for line in lines if line.startswith("demo.train_features "))[0]
    assert finished.ballast("sql", f"SELECT count(*) AS n FROM {table}", "--csv").stdout.split() == ["n", "200"]
    baseline = next(line.split() for line in lines if line.startswith("demo.baseline "))
    assert baseline[1:3] == ["learner", "1"]  # a model has no rows to count


def test_ls_of_what_is_not_stored_names_what_is(finished: Folder, folder: Folder):
    result = finished.ballast("ls", "demmo")
    assert result.exit_code == 2
    assert "holds nothing of 'demmo', did you mean 'demo'?" in result.stderr
    assert "holds nothing yet: run a pipeline first" in folder.ballast("ls").stdout


def test_report_opens_in_the_browser_when_asked(finished: Folder, monkeypatch: pytest.MonkeyPatch):
    seen = finished.path / "seen"
    browser = finished.path / "browser.sh"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{seen}"\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    process = finished.start("report", "demo", "--open")
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert seen.read_text() == (finished.home / "reports" / "demo.html").as_uri()


@pytest.mark.parametrize("command", [[], ["run"], ["catalog"], ["ls"]])
def test_short_help_is_help(folder: Folder, command: list[str]):
    assert folder.ballast(*command, "-h").stdout == folder.ballast(*command, "--help").stdout != ""


def test_report_writes_the_page_and_prints_where(finished: Folder):
    path = finished.home / "reports" / "demo.html"
    path.unlink()
    result = finished.ballast("report", "demo")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(path)
    assert "reweighted" in path.read_text(encoding="utf-8")


def test_version_is_printed_alone(folder: Folder):
    assert folder.ballast("--version").stdout.strip() == ballast.__version__


def test_help_loads_nothing_heavy_and_lists_every_command():
    script = """
import sys
from typer.testing import CliRunner
from ballast.cli import app
result = CliRunner().invoke(app, ["--help"])
heavy = {"dagster", "torch", "great_expectations", "matplotlib", "pandas", "sklearn", "duckdb"} & set(sys.modules)
missing = [name for name in ("run", "check", "catalog", "sql", "report", "init") if name not in result.output]
print(result.exit_code, sorted(heavy), missing)
"""
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "0 [] []"
