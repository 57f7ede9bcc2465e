"""What every method of the catalogue keeps to, whatever it computes: each check of ``ballast.testing``, each method.

A method that cannot keep to one says so in its ``conformance_exceptions``, with the reason; the test then expects it
to fail, and complains when it does not. The tests of a method run on one worker, in order, since they share its fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ballast.methods.frame.catalogue import methods
from ballast.testing import checks_of
from ballast.testing.registry import CHECKS
from ballast.testing.suite import excuse


def grid() -> Iterator[Any]:
    for name, cls in methods().items():
        for check_name, check in checks_of(cls):
            marks = []
            if check_name.startswith("gpu_equals_cpu"):
                marks.append(pytest.mark.gpu)
            if reason := excuse(cls, check_name):
                marks.append(pytest.mark.xfail(reason=reason, strict=True))
            yield pytest.param(check, id=f"{name}-{check_name}", marks=marks)


@pytest.mark.parametrize("check", grid())
def test_method_when_checked_then_conforms(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("cls", methods().values(), ids=methods().keys())
def test_conformance_exceptions_when_declared_then_name_a_check_and_a_reason(cls) -> None:
    for name, reason in cls.conformance_exceptions.items():
        assert name in CHECKS, f"{cls.name} excepts itself from {name!r}, which is not a check"
        assert len(reason.split()) >= 3, f"{cls.name} gives no reason for {name!r}"
