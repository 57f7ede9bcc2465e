"""What Ballast's own expectations share: their form, and how they read a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from ballast.errors import DataError, nearest
from ballast.words import in_words, listed, spaced

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext


class Outcome(NamedTuple):
    """What an expectation saw: whether it holds, the numbers it rests on, and the sentence for people.

    ``severity`` is "warn" for a failure that the expectation itself takes for a warning.
    """

    passed: bool
    observed: dict[str, Any]
    message: str
    severity: Literal["warn"] | None = None


class Own(BaseModel):
    """Base of Ballast's own expectations: the fields are the arguments, the docstring's first line the card.

    The name in YAML is the class name in snake case. ``stages`` are those whose tables it can judge; none: any.
    ``between_roles`` says that it checks one data role against others. Roles are read at the same time by different
    processes, so that of a source it is judged while it is stored, one after the other. ``mutual`` says that the
    others are then held against it just so, whichever is stored last. ``on_no_rows`` says that it has something to say
    of a table without rows.
    """

    stages: ClassVar[tuple[str, ...]] = ()
    between_roles: ClassVar[bool] = False
    mutual: ClassVar[bool] = False
    on_no_rows: ClassVar[bool] = False

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @classmethod
    def type(cls) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def outcome(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        """Gives what `judge` says of a table that has rows, closed where it passed on a figure that is not finite."""
        return self.closing(len(frame), lambda: self.judge(frame, context))

    def closing(self, rows: int, judge: Callable[[], Outcome]) -> Outcome:
        """Gives what is judged of so many rows, closed where it passed on a figure that is not finite."""
        if not rows and not self.on_no_rows:
            raise DataError("the table has no rows, so there is nothing to judge; check the source and its filter")
        found = judge()
        bad = [
            f"{spaced(k)} is {v}"
            for k, v in found.observed.items()
            if isinstance(v, float | np.floating) and not np.isfinite(v)
        ]
        if not found.passed or not bad:
            return found
        return Outcome(False, found.observed, f"cannot be judged: {in_words(bad)} ({found.message})")

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        """Judges one table; raising closes the gate with the exception's message."""
        raise NotImplementedError


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Gives a column, or raises DataError naming those there are."""
    if name not in frame.columns:
        raise DataError(
            f"column {name!r} is not in the table{nearest(name, map(str, frame.columns))} "
            f"(its columns: {listed(frame.columns)})"
        )
    return frame[name]


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Gives a column (n,) as float64, with NaN for null."""
    from ballast.columns import kind_of, numbers_of

    values = column(frame, name)
    kind = kind_of(values)
    if kind not in ("number", "truth", "empty"):
        raise DataError(f"column {name!r} holds {values.dtype} ({kind}), but numbers were expected")
    return numbers_of(values)


def id_column(frame: pd.DataFrame, context: GateContext) -> pd.Series:
    """Gives the sample ids of the table: a source's own id column, ``sample_id`` of every other stage."""
    return column(frame, context.id or "sample_id")


def members(ids: Any, among: Any) -> np.ndarray:
    """Gives (n,) bool: which ids are among others; compared as text where one side is text and the other not."""
    import pandas as pd

    left, right = (pd.Index(np.asarray(side)).infer_objects() for side in (ids, among))
    if pd.api.types.is_numeric_dtype(left) != pd.api.types.is_numeric_dtype(right):
        left, right = left.astype(str), right.astype(str)
    return left.isin(right)
