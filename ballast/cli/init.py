"""``ballast init``: a working Dagster project with one pipeline, from the templates in ``project/``."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from ballast.errors import BallastError
from ballast.words import listed

_ENDING = ".template"  # so that no tool takes a template for a project's own file


def make_project(directory: Path) -> list[Path]:
    """Makes a project in a new or empty folder and gives the files written; the project is named after the folder.

    Raises BallastError where the folder holds anything, is a file, or cannot be written; nothing is left half-made.
    """
    try:
        target = directory.expanduser().resolve()
        _refuse_taken(directory, target)
    except (ValueError, RuntimeError) as error:  # a NUL, half a character, a loop of links
        raise BallastError(f"{str(directory)!r} is not the name of a folder: {error}; choose another one") from error
    texts = _project_files(project_name(target.name))
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        for path, text in texts.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(text, encoding="utf-8")
    except BaseException as error:
        _clear(target, missing)
        if isinstance(error, OSError):
            raise BallastError(f"cannot make a project in {directory}: {error}; choose another folder") from error
        raise
    return [target / path for path in texts]


def project_name(folder: str) -> str:
    """Gives a folder's name as pyproject.toml takes it: small ASCII letters, digits and single hyphens between."""
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "ballast-project"


def _refuse_taken(directory: Path, target: Path) -> None:
    try:
        there = sorted(path.name for path in target.iterdir())
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise BallastError(f"{directory} is a file or lies in one; name a new or empty folder") from error
    except OSError as error:
        raise BallastError(f"cannot look into {directory}: {error}; choose another folder") from error
    if there:
        raise BallastError(f"{directory} is not empty: it holds {listed(there)}; name a new or empty folder")


def _project_files(name: str) -> dict[PurePosixPath, str]:
    """Gives the text of every file of a project, by its path in it."""
    made = {}
    for path, template in _templates(files("ballast.cli") / "project", PurePosixPath()):
        own = path.with_name(path.name.removesuffix(_ENDING))
        made[own.with_name(".gitignore") if own.name == "gitignore" else own] = Template(
            template.read_text(encoding="utf-8")
        ).substitute(project=name)
    return made


def _templates(folder: Traversable, path: PurePosixPath) -> list[tuple[PurePosixPath, Traversable]]:
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        found += _templates(entry, path / entry.name) if entry.is_dir() else [(path / entry.name, entry)]
    return found


def _clear(target: Path, missing: list[Path]) -> None:
    """Takes away what was made in a folder that was empty, and the folders that were not there."""
    for entry in target.iterdir() if target.is_dir() else ():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for folder in missing:
        if folder.exists():
            folder.rmdir()
