"""Names under which something public was found before: they work for one more minor version, with a warning."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any


def moved(old: str, new: str) -> Callable[[str], Any]:
    """Gives the ``__getattr__`` of a module that is now called ``new``."""

    def get(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(new), name)
        warnings.warn(f"{old} is now {new}; import {name} from there", DeprecationWarning, stacklevel=2)
        return value

    return get
