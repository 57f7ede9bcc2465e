"""Where in a file a pipeline is declared, and each of its keys."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ballast.errors import SpecError
from ballast.orchestration.spec.yaml_files import Document, documents, read_text

TYPE = "ballast.Pipeline"


@dataclass(frozen=True)
class Place:
    """The file that declares a pipeline, and the line of each key that it gives the pipeline."""

    file: Path
    lines: Mapping[str, int]

    def line(self, *keys: str) -> int:
        """Gives the line of the first of some keys that is there."""
        return next((self.lines[key] for key in keys if key in self.lines), 1)


def declared_in(file: Path, where: str) -> Iterator[Document]:
    """Gives what stands under ``attributes:`` in a YAML file: documents of that type, or bare ones with data and steps.

    Raises SpecError, which `where` opens, for a file that cannot be read.
    """
    for document in documents(read_text(file, where), where):
        value = document.value
        if not isinstance(value, dict):
            continue
        if value.get("type") == TYPE:
            under = "attributes."
            lines = {k.removeprefix(under): n for k, n in document.lines.items() if k.startswith(under)}
            yield Document(value.get("attributes") or {}, lines)
        elif "type" not in value and {"data", "steps"} & set(value):
            yield document


def lines_of(file: Path, where: str, name: str) -> Mapping[str, int]:
    """Gives the line of each key of the pipeline of a name, none where the file cannot be read."""
    try:
        found = [d for d in declared_in(file, where) if isinstance(d.value, dict)]
    except SpecError:
        return {}
    return next((d.lines for d in found if d.value.get("name") == name), found[0].lines if len(found) == 1 else {})


def located(error: SpecError, where: str, lines: Mapping[str, int]) -> SpecError:
    """Gives an error, each of whose mistakes has the line of its key behind the file's name, in the order of lines.

    One whose key is not in the file comes last, and has no line.
    """
    found = [_place(told, where, lines) for told in str(error).split("\n")]
    return SpecError("\n".join(told for _, told in sorted(found, key=lambda place: place[0])))


def _place(told: str, where: str, lines: Mapping[str, int]) -> tuple[float, str]:
    said = told.removeprefix(f"{where}: ")
    key = re.sub(r"\[(\d+)\]", r".\1", said.partition(": ")[0])
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return (lines[key], f"{where}:{lines[key]}: {said}") if key else (math.inf, told)
