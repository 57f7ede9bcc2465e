"""Partitions by time zone, with an end, and with keys that come; and the rows that are in none of them."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pandas as pd
import pytest
import yaml

from ballast.errors import SpecError
from ballast.orchestration.commands.run import partition_keys
from ballast.orchestration.graph.partitions import current_keys, partition_of
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.projects.find import find
from ballast.orchestration.read.sources import conversions, read_role
from ballast.orchestration.spec.occasions import PartitionsSpec
from tests.orchestration.projects import Project, rows, spec


def declared(project: Project, column: str, values: Any, **partitions: object) -> None:
    """Declares a pipeline whose target is split by a column that has these values."""
    frame = rows(len(values), seed=5, start=900)
    frame[column] = values
    frame.to_parquet(project.folder / "target.parquet")
    project.write("train", rows(100, seed=1).assign(**{column: values[0]}))
    project.attributes = spec(
        data__target={"path": "target.parquet", "id": "key", "drop": ["kind"]}, data__test=None,
        steps={"drift": {"use": "kolmogorov_smirnov"}},
        partitions={"column": column, "roles": ["target"], **partitions},
    )  # fmt: skip


def read(project: Project, key: str):
    plan = project.plan
    partition = partition_of(partitions_of(plan.spec.partitions), key)
    return read_role(plan, plan.nodes["target"], folder=project.folder, partition=partition)


def test_day_of_a_zone_has_the_moments_of_that_zones_day(project: Project):
    moments = pd.to_datetime(["2026-03-01 04:30", "2026-03-01 05:30", "2026-03-02 04:59", "2026-03-02 05:00"], utc=True)
    declared(project, "at", list(moments), time="daily", start="2026-03-01", timezone="America/New_York")
    assert read(project, "2026-03-01").column("at").to_pylist() == [t.to_pydatetime() for t in moments[1:3]]


def test_dates_are_days_of_the_partitions_own_zone(project: Project):
    dates = [pd.Timestamp(day).date() for day in ("2026-03-01", "2026-03-02")]
    declared(project, "day", dates, time="daily", start="2026-03-01", timezone="America/New_York")
    assert read(project, "2026-03-01").column("day").to_pylist() == dates[:1]


def test_partitions_end_where_the_spec_says(project: Project):
    declared(project, "day", ["2026-03-01"], time="daily", start="2026-03-01", end="2026-03-04")
    definition = partitions_of(project.plan.spec.partitions)
    assert definition is not None
    assert definition.get_partition_keys() == ["2026-03-01", "2026-03-02", "2026-03-03"]


@pytest.mark.parametrize(
    ("values", "partitions", "said"),
    [
        (
            [*pd.to_datetime(["2026-02-01", "2026-03-01", "2026-03-09"]), None],
            {"time": "daily", "start": "2026-03-01", "end": "2026-03-04"},
            "3 of 4 rows are in none: 1 without a value, 1 before 2026-03-01, 1 from 2026-03-04 on",
        ),
        (
            pd.array([2022, None, 2023, 2022, 1999], dtype="Int64"),
            {"static": ["2022", "2023"]},
            "2 of 5 rows are in none: 1 without a value, 1 with another key",
        ),
        ([2022.0, float("nan")], {"static": ["2022"]}, "1 of 2 rows are in none: 1 without a value"),
        (["a", None], {"dynamic": "shops"}, "1 of 2 rows are in none: 1 without a value"),
    ],
)
def test_rows_in_none_of_the_partitions_are_told_with_their_count(project: Project, values, partitions, said: str):
    declared(project, "day", values, **partitions)
    key = {"time": "2026-03-01", "static": "2022", "dynamic": "a"}[next(iter(partitions))]
    table = read(project, key)
    assert len(table) == {"2026-03-01": 1, "2022": 2 - (len(values) == 2), "a": 1}[key]
    assert conversions(table)["day"].endswith(said)


def test_rows_that_are_all_in_some_partition_are_not_spoken_of(project: Project):
    declared(project, "day", [2022, 2023], static=["2022", "2023"])
    assert "day" not in conversions(read(project, "2022"))


def test_dynamic_partitions_are_those_that_the_instance_has(project: Project):
    definition = partitions_of(PartitionsSpec(column="shop", dynamic="shops"))
    assert isinstance(definition, dg.DynamicPartitionsDefinition)
    assert current_keys(definition, project.instance) == []
    project.instance.add_dynamic_partitions("shops", ["north", "south"])
    assert current_keys(definition, project.instance) == ["north", "south"]
    declared(project, "shop", ["north", "south", "south"], dynamic="shops")
    finished = project.run("train", "target", partition="south")
    assert finished.success, finished.messages
    assert len(project.warehouse.read("demo/target", partition="south")) == 2


def test_key_that_the_instance_does_not_have_is_refused_with_how_to_add_it(project: Project, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(project.folder))
    declared(project, "shop", ["north"], dynamic="shops")
    for wanted in (None, "north"):
        with pytest.raises(SpecError, match=r"instance\.add_dynamic_partitions\('shops'"):
            partition_keys(project.plan, wanted)


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        ({"static": ["a"], "dynamic": "b"}, "partitions: give exactly one of static"),
        ({"static": ["a"], "timezone": "Europe/Oslo"}, "partitions.timezone: only partitions by time have one"),
        ({"time": "daily", "start": "2026-03-02", "end": "2026-03-02"}, "partitions.end: the end must lie after"),
        ({"time": "daily", "start": "2026-03-02", "timezone": "Oslo"}, "partitions.timezone: "),
    ],
)
def test_partitions_that_cannot_be_meant_are_refused_at_their_key(project: Project, partitions, said: str):
    declared(project, "day", ["a"], **partitions)
    file = project.folder / "defs.yaml"
    file.write_text(yaml.safe_dump({"type": "ballast.Pipeline", "attributes": project.attributes}))
    with pytest.raises(SpecError) as refused:
        find(str(file)).plan()
    assert said in str(refused.value)


def test_reaching_back_needs_a_role_that_is_split_by_time(project: Project):
    declared(project, "day", ["a"], static=["a"])
    project.attributes["data"]["target"]["last"] = "30d"
    with pytest.raises(SpecError, match=r"data\.target\.last: only a role that is split by time"):
        assert project.plan
