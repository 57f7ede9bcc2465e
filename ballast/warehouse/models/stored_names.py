"""What model files call Ballast's own classes: by names that stay when modules move, never by modules.

A method goes by its name in the catalogue, another class by its attribute ``stored_name``; both stand behind
``ballast.methods.``, as in ``ballast.methods.kliep``. Files of before say the module and class of then.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from ballast.errors import ParameterError
from ballast.warehouse.models.old_names import OLD_NAMES

METHODS = "ballast.methods."
_DECLARED = re.compile(r'^ +stored_name\b[^=\n]*= "(\w+)"', re.MULTILINE)


def class_of(name: str) -> type[Any] | None:
    """Gives the class of Ballast's methods that a full name stands for, None if none of them goes by it.

    The name is one that files hold, of today or of before, or the class's module and name. A class must be defined
    where that says: a module of ours that imports something harmful does not make it ours.
    """
    name = OLD_NAMES.get(name, name)
    if name.startswith(METHODS) and name.count(".") == METHODS.count("."):
        return _called(name.removeprefix(METHODS))
    found = _defined(name)
    return found if found is not None and _called(_own_name(found)) is found else None


def stored(path: str) -> str:
    """Gives what a file calls the class with a full name: a name that stays for one of ours, else that full name."""
    cls = class_of(path)
    return path if cls is None else METHODS + _own_name(cls)


def todays(name: str) -> str:
    """Gives the module and class that what a file calls a class stands for; what is not one of ours stays as it is."""
    cls = class_of(name)
    return name if cls is None else f"{cls.__module__}.{cls.__qualname__}"


def is_nameless(path: str) -> bool:
    """Says whether a full name is that of a class of ours that files have no name for."""
    return _defined(path) is not None and class_of(path) is None


def _defined(path: str) -> type[Any] | None:
    if not path.startswith(METHODS) or not all(part.isidentifier() for part in path.split(".")):
        return None
    module, _, member = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), member, None)
    except ImportError:
        return None
    return found if isinstance(found, type) and f"{found.__module__}.{found.__qualname__}" == path else None


def _own_name(cls: type[Any]) -> str:
    """Gives the name that a class itself declares, not one that it inherits; "" if it declares none."""
    names = (vars(cls).get(attribute) for attribute in ("stored_name", "name"))
    return next((name for name in names if isinstance(name, str)), "")


def _called(name: str) -> type[Any] | None:
    from ballast.methods.frame.catalogue import resolve  # here, so that the warehouse stays quick to import

    if module := _declaring().get(name):
        classes = vars(importlib.import_module(module)).values()
        return next((c for c in classes if isinstance(c, type) and vars(c).get("stored_name") == name), None)
    try:
        return resolve(name) if name.isidentifier() else None
    except ParameterError:
        return None


@cache
def _declaring() -> dict[str, str]:
    """Gives the module of each ``stored_name``, as the modules' text has it, so that none is imported in vain."""
    import ballast.methods

    found = {}
    for folder in map(Path, ballast.methods.__path__):
        for file in sorted(folder.rglob("*.py")):
            module = METHODS + ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            found |= dict.fromkeys(_DECLARED.findall(file.read_text(encoding="utf-8")), module)
    return found
