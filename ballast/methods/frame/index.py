"""Where each method of the catalogue is defined: read from the source, so that nothing is imported to know it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """Where a method of the catalogue is defined."""

    module: str
    class_name: str

    def load(self) -> type[Any]:
        """Imports the method's module, and no other method's, and gives its class."""
        return getattr(importlib.import_module(self.module), self.class_name)


@cache
def index() -> Mapping[str, Entry]:
    """Gives where each method is defined, by name, sorted.

    A class counts that says its name in so many words: ``name = "kliep"`` in its body.
    """
    import ballast.methods

    found: dict[str, Entry] = {}
    for folder in map(Path, ballast.methods.__path__):
        for file in sorted(folder.rglob("*.py")):
            module = ".".join(("ballast.methods", *file.relative_to(folder).with_suffix("").parts))
            for class_name, name in _named_classes(file.read_text(encoding="utf-8")):
                if name in found:
                    both = sorted([f"{found[name].module}.{found[name].class_name}", f"{module}.{class_name}"])
                    raise TypeError(f"two methods are named {name!r}: {' and '.join(both)}")
                found[name] = Entry(module, class_name)
    return dict(sorted(found.items()))


_CLASS_OR_NAME = re.compile(r'^(?:class (\w+)|    name(?:: ClassVar\[str\])? = "([^"]+)")', re.MULTILINE)


def _named_classes(source: str) -> Iterator[tuple[str, str]]:
    """Gives (class, its ``name``) for the classes of a module that have one."""
    class_name = ""
    for match in _CLASS_OR_NAME.finditer(source):
        if match[1]:
            class_name = match[1]
        elif class_name:
            yield class_name, match[2]
