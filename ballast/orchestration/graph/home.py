"""The Dagster project that a folder belongs to, and where Ballast keeps its things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_project: ContextVar[Path | None] = ContextVar("_project", default=None)
_loaded: set[Path] = set()


@contextmanager
def within(root: Path) -> Iterator[None]:
    """Makes a project the one that is at work in the block, whatever the current folder."""
    token = _project.set(root)
    try:
        yield
    finally:
        _project.reset(token)


def loaded(folder: Path) -> None:
    """Remembers the project of a pipeline that this process has loaded, whose things a run in Dagster then finds."""
    _loaded.add(project_root(folder))


def project_root(start: Path | None = None) -> Path:
    """Gives the nearest folder from `start` upwards that is a Dagster project; `start` itself where none is.

    It starts from the project at work (``within``), else from the current folder. A ``definitions.py`` alone, or a
    ``pyproject.toml`` that does not speak of Dagster, makes a project only where nothing above says more: the one may
    lie in a project's package.
    """
    start = (start or _project.get() or Path.cwd()).resolve()
    folders = (start, *start.parents)
    return next(filter(_is_project, folders), next(filter(_may_be_project, folders), start))


def _is_project(folder: Path) -> bool:
    if (folder / "dg.toml").exists() or (folder / "workspace.yaml").exists():
        return True
    pyproject = folder / "pyproject.toml"
    if not pyproject.exists():
        return False
    return (folder / "definitions.py").exists() or "[tool.dg" in pyproject.read_text(encoding="utf-8")


def _may_be_project(folder: Path) -> bool:
    return (folder / "definitions.py").exists() or (folder / "pyproject.toml").exists()


def home(start: Path | None = None) -> Path:
    """Gives the folder for everything Ballast keeps: ``$BALLAST_HOME``, else ``.ballast`` in the project.

    Of the project at work, else the one whose pipelines this process has loaded (as Dagster's processes do, wherever
    they are started), else that of the current folder.
    """
    if given := os.environ.get("BALLAST_HOME"):
        return Path(given).expanduser().resolve()
    if start is None and _project.get() is None and len(_loaded) == 1:
        return next(iter(_loaded)) / ".ballast"
    return project_root(start) / ".ballast"
