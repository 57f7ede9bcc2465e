"""Modules of packages that only an extra brings."""

from __future__ import annotations

import importlib
from typing import Any

from ballast.bundles.requirements import BALLAST
from ballast.errors import MissingDependencyError


def needed(module: str, extra: str) -> Any:
    """Gives a module; MissingDependencyError, which names the extra, where its package is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"the format {extra} needs {module.partition('.')[0]} ({error}); install it with: "
            f"pip install '{BALLAST}[{extra}]'"
        ) from error
