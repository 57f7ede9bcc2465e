"""A query on Ballast's own warehouse: what a gate is closed behind is not read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ballast.errors import DataError, GateClosedError
from ballast.orchestration.read.sources import read_table
from ballast.orchestration.spec.pipeline import DataSpec
from tests.orchestration.projects import Project


def read(project: Project, tmp_path: Path, query: str):
    home = tmp_path / "copy"
    shutil.copytree(project.folder / "home", home, dirs_exist_ok=True)
    spec = DataSpec(id="sample_id", query=query, database=str(home / "warehouse.duckdb"))
    return read_table(spec, where="second.yaml: data.train", folder=tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM demo.density",
        'FROM warehouse."Demo"."DENSITY"',
        "WITH w AS (SELECT * FROM demo.density) SELECT * FROM w WHERE weight > 0",
        "SELECT * FROM demo.train_features JOIN (SELECT sample_id, weight FROM demo.density) USING (sample_id)",
        "SELECT * FROM demo.density AT (VERSION => 1)",
    ],
)
def test_query_on_a_step_whose_gate_is_closed_is_refused(stopped: Project, tmp_path: Path, query: str):
    with pytest.raises(GateClosedError, match=r"reads demo\.density, .* closed: expect_effective_sample_size"):
        read(stopped, tmp_path, query)


@pytest.mark.parametrize(
    "query",
    ["SELECT * FROM ballast_store.gates", "SELECT * FROM query_table('demo.density')"],
    ids=["store", "function"],
)
def test_query_that_goes_round_the_views_is_refused(stopped: Project, tmp_path: Path, query: str):
    with pytest.raises(DataError, match=r"read the views|name each as pipeline\.step"):
        read(stopped, tmp_path, query)


def test_query_on_what_has_passed_its_gates_reads_it(stopped: Project, tmp_path: Path):
    """Other steps of a pipeline with a closed gate among them."""
    assert read(stopped, tmp_path, "SELECT sample_id FROM demo.train_features").num_rows == 200
