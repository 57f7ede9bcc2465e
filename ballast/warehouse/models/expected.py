"""Model files that no version names yet: each has a note beside the models until the commit that names it is stored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

_NOTES = ".expected"  # the folder of notes; no asset's, since theirs have no dot


@dataclass(frozen=True)
class Expected:
    """A model's file that a commit of an asset is to name, and the note that says so."""

    asset: str
    file: Path
    note: Path


def expect(folder: Path, warehouse: str, asset: str, path: str) -> None:
    """Notes that a version in a warehouse is to name a file of the store in `folder`."""
    note = _note(folder, warehouse, path)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps([warehouse, asset, path]), encoding="utf-8")


def settle(folder: Path, warehouse: str, path: str) -> None:
    """Takes the note back, for the file is named."""
    _note(folder, warehouse, path).unlink(missing_ok=True)


def expected(folder: Path, warehouse: str) -> list[Expected]:
    """Gives the files of the store in `folder` that versions in a warehouse are, or were, to name."""
    found = []
    for note in sorted((folder / _NOTES).glob("*")):
        try:
            told, asset, path = json.loads(note.read_text(encoding="utf-8"))
            file = (folder / path).resolve()
        except (OSError, ValueError):  # taken back just now, or cut short by a kill, before there was a file
            continue
        if told == warehouse and file.is_relative_to(folder):
            found.append(Expected(asset, file, note))
    return found


def _note(folder: Path, warehouse: str, path: str) -> Path:
    return folder / _NOTES / hashlib.sha256(f"{warehouse}\n{path}".encode(errors="surrogatepass")).hexdigest()[:32]
