"""Pipelines that are split by two columns."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pandas as pd
import pytest

from ballast.errors import DataError, SpecError
from ballast.orchestration.commands.run import partition_keys
from ballast.orchestration.graph.partitions import current_keys, partition_of
from ballast.orchestration.plan.partitions import is_declared, partitions_of, split_of
from ballast.orchestration.read.sources import conversions, read_role, read_table
from ballast.orchestration.run.retired import retired
from ballast.orchestration.spec.data import DataSpec
from tests.orchestration.projects import Project, rows, spec

DAYS = {"time": "daily", "start": "2026-01-01", "end": "2026-01-04"}
COUNTRIES = {"column": "land", "static": ["at", "de"]}
MULTI = {"day": DAYS, "country": COUNTRIES}


def split(project: Project, multi: Any = MULTI, **target: Any) -> None:
    """Declares a pipeline whose target is split by day and country; (at, 2026-01-02) has 40 rows, others 20 or none."""
    days = ["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-02", "2026-01-09"]
    frame = rows(100, seed=5, start=900).assign(
        day=[day for day in days for _ in range(20)], land=["at"] * 20 + ["at"] * 40 + ["de"] * 20 + ["fr"] * 20
    )
    project.write("target", frame)
    project.write("train", rows(100, seed=1).assign(day="2026-01-01", land="at"))
    project.attributes = spec(
        data__target={"path": "target.csv", "id": "key", "drop": ["kind"], **target}, data__test=None,
        steps={"drift": {"use": "kolmogorov_smirnov"}},
        partitions={"multi": multi, "roles": ["target"]},
    )  # fmt: skip


def target(project: Project, key: str):
    plan = project.plan
    partition = partition_of(partitions_of(plan.spec.partitions), key)
    return read_role(plan, plan.nodes["target"], folder=project.folder, partition=partition)


def test_partition_of_two_columns_has_the_rows_that_are_of_both(project: Project):
    split(project)
    table = target(project, "at|2026-01-02")
    assert table.num_rows == 40
    assert set(table.column("land").to_pylist()) == {"at"}
    assert {str(day)[:10] for day in table.column("day").to_pylist()} == {"2026-01-02"}
    told = conversions(table)
    assert told["day"].endswith("20 of 100 rows are in none: 20 from 2026-01-04 on")
    assert told["land"].endswith("20 of 100 rows are in none: 20 with another key")


@pytest.mark.parametrize("source", ["asset", "path"])
def test_handed_table_and_file_have_the_same_rows_of_both(project: Project, source: str):
    split(project)
    frame = pd.read_csv(project.folder / "target.csv").assign(day=lambda f: pd.to_datetime(f["day"]))
    frame.to_parquet(project.folder / "target.parquet")
    spec, given = ({"asset": "pool"}, frame) if source == "asset" else ({"path": "target.parquet"}, None)
    declared = partitions_of(project.plan.spec.partitions)
    partition = partition_of(declared, "at|2026-01-02")
    assert partition is not None
    assert project.plan.spec.partitions is not None
    chosen = split_of(project.plan.spec.partitions, partition, None)
    table = read_table(
        DataSpec(id="key", **spec), where="d: data.target", folder=project.folder, given=given, partition=chosen
    )
    assert table.num_rows == 40
    assert hash(partition) == hash(partition_of(declared, "at|2026-01-02"))


def test_rows_before_the_window_count_where_the_role_reaches_back(project: Project):
    split(project, last="2d")
    assert target(project, "at|2026-01-02").num_rows == 60


def test_partition_without_rows_says_which_column_has_none_or_that_both_never_meet(project: Project):
    split(project)
    with pytest.raises(DataError, match=r"'2026-01-03' has no rows: none of 100 has it in column 'day'"):
        target(project, "at|2026-01-03")
    with pytest.raises(DataError, match=r"some with either, but none with '2026-01-01' in column 'day' and 'de'"):
        target(project, "de|2026-01-01")


def test_run_of_a_partition_stores_and_reports_under_both_keys_and_its_columns_are_no_features(project: Project):
    split(project)
    finished = project.run(partition="at|2026-01-02")
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/target", partition="at|2026-01-02")) == 40
    assert set(project.warehouse.read("demo/drift", partition="at|2026-01-02")["feature"].dropna()) >= {
        "height",
        "width",
    }
    assert not {"day", "land"} & set(
        project.warehouse.read("demo/drift", partition="at|2026-01-02")["feature"].dropna()
    )
    assert finished.report is not None
    assert finished.report.parent.name == "demo"
    assert project.run(partition="de|2026-01-02").success
    assert "train" in project.run(partition="at|2026-01-02").reused
    project.attributes["partitions"]["multi"] = {"day": DAYS, "country": {**COUNTRIES, "static": ["at"]}}
    assert {key for _, key in retired(project.plan, project.warehouse)} == {"de|2026-01-02"}


def test_partitions_to_run_when_none_is_named_are_those_of_the_latest_window(project: Project):
    split(project)
    assert partition_keys(project.plan, None) == ["at|2026-01-03", "de|2026-01-03"]
    assert partition_keys(project.plan, "at|2026-01-01") == ["at|2026-01-01"]
    with pytest.raises(SpecError, match=r"no partition '2026-01-01\|at'.*there are at\|2026-01-01, at\|2026-01-02"):
        partition_keys(project.plan, "2026-01-01|at")


def test_keys_that_come_are_a_dimension_too(project: Project):
    split(project, {"day": DAYS, "shop": {"dynamic": "shops", "column": "land"}})
    definition = partitions_of(project.plan.spec.partitions)
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    assert current_keys(definition, project.instance) == []
    project.instance.add_dynamic_partitions("shops", ["at", "de"])
    assert current_keys(definition, project.instance) == ["2026-01-03|at", "2026-01-03|de"]
    assert project.run("train", "target", partition="2026-01-02|de").success
    assert is_declared(project.plan.spec.partitions, "2026-01-02|other")
    assert not is_declared(project.plan.spec.partitions, "2025-12-31|at")


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        ({"multi": {"day": DAYS}}, "partitions.multi: Dagster splits by exactly two columns, and these are 1"),
        (
            {"multi": {**MULTI, "shop": {"static": ["a"]}}},
            "partitions.multi: Dagster splits by exactly two columns, and these are 3",
        ),
        ({"multi": MULTI, "column": "day"}, "partitions.column: beside multi this key is of one of its dimensions"),
        ({"multi": {"day": DAYS, "country": {}}}, "partitions.multi.country: give exactly one of static"),
        ({"multi": {"day": {"time": "daily"}, "country": COUNTRIES}}, "partitions.multi.day.start: a time partition"),
        ({"multi": {"day": DAYS, "country": {"static": ["a|b"]}}}, "partitions.multi.country.static: 'a|b' holds |"),
        (
            {"multi": {"day": DAYS, "b": {"static": ["a"], "column": "day"}}},
            "partitions.multi: both split by the column",
        ),
        ({"static": ["a"]}, "partitions.column: this key is missing"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_at_their_key(project: Project, partitions, said: str):
    split(project)
    project.attributes["partitions"] = partitions
    with pytest.raises(SpecError) as refused:
        _ = project.plan
    assert str(refused.value).startswith(f"defs.yaml: {said}"), str(refused.value)


def test_schedule_asks_for_the_latest_window_of_every_key(project: Project):
    split(project)
    project.attributes["schedule"] = {"cron": "0 6 * * *"}
    repository = project.definitions.get_repository_def()
    with dg.build_schedule_context(
        project.instance, scheduled_execution_time=pd.Timestamp("2026-01-05"), repository_def=repository
    ) as context:
        found = repository.get_schedule_def("demo_schedule").evaluate_tick(context).run_requests
    assert [str(request.partition_key) for request in found or []] == ["at|2026-01-03", "de|2026-01-03"]
