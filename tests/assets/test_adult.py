"""The adult pipeline: skipped with a message without the census, and, where a copy is there, run on it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from assets.adult import draw_adults
from ballast.cli import app
from ballast.orchestration.projects.find import find
from ballast.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
COPY = Path(os.environ.get("ADULT_FOLDER", ROOT.parent / "shared" / "data"))
there = pytest.mark.skipif(not (COPY / "adult_train.parquet").exists(), reason="the Adult census is not here")
ESTIMATORS = (
    "density",
    "trees",
    "least_squares",
    "mean_matching",
    "propensity",
    "margins",
    "label_shift",
    "bounded",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("BALLAST_HOME", str(tmp_path))
    return tmp_path


def test_without_the_census_every_step_is_skipped_and_the_message_says_what_to_set(home, tmp_path, monkeypatch):
    monkeypatch.setenv("ADULT_FOLDER", str(tmp_path / "nowhere"))
    told = CliRunner().invoke(app, ["run", "adult"])
    assert told.exit_code == 0, told.output
    assert "not run adult_pool: skipped: the Adult census is not here" in told.output
    assert "set ADULT_FOLDER" in told.output
    assert "Report" not in told.output
    assert "failed" not in told.output


@there
def test_true_weights_undo_the_selection(monkeypatch):
    monkeypatch.setenv("ADULT_FOLDER", str(COPY))
    pool, field, _ = draw_adults(1)
    for value in (lambda t: t["age"], lambda t: t["hours_per_week"], lambda t: t["sex"] == "Male"):
        wanted, spread = value(field).mean(), value(field).std()
        assert abs(value(pool).mean() - wanted) > 0.05 * spread
        assert abs(np.average(value(pool), weights=pool["true_weight"]) - wanted) < 0.05 * spread


@there
@pytest.mark.full
def test_with_the_census_all_weight_tables_join_by_sample_and_the_best_are_near_the_truth(home, monkeypatch):
    monkeypatch.setenv("ADULT_FOLDER", str(COPY))
    told = CliRunner().invoke(app, ["run", "adult"])
    assert told.exit_code == 0, told.output
    warehouse = Warehouse(f"duckdb:///{home}/warehouse.duckdb")
    first, *others = ESTIMATORS
    joins = " ".join(f"JOIN adult.{name} AS {name} USING (sample_id)" for name in others)
    means = ", ".join(f"avg({name}.weight) AS {name}" for name in ESTIMATORS)
    joined = warehouse.sql(f"SELECT count(*) AS n, {means} FROM adult.{first} AS {first} {joins}").iloc[0]
    assert joined["n"] == len(draw_adults().pool)
    assert [joined[name] for name in ESTIMATORS] == pytest.approx([1.0] * 8, rel=1e-4)
    table = warehouse.read("adult/weights")
    error = table[table["metric"] == "normalised_mean_squared_error"].set_index("model")["value"]
    assert error["propensity"] < 0.3
    assert error["mean_matching"] < 0.5
    assert error["trees"] < 0.5
    assert error["label_shift"] > 0.9, "the labels' shares are not what shifted"
    by_group = warehouse.read("adult/metrics_balanced")
    assert {"Female", "Male"} <= set(by_group["slice"])


def test_plan_names_eight_estimators(home):
    plan = find("adult").plan()
    assert {name for name, node in plan.nodes.items() if node.stage == "weigher"} == set(ESTIMATORS)
