"""Whose a pipeline's name is in a warehouse: two projects that store under one name would read each other's tables.

A project is known by where its pipeline is declared, and as the same one after it was moved: its former folder is
gone. A copy beside the original is another project, unless the warehouse lies in the project and was copied with it.
On other hosts, which cannot be looked at, a checkout of the same project (by the name in pyproject.toml) is the same.
"""

from __future__ import annotations

import os
import socket
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ballast.errors import OwnedError
from ballast.orchestration.graph.home import project_root
from ballast.warehouse import Owner, Warehouse

_claimed: set[tuple[str, str, Path, str]] = set()


def claim(warehouse: Warehouse, pipeline: str, folder: Path, run_id: str) -> None:
    """Makes a pipeline's name its project's where nobody has it; looks once a run.

    Raises
    ------
    OwnedError
        It is another project's, or another folder's; the message names them and what to do.
    """
    key = (warehouse.url, pipeline, folder, run_id)
    if key in _claimed:
        return
    here = _here(warehouse, pipeline, folder)
    found = warehouse.owner(pipeline)
    if found is None or not _same(found, here):
        with warehouse.writing():
            found = warehouse.owner(pipeline)  # somebody else may have been first
            _refuse(found, here, warehouse, folder)
            if found is None or not _same(found, here):
                warehouse.own(here)
    _claimed.add(key)


def check_owner(warehouse: Warehouse, pipeline: str, folder: Path) -> None:
    """Raises OwnedError where a pipeline's name is another project's; nothing is stored, and nobody made the owner."""
    _refuse(warehouse.owner(pipeline), _here(warehouse, pipeline, folder), warehouse, folder)


def _refuse(found: Owner | None, here: Owner, warehouse: Warehouse, folder: Path) -> None:
    if found is not None and not _same(found, here) and not _gone(found, here, warehouse):
        name = here.pipeline
        raise OwnedError(
            f"the name {name!r} in {warehouse.url} belongs to {_shown(found, warehouse)}; {folder} may not store under "
            "it. Give the pipeline another name, keep it in a warehouse of its own, or take the name over with "
            f"`ballast adopt {name}`"
        )


def adopt(warehouse: Warehouse, pipeline: str, folder: Path) -> Owner | None:
    """Makes a pipeline's name its project's, whoever had it, and gives the former owner, None if there was none."""
    here = _here(warehouse, pipeline, folder)
    with warehouse.writing():
        found = warehouse.owner(pipeline)
        warehouse.own(here)
    return None if found is None or _same(found, here) else _shown(found, warehouse)


def _here(warehouse: Warehouse, pipeline: str, folder: Path) -> Owner:
    folder = folder.resolve()
    root = project_root(folder)
    store = warehouse.home.path
    within = store is not None and store.is_relative_to(root)
    place = os.path.relpath(folder, root) if within else str(folder)
    return Owner(pipeline, _project_name(root), socket.gethostname(), place, datetime.now(UTC))


def _same(found: Owner, here: Owner) -> bool:
    if found.folder == here.folder:
        return True
    elsewhere = found.host != here.host and Path(found.folder).is_absolute() and Path(here.folder).is_absolute()
    return elsewhere and found.project is not None and found.project == here.project


def _shown(found: Owner, warehouse: Warehouse) -> Owner:
    """Gives an owner with the folder from the root, also where it is kept from that of the warehouse's project."""
    store = warehouse.home.path
    return found if store is None else replace(found, folder=str(project_root(store.parent) / found.folder))


def _gone(found: Owner, here: Owner, warehouse: Warehouse) -> bool:
    """Gives whether the owner's folder no longer exists, as after a move; one on another host cannot be looked at."""
    if Path(found.folder).is_absolute() and found.host != here.host:
        return False
    try:
        Path(_shown(found, warehouse).folder).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # somebody else's, which may not be looked at
        return False
    return False


def _project_name(root: Path) -> str | None:
    try:
        declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    project = declared.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else None
