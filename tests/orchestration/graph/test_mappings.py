"""What a pipeline reads from assets and pipelines that are split otherwise than itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from dagster._serdes import deserialize_value, serialize_value

from ballast import Pipeline, WarehouseIOManager
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.graph.mappings import unmapped
from tests.orchestration.graph.test_assets_of_dagster import pool_by, run_with
from tests.orchestration.projects import Project, rows, spec

NORTH_SOUTH = dg.StaticPartitionsDefinition(["north", "south"])
DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-15")
WEEKS = dg.WeeklyPartitionsDefinition("2026-01-04")
BY_BOTH = dg.MultiPartitionsDefinition({"day": DAYS, "land": NORTH_SOUTH})
SPLITS = {
    "daily": {"column": "day", "time": "daily", "start": "2026-01-01", "end": "2026-01-15"},
    "weekly": {"column": "day", "time": "weekly", "start": "2026-01-04"},
    "land": {"column": "land", "static": ["north"]},
    "other": {"column": "land", "static": ["east"]},
    "kept": {"column": "partition", "static": ["2026-01-02"]},
    "come": {"column": "land", "dynamic": "lands"},
    "both": {
        "multi": {
            "day": {"time": "daily", "start": "2026-01-01", "end": "2026-01-15"},
            "land": {"static": ["north", "south"]},
        }
    },
}


def split(project: Project, by: str, **target: Any) -> None:
    """Declares a pipeline whose target is split, and read from the asset pool where nothing else is said."""
    project.write("train", rows(100, seed=9).assign(day="2026-01-01", land="north"))
    project.attributes = spec(
        data__target={"asset": "pool", "id": "key", "drop": ["kind"], **target}, data__test=None,
        steps={"drift": {"use": "kolmogorov_smirnov"}}, partitions={**SPLITS[by], "roles": ["target"]},
    )  # fmt: skip


def loaded(project: Project, assets: Sequence[Any]) -> dg.RepositoryDefinition:
    """Gives what Dagster's code location holds once it has looked at all that is in it."""
    manager = WarehouseIOManager(folder=str(project.folder / "home"))
    own = dg.Definitions(assets=assets, resources={"warehouse": manager})
    repository = dg.Definitions.merge(project.definitions, own).get_repository_def()
    repository.validate_loadable()
    return repository


@pytest.mark.parametrize(
    ("by", "theirs", "mapped"),
    [
        ("daily", DAYS, True),
        ("weekly", DAYS, True),
        ("daily", WEEKS, True),
        ("land", NORTH_SOUTH, True),
        ("other", NORTH_SOUTH, False),
        ("daily", NORTH_SOUTH, False),
        ("land", DAYS, False),
        ("come", dg.DynamicPartitionsDefinition(name="lands"), True),
        ("come", dg.DynamicPartitionsDefinition(name="seas"), False),
        ("come", NORTH_SOUTH, False),
        ("both", BY_BOTH, True),
        ("both", DAYS, True),
        ("both", NORTH_SOUTH, True),
        ("daily", BY_BOTH, True),
        ("weekly", BY_BOTH, True),
        ("other", BY_BOTH, False),
        ("daily", dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Oslo"), False),
    ],
)
def test_code_location_loads_and_says_where_nothing_maps_the_two(
    project: Project, caplog: pytest.LogCaptureFixture, by: str, theirs: dg.PartitionsDefinition, *, mapped: bool
):
    split(project, by)
    assert (unmapped(project.plan, "target", theirs) is None) is mapped
    with caplog.at_level(logging.WARNING, logger="ballast.run"), warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        repository = loaded(project, [pool_by(theirs)])
    edge = repository.asset_graph.get(asset_key(project.plan, "target")).partition_mappings[dg.AssetKey("pool")]
    assert isinstance(edge, dg.AllPartitionMapping) is not mapped  # what other processes are told
    if not mapped:
        assert type(deserialize_value(serialize_value(edge))) is dg.AllPartitionMapping
    told = [r.getMessage() for r in caplog.records if "data.target.asset" in r.getMessage()]
    assert bool(told) is not mapped
    assert all("and neither is mapped to the other" in line for line in told)


def test_run_of_what_nothing_maps_fails_with_both_partitionings(project: Project):
    split(project, "daily")
    finished = run_with(project, [pool_by(NORTH_SOUTH)], partition="2026-01-02")
    assert not finished.success
    told = finished.messages["target"]
    assert "data.target.asset: the pipeline's partitions are by time (0 0 * * * from 2026-01-01 on, UTC)" in told
    assert "those of pool static (north, south)" in told


def test_role_that_reaches_back_is_known_to_other_processes_as_dagsters_own_mapping(project: Project):
    split(project, "daily", last="3d")
    edges = loaded(project, [pool_by(DAYS)]).asset_graph.get(asset_key(project.plan, "target")).partition_mappings
    mapping = edges[dg.AssetKey("pool")]
    known = deserialize_value(serialize_value(mapping))  # pyright: ignore[reportArgumentType]
    assert type(known) is dg.TimeWindowPartitionMapping
    assert known.start_offset == -2
    loaded(project, [pool_by(NORTH_SOUTH)])  # which nothing maps


def test_asset_that_only_is_made_before_may_be_split_otherwise(project: Project):
    frame = rows(40, seed=3, start=500).assign(day=pd.Timestamp("2026-01-02"), land="north")
    frame.to_parquet(project.folder / "target.parquet")
    split(project, "daily", path="target.parquet")
    project.attributes["data"]["target"]["deps"] = ["other"]
    other = dg.AssetSpec("other", partitions_def=NORTH_SOUTH)
    finished = run_with(project, [pool_by(NORTH_SOUTH), other], partition="2026-01-02")
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/target", partition="2026-01-02")) == 40


def test_pipeline_reads_the_step_of_one_that_is_split_otherwise(project: Project):
    frame = rows(60, seed=3, start=500).assign(
        day=[pd.Timestamp(f"2026-01-0{1 + i % 3}") for i in range(60)], land=["north", "south"] * 30
    )
    frame.to_parquet(project.folder / "target.parquet")
    split(project, "daily", path="target.parquet", asset=None)
    for day in (1, 2, 3):
        assert project.run(partition=f"2026-01-0{day}").success
    first, source = project.definitions, {"step": "demo/target", "id": "key", "drop": ["kind"]}
    found = (("land", "north", 30), ("weekly", "2026-01-04", 0), ("kept", "2026-01-02", 20), (None, None, 60))
    for by, key, count in found:
        project.attributes = spec(
            name=f"second_{by}",
            data={"train": {"path": "train.csv", "id": "key", "label": "kind"}, "target": source},
            steps={"drift": {"use": "kolmogorov_smirnov"}},
            partitions={**SPLITS[by], "roles": ["target"]} if by else None,
        )
        plan = Pipeline(**project.attributes).plan("defs.yaml")
        both = dg.Definitions.merge(first, definitions_of(plan, project.folder))
        both.get_repository_def().validate_loadable()
        job = both.resolve_job_def(plan.spec.name)
        result = job.execute_in_process(instance=project.instance, partition_key=key, raise_on_error=False)
        assert result.success is bool(count)
        if count:
            assert len(project.warehouse.read(f"second_{by}/target", partition=key)) == count
