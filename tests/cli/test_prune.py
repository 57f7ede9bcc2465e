"""`ballast prune`: what goes, what stays, and what is refused."""

from __future__ import annotations

import pytest

from ballast.warehouse import Warehouse


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
        ([], "either keep"),
        (["--keep", "0"], "at least 1"),
        (["--keep", "1", "--older-than", "1d"], "either keep"),
        (["--older-than", "soon"], "not a length of time"),
        (["--older-than", "30"], "has no unit; write it as 30d"),
    ],
)
def test_prune_when_the_choice_is_not_clear_then_refused(folder, options, message):
    result = folder.ballast("prune", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
