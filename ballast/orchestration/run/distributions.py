"""The installed packages behind a step's code, each in the version that runs."""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions

from ballast.methods.frame.closure import file_of, installed, is_standard, reached, source
from ballast.methods.frame.index import index

_ARRAYS = {"numpy", "torch"}
_NAMED_OTHERWISE = {"sklearn": "scikit-learn"}
"""What most steps import; how other packages are distributed is looked up, which takes a third of a second."""


@cache
def versions(*uses: str) -> tuple[str, ...]:
    """Gives the packages that some classes, by catalogue name or import path, are of or import, sorted, with versions.

    All that a package requires counts with it. Of what Ballast's own code imports, only that counts which computes:
    NumPy, torch, and what requires one of them. A text that names no module does not count.
    """
    found: set[str] = set()
    for module in filter(None, map(module_of, uses)):
        if _is_foreign(module):
            found |= _behind(_top(module))
            continue
        for followed in reached(module):
            read = source(followed)
            for top in {_top(name) for name, _ in read.imports if _is_foreign(name)} if read else ():
                behind = _behind(top)
                found |= {d for d in behind if _computes(d)} if _top(followed) == "ballast" else behind
    return tuple(sorted(told for name in found for told in _told(name)))


def module_of(use: str) -> str | None:
    """Gives the module that a catalogue name or an import path stands for; None for any other text."""
    if use in index():
        return index()[use].module
    package = use.rpartition(".")[0]
    return next((module for module in (use, package) if "." in use and file_of(module) is not None), None)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_foreign(module: str) -> bool:
    top = _top(module)
    return bool(top) and top != "ballast" and installed(top) and not is_standard(top)


@cache
def _behind(top: str) -> frozenset[str]:
    """Gives the distributions that a top-level package is of and, with all that they require, imports."""
    return frozenset({f"import {top}", *(each for name in _names(top) for each in _required(name))})


@cache
def _names(top: str) -> list[str]:
    name = _NAMED_OTHERWISE.get(top, top)
    return [name] if _version(name) else packages_distributions().get(top, [])


@cache
def _required(name: str) -> frozenset[str]:
    """Gives a distribution and all those installed that it requires, extras left out; nothing where it is missing."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found and _version(name):
            found.add(name)
            waiting += [
                re.split(r"[^\w.-]", text, maxsplit=1)[0]
                for text in distribution(name).requires or ()
                if "extra ==" not in text
            ]
    return frozenset(found)


def _computes(name: str) -> bool:
    top = name.removeprefix("import ")
    return not _ARRAYS.isdisjoint(_behind(top) if top != name else _required(name))


@cache
def _version(name: str) -> str:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""


def _told(name: str) -> list[str]:
    """Gives a distribution's version, and digest of its files where these may change under one version.

    Of a package under the name that it is imported by, the version it was imported in, where it is another than that
    installed: it was installed anew since, or is of no distribution.
    """
    top = name.removeprefix("import ")
    if top == name:
        return [f"{name} {_version(name)}{_files(name)}"]
    loaded = str(getattr(sys.modules.get(top), "__version__", ""))
    known = {_version(each).partition("+")[0] for each in _names(top)}
    return [f"{name} {loaded}"] if loaded and loaded.partition("+")[0] not in known else []


@cache
def _files(name: str) -> str:
    """Gives a digest of a distribution's modules where it came from a folder or a repository, not from an index."""
    if distribution(name).read_text("direct_url.json") is None:
        return ""
    lines = (distribution(name).read_text("RECORD") or "").splitlines()
    code = sorted(line for line in lines if re.match(r"[^,]+\.(py|so|pyd),", line))
    return " " + hashlib.sha256("\n".join(code).encode()).hexdigest()
