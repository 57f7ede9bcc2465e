"""What Dagster keeps and shows of the resources."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from ballast import BallastResource, WarehouseIOManager
from ballast.warehouse.homes.lake import PostgresLake
from tests.orchestration.projects import Project


@pytest.mark.parametrize("resource", [BallastResource, WarehouseIOManager])
def test_url_when_it_holds_a_password_then_dagster_stores_and_shows_none(
    resource: type[dg.ConfigurableResource], tmp_path: Path
):
    project = Project(tmp_path, url="ducklake:postgresql://me:tiger7@127.0.0.1:1/db?data_path=x&sslpassword=lion8")
    more = {"other": resource(warehouse=project.url)}
    definitions = dg.Definitions.merge(project.definitions, dg.Definitions(resources=more))
    job = definitions.resolve_job_def("demo")
    run = project.instance.create_run_for_job(job)
    kept = [job.get_job_snapshot(), RepositorySnap.from_def(definitions.get_repository_def()), run]
    assert "postgresql://me:***@" in str(kept)
    assert not [word for word in ("tiger7", "lion8") if word in str(kept)]


def test_url_when_it_holds_a_password_then_the_store_is_opened_with_it(monkeypatch: pytest.MonkeyPatch):
    url = "ducklake:postgresql://me:tiger7@127.0.0.1:1/db?data_path=x"
    monkeypatch.setenv("STORE", url)
    for resource in (BallastResource(warehouse=url), BallastResource(warehouse=dg.EnvVar("STORE"))):
        opened = resource.process_config_and_initialize().open()
        assert isinstance(opened.home, PostgresLake)
        assert "tiger7" in opened.home.metadata
        assert "tiger7" not in opened.url
