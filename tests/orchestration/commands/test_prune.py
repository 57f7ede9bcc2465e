"""Model files that no version names: what failed and stopped runs leave goes with the next prune, and nothing else."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ballast import BallastResource, Warehouse
from ballast.errors import WarehouseError
from ballast.orchestration.commands.prune import prune, remove_unnamed
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from ballast.warehouse import Commit, StoredModel
from tests.orchestration.projects import Project


class Failing(Warehouse):
    """A warehouse that cannot commit."""

    def commit(self, *given: Any, **named: Any) -> Commit:
        raise WarehouseError("the disk is full")


class Pruned(Warehouse):
    """A warehouse that is pruned when a run is about to write, which its `project` does once."""

    project: Project | None = None

    def writing(self, *given: Any) -> AbstractContextManager[None]:
        if self.project is not None:
            assert files(self.project) - named(self.project)
            project, self.project = self.project, None
            prune(project.resource, keep=1)
            assert files(project) == named(project)
        return super().writing(*given)


def train(project: Project, warehouse: Warehouse | None = None) -> None:
    """Runs the step `baseline`, made anew."""
    plan, resource = project.plan, project.resource
    run = Run(plan, warehouse or project.warehouse, resource.model_store(), project.folder, run_id="a run", fresh=True)
    run_unit(run, [plan.nodes["baseline"]])


def files(project: Project) -> set[str]:
    folder = project.resource.model_store().folder
    return {str(file.relative_to(folder)) for file in folder.rglob("*.skops")}


def named(project: Project) -> set[str]:
    models = [c for c in project.warehouse.commits() if c.kind in ("encoder", "learner")]
    return {project.warehouse.read(c.asset, version=c.version)["path"][0] for c in models}


@pytest.fixture
def failed(begun: Project) -> Project:
    """A project whose model was written to its file and could not be stored."""
    with pytest.raises(WarehouseError, match="the disk is full"):
        train(begun, Failing(begun.warehouse.url))
    return begun


def test_file_of_a_commit_that_failed_goes_with_the_next_prune(failed: Project):
    kept = named(failed)
    (left,) = files(failed) - kept
    (told,) = remove_unnamed(failed.resource, dry_run=True)
    assert str(told).endswith(left)
    assert files(failed) == kept | {left}
    assert prune(failed.resource, keep=1) == []
    assert files(failed) == kept
    train(failed)
    assert files(failed) == named(failed) != kept
    assert remove_unnamed(failed.resource) == []


def test_file_of_a_failed_commit_that_a_later_run_names_stays(failed: Project):
    train(failed)
    with pytest.raises(WarehouseError):
        train(failed, Failing(failed.warehouse.url))
    assert len(remove_unnamed(failed.resource)) == 1
    assert files(failed) == named(failed)
    assert failed.run("verdict", "reweighted", "density").success


def test_file_of_a_commit_in_progress_is_there_when_it_is_stored(begun: Project):
    warehouse = Pruned(begun.warehouse.url)
    warehouse.project = begun
    train(begun, warehouse)
    assert warehouse.project is None
    stored = StoredModel.of(begun.warehouse.read("demo/baseline"))
    assert begun.resource.model_store().problem(stored) is None
    assert remove_unnamed(begun.resource) == []


def test_files_that_another_warehouse_names_stay(begun: Project, tmp_path: Path):
    train(begun)
    before = files(begun)
    other = BallastResource(warehouse=f"duckdb:///{tmp_path}/other.duckdb", folder=begun.resource.folder)
    other.open().commit("demo/baseline", begun.warehouse.read("demo/train"))
    with pytest.raises(WarehouseError):
        train(begun, Failing(begun.warehouse.url))
    assert remove_unnamed(other) == []
    prune(other, keep=1, models=True)
    assert before < files(begun)


def test_files_of_a_prune_that_was_stopped_go_with_the_next(begun: Project):
    train(begun)
    train(begun)
    old = begun.warehouse.commits("demo/baseline")[-1]
    path = begun.warehouse.read(old.asset, version=old.version)["path"][0]
    begun.resource.model_store().expect(old.asset, path, str(begun.warehouse.home))
    assert begun.warehouse.prune(keep=1, models=True)  # and here the process is killed
    assert path in files(begun)
    prune(begun.resource, keep=1)
    assert files(begun) == named(begun)
