"""Partitions that are declared no more are hidden whoever runs the pipeline: its command, Dagster's UI or daemon."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ballast.errors import GateClosedError
from ballast.orchestration.commands.prune import prune_retired
from ballast.orchestration.graph.keys import key_of
from ballast.orchestration.read.sources import read_table
from ballast.orchestration.run.verdicts import check_open
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse import Verdict
from tests.orchestration.projects import Project, rows, spec


@pytest.fixture
def moved(tmp_path: Path) -> Project:
    """A project that ran in Dagster for the site south, and declares north and east now."""
    steps = {"drift": {"use": "kolmogorov_smirnov"}}
    project = Project(tmp_path, spec(data__test=None, steps=steps))
    parts = [
        rows(60, seed=5 + i, start=1000 * i).assign(site=site) for i, site in enumerate(("north", "south", "east"))
    ]
    project.write("target", pd.concat(parts))
    declare(project, "north", "south")
    materialize(project, "south")
    declare(project, "north", "east")
    return project


def declare(project: Project, *sites: str) -> None:
    project.attributes["partitions"] = {"column": "site", "static": list(sites), "roles": ["target"]}


def materialize(project: Project, site: str, *steps: str) -> None:
    """Runs the pipeline's job, or some of its assets, as Dagster does it, without Ballast's own command."""
    chosen = [key_of(f"demo/{step}") for step in steps]
    job = project.definitions.resolve_job_def("demo")
    assert job.execute_in_process(
        instance=project.instance, partition_key=site, asset_selection=chosen or None, raise_on_error=False
    ).success


def shown(project: Project, step: str = "drift") -> set[str]:
    return set(project.warehouse.sql(f"SELECT DISTINCT partition FROM demo.{step}").partition)


def test_partition_declared_no_more_is_hidden_after_a_run_in_dagster(moved: Project):
    assert shown(moved) == {"south"}
    materialize(moved, "north")
    assert shown(moved) == shown(moved, "target") == {"north"}
    assert set(moved.warehouse.read("demo/drift").partition) == {"north"}


def test_partition_declared_no_more_is_hidden_after_single_steps_are_materialized(moved: Project):
    materialize(moved, "north", "train", "target")
    assert shown(moved, "target") == {"north"}
    assert shown(moved) == {"south"}  # of drift there is nothing newer


def test_partition_declared_again_is_shown_after_a_run_that_reuses_all(moved: Project):
    materialize(moved, "north")
    declare(moved, "north", "south")
    materialize(moved, "north")
    assert shown(moved) == {"north", "south"}


def test_gate_closed_behind_a_retired_partition_stops_no_reader_of_those_that_are_shown(moved: Project):
    south = moved.warehouse.latest("demo/target", partition="south")
    assert south is not None
    closed = Verdict(south.asset, "south", south.version, "expect_rows", False, "error", {}, "too few rows", "r")
    moved.warehouse.record_verdicts([closed])
    for read in (read_all, query_all):
        with pytest.raises(GateClosedError, match="too few rows"):
            read(moved)
    materialize(moved, "north")
    assert read_all(moved) == query_all(moved) == 60
    with pytest.raises(GateClosedError, match="too few rows"):
        check_open(moved.warehouse, "demo/target", "south", "a reader of what is retired")
    with pytest.raises(GateClosedError, match="too few rows"):
        query_all(moved, f" AT (VERSION => {south.version})")


def read_all(project: Project) -> int:
    check_open(project.warehouse, "demo/target", None, "a reader")
    return len(project.warehouse.read("demo/target"))


def query_all(project: Project, at: str = "") -> int:
    database = str(project.folder / "home" / "warehouse.duckdb")
    given = DataSpec(id="key", query=f"SELECT key FROM demo.target{at}", database=database)
    return read_table(given, where="other.yaml: data.train", folder=project.folder).num_rows


def test_prune_of_retired_partitions_goes_by_what_is_declared(moved: Project):
    moved.warehouse.commit("demo/other", pd.DataFrame({"a": [1]}), partition="south")  # of no step that is declared
    gone = {(c.asset, c.partition) for c in prune_retired(moved.resource, [moved.plan])}
    assert gone == {("demo/drift", "south"), ("demo/target", "south")}
    materialize(moved, "north")
    assert shown(moved) == {"north"}
