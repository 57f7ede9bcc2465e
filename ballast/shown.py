"""Objects that people look at: in a notebook, in a terminal, and as a picture.

What they look like is made in a higher part of the package, which loads when the first object is looked at. The
package says which part (``show_by``), so that a method depends on none of it: neither by its imports nor in the digest
of what its results come from.
"""

from __future__ import annotations

import importlib
from typing import Any

_BY: list[str] = []


def show_by(module: str) -> None:
    """Names the module whose ``text``, ``html`` and ``figure`` give what is seen of an object."""
    _BY[:] = [module]


def view(of: Any, kind: str, *arguments: Any) -> Any:
    """Gives what is seen of an object: its "text", its "html" or its "figure"."""
    return getattr(importlib.import_module(*_BY), kind)(of, *arguments)


def public(names: Any, hidden: frozenset[str] = frozenset()) -> list[str]:
    """Gives the names of an object that ``dir`` is to list: Python's own and those for users, no internals."""
    return sorted(n for n in set(names) - hidden if not n.startswith("_") or (n.startswith("__") and n.endswith("__")))


class Shown:
    """An object that shows itself as text in a terminal and as HTML in a notebook."""

    def __repr__(self) -> str:
        return view(self, "text")

    def _repr_html_(self) -> str:
        return view(self, "html")

    def __dir__(self) -> list[str]:
        return public(super().__dir__())
