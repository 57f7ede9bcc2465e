"""A project's own assets read what Ballast has stored, and a closed gate holds for them too."""

from typing import Any

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


DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-06")
BEFORE = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True)


def made(project: Project, asset: dg.AssetsDefinition, *others: dg.AssetsDefinition, key: str | None = None) -> Any:
    """Materialises an asset that the IO manager keeps, for a partition where one is given."""
    manager = WarehouseIOManager(warehouse=project.url, folder=str(project.folder / "home"))
    definitions = dg.Definitions(assets=[asset, *others], resources={"io_manager": manager})
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=project.instance, asset_selection=[asset.key], partition_key=key, raise_on_error=False
    )


@dg.asset(partitions_def=DAYS, io_manager_key="io_manager")
def sold(context: dg.AssetExecutionContext) -> pd.DataFrame:
    return pd.DataFrame({"day": [context.partition_key], "n": [1]})


def test_own_asset_that_reads_several_partitions_has_those_that_are_there_one_after_another(project: Project):
    for day in ("2026-01-02", "2026-01-04"):
        assert made(project, sold, key=day).success
    week = dg.TimeWindowPartitionMapping(start_offset=-2)

    @dg.asset(
        partitions_def=DAYS, io_manager_key="io_manager", ins={"sold": dg.AssetIn("sold", partition_mapping=week)}
    )
    def total(sold: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"n": [int(sold["n"].sum())]})

    done = made(project, total, sold, key="2026-01-04")
    assert done.success
    assert project.warehouse.read("raw/total", partition="2026-01-04")["n"].tolist() == [2]
    told = [entry.user_message for entry in project.instance.all_logs(done.run_id)]
    assert any("1 of 3 partitions of raw/sold are not stored, and not read" in line for line in told)

    @dg.asset(io_manager_key="io_manager")
    def whole(sold: pd.DataFrame) -> pd.DataFrame:
        return sold

    assert made(project, whole, sold).success
    assert sorted(project.warehouse.read("raw/whole")["day"].astype(str)) == ["2026-01-02", "2026-01-04"]


def test_own_asset_that_reads_itself_has_none_before_its_first_partition_and_the_one_before_after_it(project: Project):
    @dg.asset(
        partitions_def=DAYS,
        io_manager_key="io_manager",
        ins={"running": dg.AssetIn("running", partition_mapping=BEFORE)},
    )
    def running(context: dg.AssetExecutionContext, running: pd.DataFrame | None) -> pd.DataFrame:
        before = 0 if running is None else int(running["total"].iloc[0])
        return pd.DataFrame({"total": [before + 1]})

    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        assert made(project, running, key=day).success
    assert project.warehouse.read("raw/running", partition="2026-01-03")["total"].tolist() == [3]
    assert not made(project, running, key="2026-01-05").success  # the day before it was never made


def test_own_asset_of_two_dimensions_is_kept_and_read_by_both_keys(project: Project):
    both = dg.MultiPartitionsDefinition({"day": DAYS, "land": dg.StaticPartitionsDefinition(["at", "de"])})

    @dg.asset(partitions_def=both, io_manager_key="io_manager")
    def by_both(context: dg.AssetExecutionContext) -> pd.DataFrame:
        return pd.DataFrame({"key": [str(context.partition_key)]})

    @dg.asset(partitions_def=DAYS, io_manager_key="io_manager")
    def by_day(by_both: pd.DataFrame) -> pd.DataFrame:
        return by_both

    for land in ("at", "de"):
        assert made(project, by_both, key=f"2026-01-02|{land}").success
    assert {key for _, key in project.warehouse.partitions(["raw/by_both"])} == {"2026-01-02|at", "2026-01-02|de"}
    assert made(project, by_day, by_both, key="2026-01-02").success
    found = project.warehouse.read("raw/by_day", partition="2026-01-02")["key"]
    assert sorted(found) == ["2026-01-02|at", "2026-01-02|de"]
