"""What a method gives for a set of arguments; what many checks look at is made once a process."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ballast.testing.cases import Case
from ballast.testing.world import Arguments, arguments, as_they_are, each, locked


@dataclass(frozen=True)
class Outcome:
    """Everything a method gave for one set of arguments.

    Attributes
    ----------
    method : the fitted object.
    rows : arrays over the rows of the sample, by the call or attribute they come from.
    numbers : point values, whatever the role.
    given : the report of a test or assessor, the (X, y) of a sampler.
    """

    method: Any
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    given: Any = None


def outcome(case: Case, given: Arguments, method: Any = None) -> Outcome:
    """Fits the method on the arguments and makes all its further calls on the same rows."""
    method = method or case.make()
    role, entry = case.cls.role, case.cls.entry_points[0]
    with case.spent.fit(method):
        result = getattr(method, entry)(**{name: given[name] for name in case.needs(entry) if name in given})
    if role == "test":
        table = result.table.set_index("feature")
        return Outcome(method, numbers=_flat(table.select_dtypes("number")) | result.summary, given=result)
    if role == "assessor":
        keyed = result.table.set_index(["metric", "model", "versus", "slice"])
        return Outcome(method, numbers=_flat(keyed[["value"]]), given=result)
    if role == "sampler":
        return Outcome(method, given=result)
    if result is not method:
        raise AssertionError(f"{entry} gave {type(result).__name__}, not the method itself")
    return Outcome(method, rows=later(case, method, given))


def later(case: Case, method: Any, given: Arguments) -> dict[str, np.ndarray]:
    """Gives what the calls after ``fit`` give for the same rows."""
    rows = {"weights_": method.weights_} if case.cls.role == "weigher" else {}
    for entry in case.entries[1:]:
        rows[entry] = np.asarray(getattr(method, entry)(**{k: given[k] for k in case.needs(entry) if k in given}))
    if case.cls.role == "scorer":
        rows["flag"] = method.flag(rows["score_samples"])
    return rows


@cache
def shared(case: Case, change: Callable[[Arguments], Arguments] = as_they_are) -> Outcome:
    """Gives the outcome of the case's arguments in one form. Its arrays are read-only; its method is only looked at."""
    found = outcome(case, change(arguments(case)))
    given = tuple(locked("", part) for part in found.given) if isinstance(found.given, tuple) else found.given
    return Outcome(found.method, each(found.rows, locked), found.numbers, given)


def fitted(case: Case, change: Callable[[Arguments], Arguments] = as_they_are) -> Any:
    """Gives a fitted method of one's own, to make calls on."""
    return deepcopy(shared(case, change).method)


def _flat(frame: pd.DataFrame) -> dict[str, float]:
    return {f"{index} {column}": float(v) for column in frame for index, v in frame[column].items()}
