"""Python's syntax trees, which Python itself cannot make twice at once."""

from __future__ import annotations

import ast
import threading
from typing import Any, Literal

_alone = threading.RLock()
"""Python 3.11 counts for all threads together how deep it is in a tree, and may end with a SystemError."""
_TRIES = 100
"""Others take no lock: a traceback that is formatted in another thread, or while memory is collected, reads trees."""


def parsed(text: str | bytes) -> ast.Module:
    """Gives the syntax tree of a module, one thread at a time; SyntaxError and ValueError as ``ast.parse``."""
    return _parsed(text, "exec")


def parsed_expression(text: str) -> ast.expr:
    """Gives the syntax tree of an expression, one thread at a time; SyntaxError and ValueError as ``ast.parse``."""
    return _parsed(text, "eval").body


def _parsed(text: str | bytes, mode: Literal["exec", "eval"]) -> Any:
    for _ in range(_TRIES - 1):
        try:
            with _alone:
                return ast.parse(text, mode=mode)
        except SystemError:
            continue
    return ast.parse(text, mode=mode)
