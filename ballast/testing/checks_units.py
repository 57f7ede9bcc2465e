"""Checks of the units that rows are of, which folds and what is left out must not part."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Method
from ballast.testing.cases import Case
from ballast.testing.contracts import contract_or_error
from ballast.testing.outcomes import outcome
from ballast.testing.registry import check
from ballast.testing.world import arguments, each

PARTS = re.compile(r"folds?$|folds?_|held_out|hold_out|leave_one_out|left_out|train_test_split|cross_val_|validation_")
"""What code calls folds, and rows that it holds out or leaves out."""


@check(lambda case: any(PARTS.search(name) for name in _names(case.cls)))
def check_parted_rows_take_units(case: Case) -> None:
    """What deals rows to folds, or leaves some out, asks for the unit that each is of."""
    found = sorted({name for name in _names(case.cls) if PARTS.search(name)})
    assert "dependence" in case.vocabulary, (
        f"it parts rows ({', '.join(found[:4])}) and no call takes dependence, so that rows of one unit end on both "
        "sides: take it, and deal by ballast.methods.common.folds"
    )


@check(lambda case: "dependence" in case.needs())
def check_one_unit(case: Case) -> None:
    """Where all rows are of one unit there is nothing to hold out, and no test finds anything."""
    given = each(arguments(case), lambda name, v: np.zeros_like(v) if name.startswith("dependence") else v)
    if case.cls.role != "test":
        contract_or_error(case, given)
        return
    try:
        report = outcome(case, given).given
    except DataError as error:
        said = str(error)
    else:
        assert not report.rejected, f"rejects, with one unit in each sample (p {report.p_value})"
        return
    assert "dependence" in said, f"the message does not name dependence: {said}"


def _names(cls: type[Method]) -> Iterator[str]:
    """Gives the names in the code of a class and of those that it is made of; none where there is no source of it."""
    for part in cls.__mro__:
        if not issubclass(part, Method) or part.__module__.startswith("ballast.methods.frame"):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            for field in ("id", "attr", "arg", "name"):
                if isinstance(name := getattr(node, field, None), str) and not isinstance(node, ast.ClassDef):
                    yield name.lower()
