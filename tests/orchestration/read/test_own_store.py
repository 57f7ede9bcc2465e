"""A query on Ballast's own warehouse: what a gate is closed behind is not read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ballast.errors import DataError, GateClosedError
from ballast.orchestration.read.sources import read_table
from ballast.orchestration.spec.data import DataSpec
from ballast.warehouse import keep_open
from ballast.warehouse.homes import embedded
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


def test_query_on_the_runs_own_warehouse_reads_it_while_the_run_keeps_it_open(stopped: Project, tmp_path: Path):
    database = stopped.folder / "home" / "warehouse.duckdb"
    spec = DataSpec(id="sample_id", query="SELECT sample_id FROM demo.train_features", database=str(database))
    with keep_open():
        with stopped.warehouse.writing():
            pass
        assert read_table(spec, where="second.yaml: data.train", folder=tmp_path).num_rows == 200
        with stopped.warehouse.writing():
            pass


def test_query_on_a_database_that_another_process_writes_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    database = tmp_path / "theirs.duckdb"
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); con.execute('CREATE TABLE t AS SELECT 1 AS id')\n"
        "print('open', flush=True); sys.stdin.readline(); con.close()"
    )
    waits = []

    def let_go(seconds: float) -> None:
        waits.append(seconds)
        writer.communicate("\n")

    monkeypatch.setattr(embedded.time, "sleep", let_go)
    spec = DataSpec(id="id", query="SELECT id FROM t", database=str(database))
    command = [sys.executable, "-c", script, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        assert read_table(spec, where="second.yaml: data.train", folder=tmp_path).num_rows == 1
    assert waits
