"""The Dagster project that a folder belongs to, and where Ballast keeps its things."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_ROOT_MARKS = ("workspace.yaml", "definitions.py", "dg.toml")


_project: ContextVar[Path | None] = ContextVar("_project", default=None)


@contextmanager
def within(root: Path) -> Iterator[None]:
    """Makes a project the one that is at work in the block, whatever the current folder."""
    token = _project.set(root)
    try:
        yield
    finally:
        _project.reset(token)


def project_root(start: Path | None = None) -> Path:
    """Gives the nearest folder from `start` upwards that is a Dagster project; `start` itself where none is.

    It starts from the project at work (``within``), else from the current folder.
    """
    start = (start or _project.get() or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        pyproject = folder / "pyproject.toml"
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
        if pyproject.exists() and "[tool.dg" in pyproject.read_text(encoding="utf-8"):
            return folder
    return start


def home(start: Path | None = None) -> Path:
    """Gives the folder for everything Ballast keeps: ``$BALLAST_HOME``, else ``.ballast`` in the project."""
    given = os.environ.get("BALLAST_HOME")
    return Path(given).expanduser().resolve() if given else project_root(start) / ".ballast"
