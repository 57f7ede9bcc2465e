"""The same pipeline in every home of the warehouse gives the same tables."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ballast.warehouse import Warehouse
from tests import postgres
from tests.orchestration.projects import Project

ROOT = Path(__file__).resolve().parents[2]


def contents(warehouse: Warehouse) -> dict[str, str]:
    """Gives the content hash of the latest version of every table that does not name files."""
    latest = {commit.asset: commit for commit in reversed(warehouse.commits())}
    return {a: c.content_hash for a, c in latest.items() if c.kind not in ("learner", "encoder")}


@pytest.mark.parametrize("home", [pytest.param("sqlite", marks=pytest.mark.full), "postgres"])
def test_pipeline_when_in_a_lake_then_its_tables_are_those_of_the_file(
    home: str, ran: Project, tmp_path: Path, request: pytest.FixtureRequest
):
    folder = tmp_path / home
    folder.mkdir()
    if home == "sqlite":
        url = f"ducklake:sqlite:///{folder}/lake.sqlite"
    else:
        database = postgres.new_database(request.getfixturevalue("postgres_server"), uuid4().hex)
        url = f"ducklake:{database}?data_path={folder}/lake"
    project = Project(folder, url=url)
    assert project.run().success
    lake = project.warehouse
    assert len(contents(lake)) > 5
    assert contents(lake) == contents(ran.warehouse)
    versions = {commit.asset: commit.version for commit in lake.commits()}
    again = project.run()
    assert again.success
    assert {commit.asset: commit.version for commit in lake.commits()} == versions  # all of it reused
    assert lake.sql("SELECT count(*) AS n FROM demo.density").n[0] == 200


@pytest.mark.full
def test_team_profile_when_a_whole_project_runs_in_it_then_weights_lie_in_postgres(
    tmp_path: Path, postgres_server: str
):
    database = postgres.new_database(postgres_server, uuid4().hex)
    folder = tmp_path / "shared"
    url = f"ducklake:{database}?data_path={tmp_path}/lake"
    env = {**os.environ, "BALLAST_PROFILE": "team", "BALLAST_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    command = [Path(sys.executable).with_name("ballast"), "run", "tumours"]
    lost = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert lost.returncode == 2
    assert "BALLAST_WAREHOUSE and BALLAST_FOLDER" in lost.stderr + lost.stdout
    env |= {"BALLAST_WAREHOUSE": url, "BALLAST_FOLDER": str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "reports" / "tumours.html").exists()
    weights = Warehouse(url).sql("SELECT avg(weight) AS mean FROM tumours.density")
    assert weights["mean"][0] == pytest.approx(1.0)
    assert list((tmp_path / "lake").rglob("*.parquet"))
