"""A project's own assets read what Ballast has stored, and a closed gate holds for them too."""

from __future__ import annotations

import dagster as dg
import pandas as pd
import pytest

from ballast import WarehouseIOManager
from tests.orchestration.projects import Project


def read_by_own_asset(project: Project) -> dg.ExecuteInProcessResult:
    """Materialises an asset that takes the rows of a step and returns the first of them."""

    @dg.asset(ins={"weights": dg.AssetIn(["demo", "density"])}, io_manager_key="io_manager")
    def mine(weights: pd.DataFrame) -> pd.DataFrame:
        return weights.head(1)

    manager = WarehouseIOManager(warehouse=project.url, folder=str(project.folder / "home"))
    definitions = dg.Definitions.merge(
        project.definitions, dg.Definitions(assets=[mine], resources={"io_manager": manager})
    )
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=project.instance, asset_selection=[dg.AssetKey("mine")], raise_on_error=False
    )


def test_own_asset_when_the_gates_are_open_then_reads_the_latest_version(ran: Project):
    assert read_by_own_asset(ran).success
    stored = ran.warehouse.read("raw/mine")
    assert stored.equals(ran.warehouse.read("demo/density").head(1))


def test_own_asset_when_a_gate_is_closed_then_is_refused_with_what_it_found(stopped: Project):
    done = read_by_own_asset(stopped)
    assert not done.success
    (failure,) = (e.step_failure_data for e in done.all_events if e.is_step_failure)
    told = failure.error.cause.message if failure.error.cause else failure.error.message
    assert "mine does not read demo/density: the gate behind it (version 1) is closed" in told
    assert "expect_effective_sample_size" in told


@pytest.mark.parametrize("severity", ["error", "warn"])
def test_own_asset_when_a_gate_is_loosened_then_reads_again(stopped: Project, severity: str):
    loose = {"min_share": 1e-3} if severity == "error" else {"min_share": 1.0, "severity": "warn"}
    stopped.attributes["gates"] = {"density": [{"expect_effective_sample_size": loose}]}
    assert stopped.run("density").success
    assert read_by_own_asset(stopped).success
