"""`ballast adopt`: a name that another folder's pipeline had in this warehouse."""

from __future__ import annotations

from pathlib import Path

from ballast.warehouse import Warehouse
from tests.cli.conftest import Folder


def test_run_under_another_projects_name_then_refused_until_adopted(tmp_path: Path):
    first, second = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    second.home = first.home
    for each in (first, second):
        each.declare(steps={"drift": {"use": "kolmogorov_smirnov"}}, data__test=None)
    assert second.ballast("check", "demo", "--select", "train").exit_code == 0
    assert not (first.home / "warehouse.duckdb").exists()
    assert first.ballast("run", "demo").exit_code == 0
    report = (first.home / "reports/demo.html").read_bytes()
    for command in ("run", "check", "report"):
        refused = second.ballast(command, "demo")
        assert refused.exit_code == 2
        told = " ".join((refused.output + refused.stderr).split())
        assert f"belongs to a project in {first.pipeline}" in told
        assert "adopt demo" in told
    assert second.ballast("check", "demo", "--spec-only").exit_code == 0
    assert first.ballast("check", "demo").exit_code == 0
    assert (first.home / "reports/demo.html").read_bytes() == report
    adopted = second.ballast("adopt", "demo")
    assert adopted.exit_code == 0, adopted.output
    assert f"it belonged to a project in {first.pipeline}" in adopted.output
    assert second.ballast("run", "demo").exit_code == 0
    assert first.ballast("run", "demo").exit_code == 2
    again = second.ballast("adopt", "demo")
    assert again.exit_code == 0
    assert "now belongs to pipelines/demo/defs.yaml." in again.output
    owner = Warehouse(f"duckdb:///{first.home / 'warehouse.duckdb'}").owner("demo")
    assert owner is not None
    assert owner.folder == str(second.pipeline)


def test_adopt_of_a_pipeline_that_is_not_there_then_told(tmp_path: Path):
    result = Folder(tmp_path).ballast("adopt", "demon")
    assert result.exit_code == 2
    assert "did you mean 'demo'?" in result.stderr
