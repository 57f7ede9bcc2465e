"""What a class depends on: the modules that it reaches by its imports, and a digest of what their code says.

Files are read and nothing is imported, so that it costs milliseconds. Docstrings, comments, cards and the wording of
errors do not count: prose changes no result.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ballast.methods.frame.imported import edited_since
from ballast.methods.frame.index import index
from ballast.methods.frame.written import written


@dataclass(frozen=True)
class Source:
    """A module's file, as far as it decides what the code does.

    Attributes
    ----------
    digest : of the syntax tree without prose; of the code as it was imported, where a user's file was edited since.
    imports : (module, name taken from it or None), those inside functions too, those for type checkers left out.
    exports : where a name that the module passes on comes from.
    texts : its strings that could name a class.
    """

    digest: str
    imports: tuple[tuple[str, str | None], ...]
    exports: dict[str, tuple[str, str]]
    texts: frozenset[str]


def closure(*modules: str, within: Callable[[str], bool] | None = None) -> frozenset[str]:
    """Gives the modules that some reach by imports, and these themselves.

    By default those of Ballast, of the packages that the given ones are of, and of all that lies in no installed
    package: a user's own. A package's ``__init__`` counts with what it passes on of the names that are taken.
    """
    tops = {"ballast", *(_top(module) for module in modules)}
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or not (within is None or within(module)) or (read := source(module)) is None:
            continue
        found.add(module)
        taken = [(m, name) for m, name in read.imports if _top(m) in tops or not installed(_top(m))]
        waiting += [_home(m, name) for m, name in taken]
    return frozenset(found)


def digest_of(modules: Iterable[str]) -> str:
    """Gives a digest of what the code of some modules says."""
    return hashlib.sha256("\n".join(f"{m} {_read(m).digest}" for m in sorted(modules)).encode()).hexdigest()


@cache
def digest(*uses: type | str) -> str:
    """Gives what changes when the code behind some classes does: a digest of all that they reach.

    A class is given itself, or by its catalogue name or import path; a text that is neither does not count. A method
    that a text in the code names is reached as well. Installed packages other than Ballast count with their version and
    the class's own module.
    """
    parts: list[str] = []
    modules: set[str] = set()
    for use in uses:
        module = _named(use) if isinstance(use, str) else use.__module__
        if module is None:
            continue
        top = _top(module)
        if source(module) is None:
            parts.append(_text(use))
        elif installed(top) and top != "ballast" and not _is_method(use):
            parts.append(f"{top} {getattr(sys.modules.get(top), '__version__', '')} {_read(module).digest}")
        else:
            modules.add(module)
    return hashlib.sha256("\n".join([*sorted(parts), digest_of(reached(*modules))]).encode()).hexdigest()


def reached(*modules: str) -> frozenset[str]:
    """Gives the closure of some modules and of the methods that the texts in it name."""
    found: frozenset[str] = frozenset()
    while (wider := closure(*modules)) != found:  # a named file that is gone or is not Python widens nothing
        found = wider
        named = {module for m in found for text in _read(m).texts if (module := _named(text)) is not None}
        modules += tuple(m for m in sorted(named - found) if _top(m) == "ballast" or not installed(_top(m)))
    return found


def _text(use: type | str) -> str:
    """Gives the text of a class that no file holds, such as a notebook's; its name where even that is unknown."""
    try:
        return inspect.getsource(use) if isinstance(use, type) else use
    except (OSError, TypeError):
        return f"{use.__module__}.{use.__qualname__}" if isinstance(use, type) else use


def _is_method(use: type | str) -> bool:
    return isinstance(use, type) and any(base.__module__ == "ballast.methods.frame.base" for base in use.__mro__)


def _named(text: str) -> str | None:
    """Gives the module of the class that a text names: a catalogue name, or an import path of what has a file."""
    if text in index():
        return index()[text].module
    package = text.rpartition(".")[0]
    return next((module for module in (text, package) if "." in text and file_of(module) is not None), None)


def _home(module: str, name: str | None) -> str:
    """Gives the module that ``from module import name`` means: a submodule, or the one that a package takes it from."""
    passed: set[tuple[str, str | None]] = set()
    while name is not None and (module, name) not in passed:  # two packages may take a name from one another
        passed.add((module, name))
        if file_of(f"{module}.{name}") is not None:
            return f"{module}.{name}"
        read = source(module)
        module, name = read.exports.get(name, (module, name)) if read is not None else (module, name)
    listed = (e.module for e in index().values() if e.class_name == name and e.module.startswith(f"{module}."))
    return next(listed, module)  # a room gives the methods below it (ballast.methods.frame.catalogue.exports)


# -- files -------------------------------------------------------------------------------------------------------


_PACKAGES = {"site-packages", "dist-packages"}


@cache
def installed(top: str) -> bool:
    """Says whether a top-level module is the standard library's or an installed package's, or has no Python file."""
    places = _places(top)
    return is_standard(top) or not places or any(not _PACKAGES.isdisjoint(place.parts) for place in places)


@cache
def is_standard(top: str) -> bool:
    """Says whether a top-level module is of Python's standard library, its own tests among it."""
    library = sysconfig.get_path("stdlib")
    return top in sys.stdlib_module_names or any(
        place.is_relative_to(library) and _PACKAGES.isdisjoint(place.parts) for place in _places(top)
    )


def _places(top: str) -> list[Path]:
    return [file] if (file := file_of(top)) else list(_folders(top))


@cache
def file_of(module: str) -> Path | None:
    """Gives the Python file of a module, found without importing it; None where it has none."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is None:
        package, _, name = module.rpartition(".")
        if package:
            places = [f / p for f in _folders(package) for p in (f"{name}/__init__.py", f"{name}.py")]
            loaded = next((str(place) for place in places if place.is_file()), None)
        else:
            loaded = getattr(_spec(module), "origin", None)
    return Path(loaded) if loaded and loaded.endswith(".py") else None


@cache
def _folders(package: str) -> tuple[Path, ...]:
    """Gives the folders that a package's modules lie in."""
    loaded = getattr(sys.modules.get(package), "__path__", None)
    above, _, name = package.rpartition(".")
    if loaded is None and above:
        return tuple(f / name for f in _folders(above) if (f / name).is_dir())
    return tuple(map(Path, loaded or getattr(_spec(package), "submodule_search_locations", None) or ()))


def _spec(top: str) -> Any:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):  # the latter for __main__
        return None


@cache
def source(module: str) -> Source | None:
    """Reads a module's file, once a process; None where it has none or is not valid Python."""
    file = file_of(module)
    if file is None:
        return None
    is_package = file.name == "__init__.py"
    try:
        text = file.read_bytes()
        read = written(text, module if is_package else module.rpartition(".")[0])
        as_imported = None if installed(_top(module)) else edited_since(module, text)
    except (OSError, SyntaxError, ValueError):
        return None
    exports = {name: (home, there) for name, home, there in read.exports} if is_package else {}
    imports = tuple((imported, name) for imported, name in read.imports)
    return Source(as_imported or read.digest, imports, exports, frozenset(read.texts))


def _read(module: str) -> Source:
    read = source(module)
    assert read is not None
    return read


def _top(module: str) -> str:
    return module.partition(".")[0]
