"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

_ABANDONED = 3600.0  # seconds after which a file that was begun is a killed process's


def write_whole(path: Path, text: str) -> None:
    """Writes a text in UTF-8, whole and on the disk, or leaves what stood there; makes the folder.

    Raises OSError. What a killed process had begun is removed by a later writing into the folder, after an hour.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{uuid4().hex}.unfinished")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    for other in path.parent.glob(".*.unfinished"):
        with suppress(OSError):  # another process's, which has ended meanwhile
            if time.time() - other.stat().st_mtime > _ABANDONED:
                other.unlink()
