"""Removing old versions, and the model files that only they named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from ballast.orchestration.graph.resources import BallastResource
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.run.retired import retired
from ballast.stages import MODEL_KINDS
from ballast.warehouse import Commit, Warehouse
from ballast.warehouse.models.expected import expected


def prune(
    resource: BallastResource,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    models: bool = False,
    dry_run: bool = False,
) -> list[Commit]:
    """Removes old versions of all that a project has stored and gives their commits; see ``Warehouse.prune``.

    The files of removed models go after their rows have: a process killed in between leaves files for the next prune,
    never rows that name a file which is gone. A file that another version names too, as of two runs that made the same,
    stays. Files that a failed commit has left go as well.
    """
    return _prune(resource, dry_run=dry_run, keep=keep, older_than=older_than, models=models)


def prune_retired(resource: BallastResource, plans: Iterable[Plan], *, dry_run: bool = False) -> list[Commit]:
    """Removes all versions of the partitions that pipelines no longer declare, and their reports; gives the commits."""
    warehouse = resource.open()
    gone = []
    for plan in plans:
        partitions = retired(plan, warehouse)
        if partitions:
            gone += _prune(resource, dry_run=dry_run, partitions=partitions)
        for key in () if dry_run else {key for _, key in partitions}:
            resource.report_path(plan, Partition(key)).unlink(missing_ok=True)
    return gone


def remove_unnamed(resource: BallastResource, *, dry_run: bool = False) -> list[Path]:
    """Removes the files of models whose commit failed or was killed before it named them, and gives them.

    Nothing is committed meanwhile; a commit that comes later writes its model's file again where it is gone.
    """
    warehouse, folder = resource.open(), resource.model_store().folder
    waiting = expected(folder, str(warehouse.home))
    if not waiting or not warehouse.home.exists():
        return []
    gone = []
    with warehouse.reading() if dry_run else warehouse.writing():
        commits = [commit for asset in sorted({each.asset for each in waiting}) for commit in warehouse.commits(asset)]
        named = _files(warehouse, folder, commits)
        for each in waiting:
            if each.file not in named and each.file.exists():
                gone.append(each.file)
            if not dry_run:
                if each.file not in named:
                    each.file.unlink(missing_ok=True)
                each.note.unlink(missing_ok=True)
    return gone


def _prune(resource: BallastResource, *, dry_run: bool, **choice: Any) -> list[Commit]:
    warehouse, models = resource.open(), resource.model_store()
    gone = warehouse.prune(**choice, dry_run=True)
    if not dry_run:
        for commit in gone:
            for file in _files(warehouse, models.folder, [commit]):
                if file.is_relative_to(models.folder):
                    path = file.relative_to(models.folder).as_posix()
                    models.expect(commit.asset, path, str(warehouse.home))
        gone = warehouse.prune(**choice) if gone else []
        remove_unnamed(resource)
    return gone


def _files(warehouse: Warehouse, folder: Path, commits: Iterable[Commit]) -> set[Path]:
    """Gives the files that the models among some commits name."""
    return {
        (folder / path).resolve()
        for commit in commits
        if commit.kind in MODEL_KINDS
        for path in warehouse.read(commit.asset, version=commit.version)["path"]
    }
