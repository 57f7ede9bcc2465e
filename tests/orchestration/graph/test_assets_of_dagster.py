"""Data roles that are assets of Dagster: values of any kind, partitions, and assets whose rows lie elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import polars as pl
import pytest

from ballast import WarehouseIOManager
from ballast.errors import SpecError
from ballast.orchestration.commands.run import Finished, run
from ballast.orchestration.graph.mappings import check_mapped
from ballast.orchestration.projects.find import Declared
from tests.orchestration.projects import Project, rows, spec

POOL = {"asset": "pool", "id": "key", "label": "kind"}
DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-15")


def run_with(project: Project, assets: Sequence[Any], **settings: Any) -> Finished:
    """Runs the pipeline in a project that has these assets, which the IO manager of Ballast keeps."""
    manager = WarehouseIOManager(folder=str(project.folder / "home"))
    own = dg.Definitions(assets=assets, resources={"warehouse": manager})
    merged = dg.Definitions.merge(project.definitions, own)
    declared = Declared(project.folder / "defs.yaml", project.folder, project.attributes)
    return run(declared, project.plan, merged, on=project.instance, **settings)


def of_train(**source: Any) -> dict[str, Any]:
    """Gives a pipeline of training rows alone."""
    return spec(data={"train": source}, steps={"baseline": {"use": "logistic_regression"}})


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "relation", "arrow"])
def test_value_of_every_kind_of_table_is_read(project: Project, kind: str):
    frame = rows(80, seed=1)

    @dg.asset(io_manager_def=dg.mem_io_manager)
    def pool():
        polars = pl.from_pandas(frame)
        made = {
            "pandas": lambda: frame,
            "polars": lambda: polars,
            "lazy": lambda: polars.lazy(),
            "relation": lambda: duckdb.connect().from_df(frame),
            "arrow": lambda: polars.to_arrow(),
        }
        return made[kind]()

    project.attributes = of_train(**POOL)
    finished = run_with(project, [pool])
    assert finished.success, finished.messages
    assert project.warehouse.read("demo/train")["key"].tolist() == frame["key"].tolist()


def test_lazy_frame_that_cannot_be_collected_is_refused_with_why(project: Project):
    @dg.asset(io_manager_def=dg.mem_io_manager)
    def pool():
        return pl.LazyFrame({"key": ["a"]}).select(pl.col("gone"))

    project.attributes = of_train(**POOL)
    finished = run_with(project, [pool])
    assert not finished.success
    assert "the LazyFrame cannot be collected" in finished.messages["train"]
    assert "gone" in finished.messages["train"]


@pytest.mark.parametrize("source", ["path", "query"])
def test_asset_without_a_value_gives_order_and_lineage_and_the_rows_lie_beside_it(project: Project, source: str):
    (project.folder / "train.csv").unlink()

    @dg.asset
    def pool() -> dg.MaterializeResult:
        project.write("train", rows(90, seed=4))
        return dg.MaterializeResult(metadata={"rows": 90})

    where = "train.csv" if source == "path" else "SELECT * FROM 'train.csv'"
    project.attributes = of_train(**POOL, **{source: where})
    assert project.plan.nodes["train"].use == source
    finished = run_with(project, [pool])
    assert finished.success, finished.messages
    assert next(iter(finished.states)) == "pool"
    assert len(project.warehouse.read("demo/train")) == 90
    graph = dg.Definitions.merge(project.definitions, dg.Definitions(assets=[pool])).resolve_asset_graph()
    assert dg.AssetKey("pool") in graph.get(dg.AssetKey(["demo", "train"])).parent_keys


def test_assets_that_a_role_depends_on_are_made_before_it(project: Project):
    (project.folder / "train.csv").unlink()

    @dg.asset
    def written() -> None:
        project.write("train", rows(90, seed=4))

    project.attributes = of_train(path="train.csv", id="key", label="kind", deps=["written"])
    finished = run_with(project, [written])
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/train")) == 90


def test_asset_that_keeps_no_value_is_refused_with_the_remedy(project: Project):
    @dg.asset
    def pool() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    project.attributes = of_train(**POOL)
    finished = run_with(project, [pool])
    assert not finished.success
    assert "add `query:` or `path:` beside `asset:`" in finished.messages["train"]

    @dg.asset(name="pool", io_manager_def=dg.mem_io_manager)
    def nothing():
        return None

    finished = run_with(project, [nothing])
    assert "there is no value" in finished.messages["train"]
    assert "`query:` or `path:` beside `asset:`" in finished.messages["train"]


def by_day(key: str, n: int = 20) -> pd.DataFrame:
    day = int(key[-2:])
    return rows(n, seed=day, start=day * 1000).assign(day=pd.Timestamp(key))


def pool_by(partitions: dg.PartitionsDefinition, **settings: Any) -> dg.AssetsDefinition:
    """Gives an asset with a table for each partition."""

    @dg.asset(partitions_def=partitions, **settings)
    def pool(context) -> pd.DataFrame:
        return by_day(context.partition_key)

    return pool


def make(project: Project, asset: dg.AssetsDefinition, keys: Sequence[str]) -> None:
    manager = WarehouseIOManager(folder=str(project.folder / "home"))
    job = dg.Definitions(assets=[asset], resources={"warehouse": manager}).resolve_implicit_global_asset_job_def()
    for key in keys:
        assert job.execute_in_process(instance=project.instance, partition_key=key).success


@pytest.mark.parametrize("manager", ["warehouse", "io_manager"])
def test_all_partitions_of_an_asset_are_the_rows_of_a_pipeline_without(project: Project, manager: str):
    days = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02", "2026-01-03"])
    pool = pool_by(days, io_manager_key=manager)
    make(project, pool, days.get_partition_keys())
    project.attributes = of_train(**POOL)
    finished = run_with(project, [pool])
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/train")) == 60
    assert "pool" not in finished.states


def split(project: Project, time: str, **target: Any) -> None:
    """Declares a pipeline whose target is the asset, split by time; its training rows are of some day."""
    project.write("train", rows(100, seed=9).assign(day="2026-01-01"))
    project.attributes = spec(
        data__target={"asset": "pool", "id": "key", "drop": ["kind"], **target}, data__test=None,
        steps={"drift": {"use": "kolmogorov_smirnov"}},
        partitions={"column": "day", "time": time, "start": "2026-01-04", "roles": ["target"]},
    )  # fmt: skip


def target_days(project: Project, key: str) -> set[str]:
    return {str(day)[:10] for day in project.warehouse.read("demo/target", partition=key)["day"]}


def test_weekly_pipeline_reads_the_days_of_an_asset_that_is_daily(project: Project):
    pool = pool_by(DAYS, io_manager_key="warehouse")
    days = [f"2026-01-{day:02}" for day in range(3, 13)]
    make(project, pool, days)
    split(project, "weekly")
    finished = run_with(project, [pool], select=["train", "target"], partition="2026-01-04")
    assert finished.success, finished.messages
    assert target_days(project, "2026-01-04") == {*days[1:8]}


def test_role_that_reaches_back_reads_the_days_before_its_window_too(project: Project):
    pool = pool_by(DAYS, io_manager_key="warehouse")
    make(project, pool, [f"2026-01-{day:02}" for day in range(1, 8)])
    split(project, "daily", last="3d")
    finished = run_with(project, [pool], select=["train", "target"], partition="2026-01-06")
    assert finished.success, finished.messages
    assert target_days(project, "2026-01-06") == {"2026-01-04", "2026-01-05", "2026-01-06"}


def test_asset_that_is_split_otherwise_is_refused_with_both_partitionings(project: Project):
    split(project, "daily")
    pool = pool_by(dg.StaticPartitionsDefinition(["north", "south"]))
    with pytest.raises(SpecError, match=r"data\.target\.asset: .* by time .*2026-01-04.* static \(north, south\)"):
        check_mapped(project.plan, dg.Definitions(assets=[pool]))
    check_mapped(project.plan, dg.Definitions(assets=[pool_by(DAYS)]))
    zoned = dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Oslo")
    with pytest.raises(SpecError, match=r"Europe/Oslo"):
        check_mapped(project.plan, dg.Definitions(assets=[pool_by(zoned)]))


def test_io_manager_gives_an_asset_what_it_was_before_and_nothing_where_it_was_not(project: Project):
    seen: dict[str, Any] = {}
    before = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)

    @dg.asset(
        partitions_def=DAYS, io_manager_key="warehouse", ins={"itself": dg.AssetIn("itself", partition_mapping=before)}
    )
    def itself(context, itself) -> pd.DataFrame:
        seen[context.partition_key] = itself
        return by_day(context.partition_key, n=5)

    make(project, itself, ["2026-01-01", "2026-01-02"])
    assert seen["2026-01-01"] is None
    assert seen["2026-01-02"]["key"].tolist() == by_day("2026-01-01", n=5)["key"].tolist()
