"""``ballast init``: a working Dagster project with one pipeline, from the templates in ``project/``."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from ballast.errors import BallastError, ParameterError
from ballast.words import in_words, listed

_BUNDLED = "wine"
_ENDING = ".template"  # so that no tool takes a template for a project's own file


def make_project(directory: Path, pipeline: tuple[str, str] | None = None) -> list[Path]:
    """Makes a project in a new or empty folder and gives the files written; the project is named after the folder.

    Its pipeline is the one given, by its name and its YAML, or the bundled one, of wines, with its raw data.

    Raises BallastError where the folder holds anything, is a file, or cannot be written; nothing is left half-made.
    """
    try:
        target = directory.expanduser().resolve()
        _refuse_taken(directory, target)
    except (ValueError, RuntimeError) as error:  # a NUL, half a character, a loop of links
        raise BallastError(f"{str(directory)!r} is not the name of a folder: {error}; choose another one") from error
    texts = _project_files(project_name(target.name), pipeline)
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


def check_asked(directory: Path | None, table: Path | None, label: str | None, id: str | None, target: Path | None):
    """Raises ParameterError where what was asked for does not go together, saying what is missing."""
    asked = {"--label": label, "--id": id, "--target": target}
    if table is None and (given := [name for name, value in asked.items() if value is not None]):
        raise ParameterError(f"{in_words(given)} tell of a table: give the table too, as --from data.csv")
    if table is not None and (missing := [name for name in ("--label", "--id") if asked[name] is None]):
        raise ParameterError(f"--from {table}: which of its columns are {in_words(missing)}? Give their names")
    if table is None and directory is None:
        raise ParameterError(
            "name the folder of the project, or a table of your own: --from data.csv --label y --id id"
        )


def begin(directory: Path | None, train: Path, *, label: str, id: str, target: Path | None) -> tuple[Path, str]:
    """Makes a project with a pipeline for a table, in a folder named after its file; gives the folder and the name."""
    from ballast.orchestration.commands.begin import pipeline_name, pipeline_of

    folder = directory or Path(pipeline_name(train.name.split(".")[0]))
    _refuse_taken(folder, folder.expanduser().resolve())
    pipeline = pipeline_of(train, folder.expanduser() / "pipelines", label=label, id=id, target=target)
    make_project(folder, pipeline)
    return folder, pipeline[0]


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


def _project_files(project: str, pipeline: tuple[str, str] | None) -> dict[PurePosixPath, str]:
    """Gives the text of every file of a project, by its path in it."""
    made = {}
    name, text = pipeline or (_BUNDLED, "")
    for path, template in _templates(files("ballast.cli") / "project", PurePosixPath()):
        own = path.with_name(path.name.removesuffix(_ENDING))
        if pipeline is not None and _BUNDLED in own.with_suffix("").parts:
            continue
        made[own.with_name(".gitignore") if own.name == "gitignore" else own] = Template(
            template.read_text(encoding="utf-8")
        ).substitute(project=project, pipeline=name)
    if pipeline is not None:
        made[PurePosixPath("pipelines", name, "defs.yaml")] = text
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
