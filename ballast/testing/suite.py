"""The conformance suite as a whole: the checks of one method, for those of the catalogue and for yours."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

import numpy as np

from ballast.compute.threads import threads_for
from ballast.errors import ParameterError
from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import resolve
from ballast.methods.learners import LogisticRegression, TorchMLP
from ballast.testing import checks_promises, checks_refusals, checks_storage, checks_units  # noqa: F401  # they fill CHECKS
from ballast.testing.cases import Case, cases_of
from ballast.testing.registry import CHECKS, Check
from ballast.warehouse.models.store import ModelStore

BUDGET = "budget"


def checks_of(
    method: type[Method] | str, *, parameters: Mapping[str, Any] | None = None
) -> list[tuple[str, Callable[[], None]]]:
    """Gives the checks that apply to a method, as (name, check) pairs to parametrise a test with.

    A check is called without arguments and raises where the method does not hold what it is about;
    ``unittest.SkipTest`` where it needs a device that is not there. The last, "budget", sums the CPU seconds of those
    before it. One of a method's regression, where it has both tasks, ends in "[regression]".

    Parameters
    ----------
    method : the class, or its name in the catalogue.
    parameters : those to run it with, besides its ``quick`` ones.

    Raises ParameterError for an unknown name or parameter, and for a class without a role.
    """
    cls = resolve(method) if isinstance(method, str) else method
    if not (isinstance(cls, type) and issubclass(cls, Method) and cls.role):
        raise ParameterError(f"{method!r} cannot be checked: subclass one of the roles of ballast.methods.frame.base")
    cases = cases_of(cls, parameters)
    found = [
        (check.name + case.name.removeprefix(cases[0].name), _bound(check, case))
        for case in cases
        for check in CHECKS.values()
        if check.applies(case)
    ]
    return [*found, (BUDGET, cases[0].spent.hold)]


def _bound(check: Check, case: Case) -> Callable[[], None]:
    def run() -> None:
        _warm_up()
        with warnings.catch_warnings(), case.spent.check(check.name):
            warnings.simplefilter("ignore")
            check.run(case)

    return run


@cache
def _warm_up() -> None:
    """Makes torch and skops load what they do at their first use, so that it is not counted for a method."""
    X, y = np.arange(8.0)[:, None], np.arange(8) % 2
    model = TorchMLP(max_epochs=1, patience=None, device="cpu").fit(X, y)
    with TemporaryDirectory() as folder:
        store = ModelStore(folder)
        for warm in (model, LogisticRegression().fit(X, y)):
            store.load(store.save("warm/up", 1, warm))


def excuse(method: type[Method], name: str) -> str | None:
    """Gives the reason for which a method excepts itself from a check, None where it does not."""
    return method.conformance_exceptions.get(name.removesuffix("[regression]"))


def check_method(method: type[Method] | str, *, parameters: Mapping[str, Any] | None = None) -> None:
    """Holds a method of yours, or one of the catalogue, to all that every method keeps to.

    Among it: what its role promises; the same result from the same seed, from frames and arrays, in single precision,
    for rows in another order; parameters that it validates and keeps; a result or a plain reason for few, constant,
    huge and missing values; a fitted model that comes back from the store. The
    functions ``check_*`` of this package are the whole list.

    Parameters
    ----------
    method : the class, or its name in the catalogue.
    parameters : those to run it with, besides its ``quick`` ones.

    Raises AssertionError at the first check that fails, naming the method and the check; also for an entry of
    ``conformance_exceptions`` that names no check, or one that the method passes. Cost: ``LIMIT``
    CPU seconds at most, and some once a process to load what torch and skops need.
    """
    cls = resolve(method) if isinstance(method, str) else method
    checks = checks_of(cls, parameters=parameters)
    if unknown := set(cls.conformance_exceptions) - set(CHECKS):
        raise AssertionError(f"{cls.__name__}.conformance_exceptions names {sorted(unknown)}, which are not checks")
    for name, check in checks:
        try:
            with threads_for(0):
                check()
        except SkipTest:
            continue
        except Exception as error:
            if excuse(cls, name):
                continue
            raise AssertionError(f"{cls.__name__} fails the check {name!r}: {type(error).__name__}: {error}") from error
        if reason := excuse(cls, name):
            raise AssertionError(
                f"{cls.__name__} passes the check {name!r} from which it excepts itself ({reason}): delete the entry "
                "of its conformance_exceptions"
            )
