"""Whether a module's file still says what the process has imported of it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any

from ballast.methods.frame.written import compiled, said


def edited_since(module: str, text: bytes) -> str | None:
    """Gives a digest of a module's code as it was imported, where its file, whose text this is, now says another.

    None where the two are the same, and for a module that is not imported, or by a loader that rewrites what the file
    says (as pytest's does). Functions, methods and plain constants are compared; names that the module itself assigns
    anew are not. SyntaxError and ValueError where the text is not Python.
    """
    loaded = sys.modules.get(module)
    if loaded is None or type(loaded.__loader__) is not SourceFileLoader:
        return None
    now = compiled(text)
    live = {f.__qualname__: said(f.__code__) for f in _functions(loaded)}
    here = {name: repr(vars(loaded)[name]) for name in now.constants if name in vars(loaded)}
    both = live.keys() & now.functions.keys()
    if all(live[name] == now.functions[name] for name in both) and all(here[n] == now.constants[n] for n in here):
        return None
    return hashlib.sha256(repr((sorted(live.items()), here)).encode()).hexdigest()


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Gives the functions and methods that a module has defined, without what decorators put around them."""
    for value in list(vars(module).values()):
        members = vars(value).values() if inspect.isclass(value) and value.__module__ == module.__name__ else [value]
        for member in members:
            inner: Any = member
            if isinstance(member, classmethod | staticmethod):
                inner = member.__func__
            elif isinstance(member, property):
                inner = member.fget
            inner = inspect.unwrap(inner) if callable(inner) else inner
            if isinstance(inner, FunctionType) and inner.__module__ == module.__name__:
                yield inner
