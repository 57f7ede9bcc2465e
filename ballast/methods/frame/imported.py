"""Whether a module's file still says what the process has imported of it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any


def edited_since(module: str, text: bytes, tree: ast.Module) -> str | None:
    """Gives a digest of a module's code as it was imported, where its file, whose text this is, now says another.

    None where the two are the same, and for a module that is not imported, or by a loader that rewrites what the file
    says (as pytest's does). Functions, methods and plain constants are compared; names that the module itself assigns
    anew are not.
    """
    loaded = sys.modules.get(module)
    if loaded is None or type(loaded.__loader__) is not SourceFileLoader:
        return None
    written = {code.co_qualname: code for code in _codes(compile(text, module, "exec"))}
    live = {f.__qualname__: f.__code__ for f in _functions(loaded)}
    constants = {name: value for name, value in _constants(text, tree) if name in vars(loaded)}
    here = {name: vars(loaded)[name] for name in constants}
    both = live.keys() & written.keys()
    if all(_same(live[name], written[name]) for name in both) and repr(here) == repr(constants):
        return None
    return hashlib.sha256(repr((sorted((n, _said(live[n])) for n in live), here)).encode()).hexdigest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _same(live: CodeType, written: CodeType) -> bool:
    return live == written or _said(live) == _said(written)  # equal are those that stand in the same lines, too


def _said(code: CodeType) -> str:
    """Gives what a code object does: its instructions, names and constants, those of the functions in it too."""
    return repr((code.co_code.hex(), code.co_names, code.co_varnames, [_constant(c) for c in code.co_consts]))


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _said(value)
    if isinstance(value, frozenset):  # whose order differs from process to process
        return repr(sorted(map(_constant, value)))
    return repr([_constant(item) for item in value]) if isinstance(value, tuple) else repr(value)


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


def _constants(text: bytes, tree: ast.Module) -> Iterator[tuple[str, Any]]:
    inner = ast.walk(tree) if b"global" in text else ()  # walking takes long
    again = {name for node in inner if isinstance(node, ast.Global) for name in node.names}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from ((t.id, node.value.value) for t in node.targets if isinstance(t, ast.Name) and t.id not in again)
