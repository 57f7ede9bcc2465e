"""`ballast prune`: what goes, what stays, and what is refused."""

from __future__ import annotations

import pytest

from ballast.warehouse import Warehouse
from tests.cli.conftest import Folder


@pytest.mark.parametrize("runs", [2, pytest.param(3, marks=pytest.mark.full)])
def test_prune_when_a_pipeline_ran_several_times_then_old_versions_go_and_models_stay(folder, runs):
    for seed in range(runs):
        folder.declare(seed=seed, data__test=None, steps__verdict=None)
        assert folder.ballast("run", "demo").exit_code == 0
    warehouse = Warehouse(f"duckdb:///{folder.home / 'warehouse.duckdb'}")
    models = sorted((folder.home / "models").rglob("*.skops"))
    told = folder.ballast("prune", "--keep", "1", "--dry-run")
    assert told.exit_code == 0
    assert "Would remove" in told.output
    before = warehouse.commits()
    assert "Removed" in folder.ballast("prune", "--keep", "1").output
    after = warehouse.commits()
    assert 0 < len(after) < len(before)
    assert sorted((folder.home / "models").rglob("*.skops")) == models
    trained = [(asset, version) for c in after if c.kind == "learner" for asset, version in c.inputs.items()]
    assert set(trained) <= {(c.asset, c.version) for c in after}
    assert folder.ballast("prune", "--keep", "1", "--models").exit_code == 0
    left = sorted((folder.home / "models").rglob("*.skops"))
    assert 0 < len(left) < len(models)
    assert {commit.asset for commit in warehouse.commits()} == {commit.asset for commit in before}
    assert folder.ballast("prune", "--keep", "1", "--models").output.strip() == "Nothing to remove"
    assert folder.ballast("run", "demo").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "by one of --keep 5"),
        (["--keep", "0"], "at least 1"),
        (["--keep", "1", "--older-than", "1d"], "by one of --keep 5"),
        (["--keep", "1", "--retired"], "by one of --keep 5"),
        (["--older-than", "soon"], "not a length of time"),
        (["--older-than", "30"], "has no unit; write it as 30d"),
    ],
)
def test_prune_when_the_choice_is_not_clear_then_refused(folder, options, message):
    result = folder.ballast("prune", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> Folder:
    """A project that ran for the partitions red and green, and declares red and blue now."""
    folder = Folder(tmp_path_factory.mktemp("moved"))
    few = {"data__test": None, "steps__verdict": None, "steps__baseline": None}
    for keys in (["red", "green"], ["red", "blue"]):
        folder.declare(partitions={"column": "colour", "static": keys, "roles": ["target"]}, **few)
        result = folder.ballast("run", "demo", "--partition", keys[0] if "blue" in keys else "green")
        assert result.exit_code == 0, result.output
    return folder


def test_partition_that_is_not_declared_any_more_is_shown_as_retired(moved: Folder):
    checked = moved.ballast("check", "demo", "--stored", "--partition", "red")
    assert "demo: retired partitions, stored but no longer declared: green; remove them with" in checked.stdout
    page = (moved.home / "reports" / "demo" / "red.html").read_text(encoding="utf-8")
    assert "no longer declared: 1 partition (green), removed by" in page
    shown = moved.ballast("sql", "SELECT DISTINCT partition FROM demo.density", "--csv")
    assert shown.stdout.split() == ["partition", "red"]


def test_prune_of_retired_partitions_removes_them_with_models_and_reports_and_nothing_else(moved: Folder):
    warehouse = Warehouse(f"duckdb:///{moved.home / 'warehouse.duckdb'}")
    before = {(c.asset, c.version, c.partition) for c in warehouse.commits()}
    told = moved.ballast("prune", "--retired", "--dry-run")
    assert "demo/density [green]" in told.stdout
    assert {(c.asset, c.version, c.partition) for c in warehouse.commits()} == before
    assert moved.ballast("prune", "--retired").exit_code == 0
    assert {(c.asset, c.version, c.partition) for c in warehouse.commits()} == {c for c in before if c[2] != "green"}
    assert not [file for file in (moved.home / "models").rglob("*.skops") if "green" in str(file)]
    assert [file.name for file in (moved.home / "reports" / "demo").iterdir()] == ["red.html"]
    assert moved.ballast("prune", "--retired").stdout.strip() == "Nothing to remove"
    assert "retired" not in moved.ballast("check", "demo", "--stored", "--partition", "red").stdout
