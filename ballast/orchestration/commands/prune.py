"""Removing old versions, and the model files that only they named."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from ballast.orchestration.graph.resources import BallastResource
from ballast.stages import MODEL_KINDS
from ballast.warehouse import Commit, Warehouse


def prune(
    resource: BallastResource,
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    models: bool = False,
    dry_run: bool = False,
) -> list[Commit]:
    """Removes old versions of all that a project has stored and gives their commits; see ``Warehouse.prune``.

    The files of removed models go after their rows have: a process killed in between leaves files, never rows that
    name a file which is gone. A file that another version names too, as of two runs that made the same, stays.
    """
    warehouse, folder = resource.open(), resource.model_store().folder
    gone = warehouse.prune(keep=keep, older_than=older_than, models=models, dry_run=True)
    files, pruned = _files(warehouse, folder, gone), {commit.asset for commit in gone}
    if gone and not dry_run:
        gone = warehouse.prune(keep=keep, older_than=older_than, models=models)
        for file in files - _files(warehouse, folder, [c for c in warehouse.commits() if c.asset in pruned]):
            if file.is_relative_to(folder):
                file.unlink(missing_ok=True)
    return gone


def _files(warehouse: Warehouse, folder: Path, commits: Iterable[Commit]) -> set[Path]:
    """Gives the files that the models among some commits name."""
    return {
        (folder / path).resolve()
        for commit in commits
        if commit.kind in MODEL_KINDS
        for path in warehouse.read(commit.asset, version=commit.version)["path"]
    }
