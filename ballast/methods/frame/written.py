"""What the text of a module says, without its prose: read once, and remembered on disk by the text itself."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

from ballast.files import write_whole
from ballast.syntax import parsed

PROSE = {"claim", "reference", "seeds", "survey_ids", "quick", "conformance_exceptions", "labels_are", "model_kind"}
"""Attributes of a class that say something of a method and do nothing in it."""
FOR_READERS = {"__future__", "collections.abc", "typing"}
"""Modules whose imports serve annotations."""
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Written:
    """What a module's text says.

    Attributes
    ----------
    digest : of the syntax tree without prose, the same on every Python.
    imports : (module, name taken from it or None), those inside functions too, those for type checkers left out.
    exports : (name, the module it comes from, its name there) of all that ``from ... import`` takes at the top.
    texts : the strings that could name a class, sorted.
    """

    digest: str
    imports: list[tuple[str, str | None]]
    exports: list[tuple[str, str, str]]
    texts: list[str]


@dataclass(frozen=True)
class Compiled:
    """What this Python makes of a module's text: digests of its functions by qualified name, and plain constants."""

    functions: dict[str, str]
    constants: dict[str, str]


def written(text: bytes, package: str) -> Written:
    """Gives what a text says, whose relative imports start from a package; SyntaxError, ValueError as ``ast.parse``."""
    return _remembered(f"written in {package}", text, Written, lambda: _written(text, package))


def compiled(text: bytes) -> Compiled:
    """Gives what Python makes of a text; SyntaxError and ValueError as ``compile``."""
    return _remembered(f"compiled by Python {sys.version}", text, Compiled, lambda: _compiled(text))


def said(code: CodeType) -> str:
    """Gives a digest of what a code object does: its instructions, names and constants, functions within it too."""
    return hashlib.sha256(_said(code).encode()).hexdigest()[:32]


# -- remembering -------------------------------------------------------------------------------------------------

_MOST = 4000
"""Texts that are remembered; a run of the largest pipelines meets a tenth."""
_at_work: ContextVar[dict[str, Any] | None] = ContextVar("_at_work", default=None)
_known: dict[Path, dict[str, Any]] = {}
_T = TypeVar("_T", Written, Compiled)


@contextmanager
def remembered_in(file: Path) -> Iterator[None]:
    """Keeps what texts say in a file, so that no other process reads them again: their hashes tell them apart.

    Where the file cannot be read or written nothing is remembered, and all is read again.
    """
    known = _known.setdefault(file, {})
    if not known:
        with suppress(OSError, ValueError):
            found = json.loads(file.read_text(encoding="utf-8"))
            known.update(found if isinstance(found, dict) else {})
    before, token = len(known), _at_work.set(known)
    try:
        yield
    finally:
        _at_work.reset(token)
        if len(known) > before:
            for key in list(known)[: max(0, len(known) - _MOST)]:
                del known[key]
            with suppress(OSError):
                write_whole(file, json.dumps(known))


@cache
def _reader() -> str:
    """Gives a digest of this module, on which all that it finds depends."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _remembered(what: str, text: bytes, kind: type[_T], read: Callable[[], _T]) -> _T:
    known = _at_work.get()
    if known is None:
        return read()
    key = hashlib.sha256(b"\0".join([_reader().encode(), what.encode(), text])).hexdigest()
    try:
        return kind(**known[key])
    except (KeyError, TypeError):
        found = read()
    known[key] = asdict(found)
    return found


# -- syntax trees ------------------------------------------------------------------------------------------------


def _written(text: bytes, package: str) -> Written:
    tree = parsed(text)
    reader = _Reader(package)
    reader.write(tree)
    exports = [
        (alias.asname or alias.name, reader.module_of(node), alias.name)
        for statement in tree.body
        for node in (getattr(statement, "body", []) if _for_type_checkers(statement) else [statement])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    digest = hashlib.sha256("".join(reader.written).encode()).hexdigest()
    return Written(digest, list(dict.fromkeys(reader.imports)), exports, sorted(reader.texts))


class _Reader:
    """Writes a syntax tree down without its prose, the same on every Python, and notes what it imports and names."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.written: list[str] = []
        self.imports: list[tuple[str, str | None]] = []
        self.texts: set[str] = set()

    def write(self, node: Any) -> None:
        if isinstance(node, ast.Raise):
            node = _Unworded().visit(node)
        if isinstance(node, list):
            self.written.append("[")
            for item in node:
                if not _is_prose(item):
                    self.write(item)
            self.written.append("]")
        elif isinstance(node, ast.AST):
            self.note(node)
            self.written.append(f"{type(node).__name__}(")
            for field in node._fields:
                value = getattr(node, field, None)
                if value is None or value == [] or field in ("ctx", "kind"):
                    continue
                self.written.append(f"{field}=")
                if field == "body" and isinstance(node, ast.ClassDef):
                    value = [statement for statement in value if not _assigned(statement) & PROSE]
                self.write(value)
            self.written.append(")")
        else:
            self.written.append(repr(node))

    def note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            self.imports += [(self.module_of(node), None if a.name == "*" else a.name) for a in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _PATH.fullmatch(node.value):
            self.texts.add(node.value)

    def module_of(self, node: ast.ImportFrom) -> str:
        """Gives the full name of the module of ``from ... import``, which may begin with dots."""
        if not node.level:
            return node.module or ""
        above = self.package.split(".")
        above = above[: len(above) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])


class _Unworded(ast.NodeTransformer):
    """Takes the words out of an error that is raised."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def _is_prose(node: Any) -> bool:
    """Says whether a statement is a docstring, or imports for type checkers and annotations alone."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.ImportFrom):
        return node.module in FOR_READERS and not node.level
    return _for_type_checkers(node)


def _for_type_checkers(node: Any) -> bool:
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return "TYPE_CHECKING" in (getattr(node.test, "id", None), getattr(node.test, "attr", None))


def _assigned(node: ast.stmt) -> set[str]:
    """Gives the names that a statement assigns to."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


# -- compiled code -----------------------------------------------------------------------------------------------


def _compiled(text: bytes) -> Compiled:
    codes = _codes(compile(text, "module", "exec"))
    constants = {name: repr(value) for name, value in _constants(text, parsed(text))}
    return Compiled({code.co_qualname: said(code) for code in codes}, constants)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _said(code: CodeType) -> str:
    return repr((code.co_code.hex(), code.co_names, code.co_varnames, [_constant(c) for c in code.co_consts]))


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _said(value)
    if isinstance(value, frozenset):  # whose order differs from process to process
        return repr(sorted(map(_constant, value)))
    return repr([_constant(item) for item in value]) if isinstance(value, tuple) else repr(value)


def _constants(text: bytes, tree: ast.Module) -> Iterator[tuple[str, Any]]:
    """Gives the plain constants that a module assigns at its top, and no function assigns anew."""
    inner = ast.walk(tree) if b"global" in text else ()  # walking takes long
    again = {name for node in inner if isinstance(node, ast.Global) for name in node.names}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from ((t.id, node.value.value) for t in node.targets if isinstance(t, ast.Name) and t.id not in again)
