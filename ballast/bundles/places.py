"""Where a model is written to: a folder that holds the former one or the new one, wherever the writer is killed."""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ballast.errors import BallastError

_ABANDONED = 3600.0  # seconds after which what is unfinished has no writer any more: the process was killed


class FolderError(BallastError, OSError):
    """A model's folder cannot be written."""


@contextmanager
def replacing(folder: Path, mark: str) -> Iterator[Path]:
    """Gives an empty folder to write a model into; it takes the place of `folder` where the block ends well.

    A folder that holds a model of this format, which the file `mark` tells, is replaced; FolderError for one that holds
    something else, or cannot be written. A writer that is killed between the two renames leaves the former model beside
    the folder, where ``standing`` finds it and the next writer puts it back.
    """
    former = _former(folder)
    try:
        if former.exists() and not folder.exists():
            former.rename(folder)
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / mark).is_file())):
            raise FolderError(f"{folder} is there and holds no model of Ballast's; name another folder, or remove it")
        _sweep(folder, former)
        fresh = folder.with_name(f".{folder.name}.{uuid4().hex}.unfinished")
        fresh.mkdir(parents=True)
    except OSError as error:
        raise error if isinstance(error, FolderError) else _unwritable(folder, error) from error
    try:
        yield fresh
        _flush(fresh)
        _swap(fresh, folder, former)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def standing(folder: Path) -> Path:
    """Gives where the model of a folder is: there, or beside it where a writer was killed, of which it warns."""
    if folder.exists() or not (former := _former(folder)).is_dir():
        return folder
    warnings.warn(
        f"{folder} is gone: an export into it was killed as it changed the model there for another. The former model "
        f"is read from {former}; the next export puts it back, as does renaming it to {folder.name}",
        stacklevel=3,
    )
    return former


def _former(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.former")


def _swap(fresh: Path, folder: Path, former: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    folder.rename(former)
    try:
        fresh.rename(folder)
    except OSError:
        if not folder.exists():
            former.rename(folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _sweep(folder: Path, former: Path) -> None:
    """Removes what killed writers left beside a folder that holds a model again."""
    shutil.rmtree(former, ignore_errors=True)
    for left in folder.parent.glob(f".{folder.name}.*.unfinished"):
        if time.time() - left.stat().st_mtime > _ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Has the disk hold every file of a folder, so that what is renamed is whole."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())


def _unwritable(folder: Path, error: OSError) -> FolderError:
    return FolderError(f"cannot write the model to {folder}: {error}; check the folder and the room on it")
