"""Holding a table against a suite: one judgement for every expectation, whatever happens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ballast.errors import BallastError
from ballast.gates.own.form import Outcome
from ballast.gates.suite import OWN, Expectation, Severity

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext


@dataclass(frozen=True)
class Judgement:
    """What came of one expectation.

    Attributes
    ----------
    name, type : the expectation's.
    severity : the expectation's, or "warn" where it found no more than that.
    passed : False also where it could not be judged.
    observed : the figures it rests on, as plain numbers, texts and truths that JSON can hold.
    message : what was seen, where, and what to do about it, for people.
    """

    name: str
    type: str
    passed: bool
    severity: Severity
    observed: dict[str, float | int | str | bool]
    message: str

    @property
    def closes(self) -> bool:
        """Whether nothing may pass: it failed, and is more than a warning."""
        return not self.passed and self.severity == "error"


def judge(suite: Sequence[Expectation], frame: pd.DataFrame, context: GateContext) -> list[Judgement]:
    """Gives one judgement for every expectation of the suite, in its order.

    It fails closed: an expectation that raises, that rests on a figure which is not finite, or that Great Expectations
    gives no result for, did not pass. Great Expectations is imported only where the suite holds a built-in expectation.
    Cost: well under a millisecond plus a pass over the columns for Ballast's own expectations; see ``judge_builtins``
    for the others.
    """
    if not len(frame) and context.may_be_empty:
        said = "the table has no rows, which expect_row_count_at_least allows"
        return [Judgement(e.name, e.type, True, e.severity, {"rows": 0}, said) for e in suite]
    builtins = _judge_builtins([e for e in suite if not e.is_own], frame)
    return [judgement_of(e, _judge_own(e, frame, context) if e.is_own else builtins[e.name]) for e in suite]


def judgement_of(expectation: Expectation, outcome: Outcome) -> Judgement:
    """Gives the judgement that an outcome of an expectation is."""
    return Judgement(
        expectation.name,
        expectation.type,
        bool(outcome.passed),
        outcome.severity or expectation.severity,
        {k: plain(v) for k, v in (outcome.observed | _told_to_warn(outcome)).items()},
        outcome.message,
    )


def allows_no_rows(suite: Sequence[Expectation]) -> bool:
    """Says whether a table without rows is as it should be: `expect_row_count_at_least: {rows: 0}` says so."""
    return any(e.type == "expect_row_count_at_least" and e.arguments.get("rows") == 0 for e in suite)


WARNS = "warns_only"
"""What an expectation observes that failed and itself takes that for a warning."""


def _told_to_warn(outcome: Outcome) -> dict[str, bool]:
    return {WARNS: True} if outcome.severity == "warn" else {}


def _judge_own(expectation: Expectation, frame: pd.DataFrame, context: GateContext) -> Outcome:
    try:
        return OWN[expectation.type].model_validate(expectation.arguments).outcome(frame, context)
    except Exception as error:
        return closed(error)


def _judge_builtins(suite: Sequence[Expectation], frame: pd.DataFrame) -> dict[str, Outcome]:
    if not suite:
        return {}
    from ballast.gates.great_expectations.judging import judge_builtins

    dropped = Outcome(False, {}, "cannot be judged: Great Expectations gave no result for it")
    try:
        found = judge_builtins(suite, frame)
    except Exception as error:
        found, dropped = {}, closed(error)
    return {e.name: found.get(e.name, dropped) for e in suite}


def closed(error: Exception) -> Outcome:
    """Gives the outcome of an expectation that could not be judged."""
    said = str(error) if isinstance(error, BallastError) else f"{type(error).__name__}: {error}"
    return Outcome(False, {"error": type(error).__name__}, f"cannot be judged: {said}")


def plain(value: Any) -> float | int | str | bool:
    """Gives a plain number, text or truth; NaN and infinity, which JSON cannot hold, become text."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
