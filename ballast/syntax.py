"""Python's syntax trees, which Python itself cannot make for two threads at once."""

from __future__ import annotations

import ast
import threading

_alone = threading.Lock()
"""Python 3.11 counts for all threads together how deep it is in a tree, and may end with a SystemError."""


def parsed(text: str | bytes) -> ast.Module:
    """Gives the syntax tree of a module, one thread at a time; SyntaxError and ValueError as ``ast.parse``."""
    with _alone:
        return ast.parse(text)


def parsed_expression(text: str) -> ast.expr:
    """Gives the syntax tree of an expression, one thread at a time; SyntaxError and ValueError as ``ast.parse``."""
    with _alone:
        return ast.parse(text, mode="eval").body
