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
