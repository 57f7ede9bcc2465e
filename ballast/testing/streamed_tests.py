"""How the conformance suite holds tests that learn in batches against ``test`` on all rows."""

from __future__ import annotations

import pickle
from typing import Any

import pandas as pd

from ballast.errors import BallastError, DataError
from ballast.methods.frame.reports import TestReport
from ballast.testing.cases import Case, settings
from ballast.testing.contracts import refuses
from ballast.testing.streams import ROUNDING, dealt, refusals
from ballast.testing.world import Arguments, M, N


def holds(case: Case, given: Arguments) -> None:
    """Asserts all of it, with each parameter at its edges, and for rows that ``test`` refuses."""
    needed = {name: given[name] for name in case.needs(required=True)}
    for change in [{}, *settings(case)]:
        _agrees(case, needed, change)
    for hostile in refusals(needed):
        _agrees(case, hostile, {})
    _refuses_others(case, needed)


def _agrees(case: Case, given: Arguments, change: dict[str, Any]) -> None:
    """Asserts that batches in order come to the report of ``test``, or are refused in the same words."""
    try:
        with case.spent.fit(case.make(**change)):
            whole = case.make(**change).test(**given)
    except BallastError as error:
        with refuses(type(error), str(error), alone=True):
            case.make(**change).partial_fit(**given).finalize()
        return
    _same(case.make(**change).partial_fit(**given).finalize(), whole)
    if {len(value) for value in given.values()} <= {N, M}:
        _agrees_cut(case, given, change, whole)


def _agrees_cut(case: Case, given: Arguments, change: dict[str, Any], whole: TestReport) -> None:
    batches = dealt(case, given)
    tables = [{k: v.copy() for k, v in batch.items() if isinstance(v, pd.DataFrame)} for batch in batches]
    one, first, rest = (case.make(**change) for _ in range(3))
    for i, batch in enumerate(batches):
        assert one.partial_fit(**batch) is one, "partial_fit does not give the object itself"
        (first if i < 2 else rest).partial_fit(**batch)
    _same(one.finalize(), whole)
    _same(one.finalize(), whole)  # which changes nothing
    rest = pickle.loads(pickle.dumps(rest))
    before = pickle.dumps(rest)
    assert first.merge(rest) is first, "merge does not give the object itself"
    assert pickle.dumps(rest) == before, "merge changes what is merged"
    _same(first.finalize(), whole)
    _same(case.make(**change).merge(first).finalize(), whole)  # an empty object is the neutral element
    _same(first.merge(case.make(**change)).finalize(), whole)
    for batch, table in zip(batches, tables, strict=True):
        for name, value in table.items():
            pd.testing.assert_frame_equal(batch[name], value)


def _same(found: TestReport, whole: TestReport) -> None:
    assert isinstance(found, TestReport), f"finalize gave {type(found).__name__}, not a TestReport"
    pd.testing.assert_frame_equal(found.table, whole.table, rtol=ROUNDING, atol=ROUNDING)
    assert found.rejected == whole.rejected, "the verdict is not that of all rows at once"
    pd.testing.assert_series_equal(
        pd.Series(found.summary, dtype=float), pd.Series(whole.summary, dtype=float), rtol=ROUNDING, atol=ROUNDING
    )


def _refuses_others(case: Case, given: Arguments) -> None:
    """Asserts that nothing counted, other parameters and other objects are refused, and change nothing."""
    counted, before = case.make().partial_fit(**given), case.make().partial_fit(**given).finalize()
    for change in settings(case):
        with refuses(DataError, f"{case.owner}: parameter {next(iter(change))!r} is"):
            counted.merge(case.make(**change))
    for bad in (counted, case):
        with refuses(DataError, ".merge takes another"):
            counted.merge(bad)
    with refuses(DataError, "partial_fit"):
        counted.partial_fit()
    first, *others = given
    with refuses(DataError, "no training rows"):
        case.make().finalize()
    if others:
        with refuses(DataError, f"({others[0]}) were counted"):
            case.make().partial_fit(**{first: given[first]}).finalize()
    _same(counted.finalize(), before)
