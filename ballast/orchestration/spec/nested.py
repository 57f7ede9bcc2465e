"""What a `use` of a pipeline's YAML stands for: looked up with care, for importing a module runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ballast.errors import BallastError, ParameterError
from ballast.methods.frame.catalogue import resolve
from ballast.words import shown

_USE = re.compile(r"(?!__)[A-Za-z_]\w*(\.(?!__)[A-Za-z_]\w*)*")  # no __main__, whose import runs a program
_LONGEST = 300


def class_of(use: Any) -> type[Any]:
    """Gives the class for a catalogue name or an import path.

    Raises ParameterError for what is neither, and for whatever the import of another package raises or ends with.
    """
    if not isinstance(use, str) or not _USE.fullmatch(use) or len(use) > _LONGEST:
        raise ParameterError(
            f"{shown(use)} is not a method: use a name from `ballast catalog` or an import path, package.Class"
        )
    try:
        return resolve(use)
    except BallastError:
        raise
    except (Exception, SystemExit) as error:
        raise ParameterError(f"cannot import {use!r}: {type(error).__name__}: {error}") from error


def nested_uses(value: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Gives the parameters that are themselves ``{use: ..., params: ...}``, each with its key."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from nested_uses(item, f"{key}[{position}]")
    elif isinstance(value, dict):
        if "use" in value and set(value) <= {"use", "params"}:
            yield key, value
        for name, item in value.items():
            yield from nested_uses(item, f"{key}.{name}")
