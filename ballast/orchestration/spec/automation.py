"""What `automation:` names: one of Dagster's conditions, or one of the project's own."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import dagster as dg

from ballast.errors import nearest
from ballast.words import in_words, one_line


def condition_of(given: str | dict[str, Any]) -> dg.AutomationCondition:
    """Gives the condition of a name ("eager"), of a name with its arguments, or of an import path.

    `{on_cron: "0 6 * * *"}` gives the arguments of one that needs some, by name where there are several. At an import
    path stands a condition, or a function without arguments that gives one. It holds only while no gate behind what an
    asset reads is closed.

    Raises ValueError for anything else.
    """
    name, arguments = next(iter(given.items()), ("", None)) if isinstance(given, dict) else (given, None)
    if isinstance(given, dict) and len(given) != 1:
        raise ValueError("name one condition, with its arguments, as {on_cron: '0 6 * * *'}")
    made = _imported(name) if "." in name else _of_dagster(name, arguments)
    return made & dg.AutomationCondition.all_deps_blocking_checks_passed()


def _of_dagster(name: str, arguments: Any) -> dg.AutomationCondition:
    known = {n: member for n, member in vars(dg.AutomationCondition).items() if isinstance(member, staticmethod)}
    if name not in known:
        raise ValueError(
            f"{name!r} is not a condition of Dagster{nearest(name, known)}; use eager, on_missing, "
            "{on_cron: '0 6 * * *'}, or the import path of your own, package.module.CONDITION"
        )
    make = getattr(dg.AutomationCondition, name)
    given = arguments if isinstance(arguments, dict) else {}
    positional = () if isinstance(arguments, dict) or arguments is None else (arguments,)
    try:
        return make(*positional, **given)
    except Exception as error:  # Dagster's checks have errors of their own
        takes = in_words(inspect.signature(make).parameters) or "nothing"
        raise ValueError(f"{name} takes {takes}: {one_line(str(error), 200)}") from error


def _imported(path: str) -> dg.AutomationCondition:
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
        found = found() if callable(found) and not isinstance(found, dg.AutomationCondition) else found
    except (Exception, SystemExit) as error:  # a module of the user's may raise or do anything
        raise ValueError(f"cannot import {path!r}: {type(error).__name__}: {one_line(str(error), 200)}") from error
    if not isinstance(found, dg.AutomationCondition):
        raise ValueError(f"{path!r} is a {type(found).__name__}, not an AutomationCondition")
    return found
