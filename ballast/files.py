"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_ABANDONED = 3600.0  # seconds after which a file that was begun is a killed process's


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives the path of a file to be written, which takes the place of `path` once the block has ended well.

    It is on the disk by then; where the block has removed it, or ends in an error, what stood there stays. What a
    killed process had begun is removed by a later writing into the folder, after an hour. Raises OSError.
    """
    fresh = path.with_name(f".{uuid4().hex}.unfinished")
    try:
        yield fresh
        if fresh.exists():
            _sync(fresh)
            fresh.replace(path)
            if os.name == "posix":
                _sync(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
    for other in path.parent.glob(".*.unfinished"):
        with suppress(OSError):  # another process's, which has ended meanwhile
            if time.time() - other.stat().st_mtime > _ABANDONED:
                other.unlink()


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8, whole and on the disk, or leaves what stood there; makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
