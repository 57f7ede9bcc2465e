"""The list of checks, which those modules fill that hold them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ballast.testing.cases import Case


@dataclass(frozen=True)
class Check:
    """A check: raises where a case does not hold what it is about, for the cases that it applies to."""

    name: str
    run: Callable[[Case], None]
    applies: Callable[[Case], bool]


CHECKS: dict[str, Check] = {}


def check(
    applies: Callable[[Case], bool] = lambda case: True,
) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Registers a function ``check_<name>(case)``."""

    def register(function: Callable[[Case], None]) -> Callable[[Case], None]:
        name = function.__name__.removeprefix("check_")
        CHECKS[name] = Check(name, function, applies)
        return function

    return register
