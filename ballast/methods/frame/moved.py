"""Names under which something public was found before: they work for one more minor version, with a warning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
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


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Gives the ``__getattr__`` of a module in which some names, former to present, are called otherwise now."""

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(f"{module}.{name} is now called {names[name]}", DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], names[name])

    return get
