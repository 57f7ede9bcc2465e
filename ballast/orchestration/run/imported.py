"""The modules of a user's own, which may be edited or loaded anew while the process runs."""

from __future__ import annotations

import ast
import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ballast.errors import OutdatedError
from ballast.methods.frame import closure
from ballast.methods.frame.imported import edited_since
from ballast.orchestration.run.distributions import module_of
from ballast.syntax import parsed


@cache
def own_modules(*uses: str) -> tuple[str, ...]:
    """Gives the modules, of no installed package and not Ballast's, that some classes reach by imports, sorted."""
    modules = [m for m in map(module_of, uses) if m is not None and not closure.installed(m.partition(".")[0])]
    found = tuple(m for m in sorted(closure.reached(*modules)) if m.partition(".")[0] != "ballast")
    for module in found:
        _imports.setdefault(module, _import_of(module))
    return found


@cache
def as_imported(*modules: str) -> tuple[str, ...]:
    """Gives the plain attributes of classes, as they were imported, whose modules' files say another value by now.

    What else of a module was edited since its import, its digest knows already.
    """
    return tuple(f"{module}.{name} = {value}" for module in modules for name, value in _attributes(module))


def _attributes(module: str) -> list[tuple[str, str]]:
    file = closure.file_of(module)
    if file is None or module not in sys.modules:
        return []
    try:
        return list(_other_attributes(module, parsed(file.read_bytes())))
    except (OSError, SyntaxError, ValueError):
        return []


def check_unedited(what: str, modules: Iterable[str]) -> None:
    """Raises OutdatedError where the file of a module that something runs by says other than what is known of it.

    Which of the two texts ran, or runs in the processes that it starts, cannot be told then.
    """
    if changed := _changed(modules):
        raise OutdatedError(
            f"{what} does not run: {closure.file_of(changed[0])} was edited after this process had read it for the "
            f"module {changed[0]}; run it in a new process (in Dagster, reload the code location)"
        )


def look_again(run_id: str, modules: frozenset[str]) -> list[str]:
    """Gives what a run says of modules that were edited since their import; nothing when it asks again.

    What was read of modules is forgotten where all that differ were loaded anew, or not loaded before.
    """
    if run_id in _looked:
        return []
    _looked[run_id] = None
    while len(_looked) > _RUNS:
        _looked.popitem(last=False)
    changed = _changed(sorted(modules))
    as_before = [m for m in changed if _is_edited(m) or (_imports[m] is not None and _import_of(m) is _imports[m])]
    if changed and not as_before:
        for known in (closure.source, closure.digest, own_modules, as_imported):
            known.cache_clear()
        _imports.clear()
    edited = dict.fromkeys([*as_before, *filter(_is_edited, sorted(modules))])
    return [
        f"{closure.file_of(module)} was edited after this process had imported {module}: "
        "restart the process (in Dagster, reload the code location) to run what the file says now"
        for module in edited
    ]


_imports: dict[str, object] = {}
"""How a module was imported when it was first read: another spec stands in it once it is loaded anew."""
_same: dict[str, tuple[os.stat_result, object]] = {}
"""The file and the import at which a module was last seen to be as it was read."""


def _import_of(module: str) -> object:
    return getattr(sys.modules.get(module), "__spec__", None)


def _changed(modules: Iterable[str]) -> list[str]:
    """Gives the modules whose files say other than what was first read of them, which is what their digests are of."""
    found = []
    for module in modules:
        before, spec = closure.source(module), _import_of(module)
        try:
            state = Path(str(closure.file_of(module))).stat()
        except OSError:
            state = None
        last = _same.get(module)
        if before is None or (last is not None and last[1] is spec and _is_same(last[0], state)):
            continue
        now = closure.source.__wrapped__(module)
        if state is None or now is None or now.digest != before.digest:
            found.append(module)
        else:
            _same[module] = state, spec
    return found


def _is_same(one: os.stat_result, other: os.stat_result | None) -> bool:
    return other is not None and all(
        getattr(one, name) == getattr(other, name) for name in ("st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    )


_looked: OrderedDict[str, None] = OrderedDict()
_RUNS = 64
"""Runs that are remembered to have looked."""


def _is_edited(module: str) -> bool:
    file = closure.file_of(module)
    if file is None or module not in sys.modules:
        return False
    try:
        text = file.read_bytes()
        tree = parsed(text)
    except (OSError, SyntaxError, ValueError):
        return True
    return edited_since(module, text) is not None or any(_other_attributes(module, tree))


def _other_attributes(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Gives the attributes of a module's classes that are not what the file assigns, each as it is.

    Those that the module itself assigns anew, such as counters, are left out.
    """
    again = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
    for node in tree.body:
        cls = vars(sys.modules[module]).get(node.name) if isinstance(node, ast.ClassDef) else None
        if isinstance(cls, type):
            for name, value in _constants(node):
                if name in vars(cls) and name not in again and repr(vars(cls)[name]) != repr(value):
                    yield f"{cls.__name__}.{name}", repr(vars(cls)[name])


def _constants(cls: ast.stmt) -> Iterator[tuple[str, object]]:
    for node in getattr(cls, "body", ()):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant):
            yield from ((target.id, value.value) for target in targets if isinstance(target, ast.Name))
