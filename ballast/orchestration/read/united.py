"""Files of one source as one table: their columns by name, in an order that does not depend on the files' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ballast.errors import DataError
from ballast.orchestration.read.files import Files


@dataclass(frozen=True)
class Columns:
    """The columns that some file has. `absent` gives, for those that not every file has, the files without them."""

    names: tuple[str, ...]
    absent: Mapping[str, tuple[str, ...]]


def united(files: Files, headers: Mapping[str, Sequence[str]], where: str) -> Columns:
    """Gives the columns of all files; DataError for two whose names differ in capitals alone.

    They stand as in the file with most of them, those that it lacks after them; of several files with most of them, as
    in the one whose columns come first by the alphabet.
    """
    layouts = sorted({tuple(columns) for columns in headers.values()}, key=lambda columns: (-len(columns), columns))
    names = tuple(dict.fromkeys(name for columns in layouts for name in columns))
    _refuse_same_names(files, headers, names, where)
    lacking = {n: tuple(file for file, columns in headers.items() if n not in columns) for n in names}
    return Columns(names, {name: without for name, without in lacking.items() if without})


def _refuse_same_names(files: Files, headers: Mapping[str, Sequence[str]], names: Sequence[str], where: str) -> None:
    folded: dict[str, str] = {}
    for name in names:
        if (other := folded.setdefault(name.casefold(), name)) != name:
            ours, theirs = (next(file for file, columns in headers.items() if n in columns) for n in (name, other))
            raise DataError(
                f"{where}: column {name!r} of {files.shown(ours)!r} and column {other!r} of {files.shown(theirs)!r} "
                "have the same name in SQL, which ignores case; give them one name, or two"
            )
