"""Great Expectations' expectations that look at a row alone, or at it and the row before: counted batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError
from ballast.gates.great_expectations.conditions import columns_of, parse_condition, rows_that_meet
from ballast.gates.great_expectations.custom import without_condition
from ballast.gates.great_expectations.families import CENTRES, FINITE, ON_NULLS, SPREADS
from ballast.gates.great_expectations.judging import outcome_of, validated
from ballast.gates.great_expectations.views import NothingToJudgeError, View, check_infinite, no_rows, view
from ballast.gates.own.form import Outcome, column
from ballast.gates.rows.table import RowTable, anchor, chunks, ends, without_rows
from ballast.gates.suite import Expectation

EXAMPLES = 20
"""Values that Great Expectations gives as examples."""


MEASURED = CENTRES | SPREADS | {f"expect_column_{end}_to_be_between" for end in ("sum", "min", "max")}
"""Expectations whose values are measured from the ends of the column, or by them."""


def columns_in(expectation: Expectation) -> list[str]:
    """Gives the columns that an expectation judges."""
    given = expectation.arguments
    named = [given[key] for key in ("column", "column_A", "column_B") if key in given]
    return list(dict.fromkeys([*named, *given.get("column_list", ())]))


class Chosen:
    """The rows of a table that an expectation judges, in batches; DataError for columns that are not there.

    A few rows stand before those of each batch, so that it is brought to the form that all rows would be: one of what
    each column holds, a null where it has one, and its ends where all values are measured from those.
    """

    def __init__(self, expectation: Expectation, table: RowTable) -> None:
        given = expectation.arguments.get("row_condition")
        self.type, self.given = expectation.type, expectation.arguments
        self.arguments = without_condition(expectation.arguments)
        self.condition = None if given is None else parse_condition(given)
        self.table, self.judged = table, columns_in(expectation)
        self.names = list(dict.fromkeys([*self.judged, *(columns_of(self.condition) if self.condition else ())]))
        for name in self.names:
            column(without_rows(table), name)
        self.anchor, self.rows = anchor(table, self.names), 0
        if expectation.type in MEASURED:
            self.anchor = pa.concat_tables([self.anchor, ends(table, self.names, self.judged)])
        self.anchored = len(self.anchor)

    def view(self) -> View:
        """Gives what is said of all rows' types and of the arguments; the errors are those of the whole column.

        DataError where all values are null.
        """
        try:
            return view(self.type, self.arguments, self.table.frame(self.anchor)[self.judged])
        except NothingToJudgeError as nothing:
            for _ in self.frames():
                pass
            raise DataError(nothing.said(self.rows) if self.rows else self.without_rows()) from nothing

    def views(self) -> Iterator[View]:
        """Gives what is to be judged of each batch."""
        yield from map(self.seen, self.frames())

    def seen(self, frame: pd.DataFrame) -> View:
        """Gives what is to be judged of rows that stand after those that type them."""
        found = view(self.type, self.arguments, frame)
        return found._replace(frame=found.frame[found.frame.index >= self.anchored])

    def of(self, rows: pa.Table) -> View:
        """Gives what is to be judged of some other rows."""
        return self.seen(self.table.frame(pa.concat_tables([self.anchor.select(self.judged), rows])))

    def frames(self) -> Iterator[pd.DataFrame]:
        """Gives the rows of each batch that meet the condition, after those that type them, and counts them."""
        self.rows = 0
        for rows in chunks(self.table, self.names):
            frame = self.table.frame(pa.concat_tables([self.anchor, rows]))
            if self.condition is not None:
                met = rows_that_meet(self.condition, frame)
                met[: self.anchored] = True
                frame = frame[met]
            if len(frame) > self.anchored:
                self.rows += len(frame) - self.anchored
                yield frame[self.judged]

    def check_any(self, missing: int) -> None:
        """Raises DataError where there were no rows, or values in none of them."""
        if not self.rows:
            raise DataError(self.without_rows())
        if missing == self.rows:
            nulls = self.table.schema.empty_table().select(self.judged)
            try:
                view(self.type, self.arguments, self.table.frame(_one_of_nulls(nulls)))
            except NothingToJudgeError as nothing:
                raise DataError(nothing.said(self.rows)) from nothing

    def without_rows(self) -> str:
        return no_rows(len(self.table), self.given, self.type)


def _one_of_nulls(table: pa.Table) -> pa.Table:
    return pa.table({field.name: pa.nulls(1, field.type) for field in table.schema})


@dataclass
class Tally:
    """The counts that Great Expectations gives of each batch, added up."""

    mostly: float
    elements: int = 0
    missing: int | None = None
    unexpected: int = 0
    examples: list[Any] = field(default_factory=list)
    other: Any = None
    passed: bool = True

    def add(self, result: Any) -> None:
        """Adds what it says of a batch."""
        found = result.result
        if "unexpected_count" not in found:  # it looked at the column's type alone
            self.other, self.passed = self.other or found, self.passed and bool(result.success)
            return
        self.count(found["element_count"], found.get("missing_count"), found["unexpected_count"])
        self.examples += found.get("partial_unexpected_list", [])[: EXAMPLES - len(self.examples)]

    def count(self, elements: int, missing: int | None, unexpected: int = 0) -> None:
        self.elements, self.unexpected = self.elements + elements, self.unexpected + unexpected
        if missing is not None:
            self.missing = (self.missing or 0) + missing

    @property
    def result(self) -> Any:
        """Gives what it would say of all rows."""
        if self.other is not None:
            return SimpleNamespace(success=self.passed, result=self.other, exception_info={})
        judged = self.elements - (self.missing or 0)
        found = {
            "element_count": self.elements,
            "unexpected_count": self.unexpected,
            "unexpected_percent": self.unexpected / judged * 100,
            "partial_unexpected_list": self.examples,
        }
        if self.missing is not None:
            found |= {
                "missing_count": self.missing,
                "missing_percent": self.missing / self.elements * 100,
                "unexpected_percent_total": self.unexpected / self.elements * 100,
                "unexpected_percent_nonmissing": self.unexpected / judged * 100,
            }
        success = float(judged - self.unexpected) / float(judged) >= self.mostly
        return SimpleNamespace(success=success, result=found, exception_info={})


def row_by_row(expectation: Expectation, table: RowTable) -> Outcome | None:
    """Judges rows each alone, or beside the row before; None where Great Expectations drops the expectation."""
    chosen = Chosen(expectation, table)
    typed = chosen.view()
    if expectation.type in FINITE:
        check_finite(chosen)
    tally = Tally(expectation.arguments.get("mostly") or 1.0)
    before, complete = None, 0
    for seen in chosen.views():
        frame = seen.frame
        if not len(frame):
            continue
        if "column" in chosen.arguments and expectation.type not in ON_NULLS and frame.isna().to_numpy().all():
            tally.count(len(frame), len(frame))
            continue
        if expectation.type in FINITE:  # those look at the row before
            if before is not None:
                frame = pd.concat([before, frame])
                tally.elements -= 1
            before = frame.dropna().tail(1)
        result = validated(expectation, seen._replace(frame=frame))
        if result is None:
            return None
        if not result.result:
            return outcome_of(expectation, result, seen)
        tally.add(result)
        complete += len(frame.dropna())
    compared = "column_A" in chosen.arguments and expectation.type != "expect_column_pair_values_to_be_in_set"
    nothing = not complete if compared else not tally.elements and tally.other is None
    chosen.check_any(chosen.rows if nothing else tally.missing or 0)
    return outcome_of(expectation, tally.result, typed._replace(rows=chosen.rows))


def check_finite(chosen: Chosen) -> None:
    """Raises DataError where values of a column are infinite."""
    (name,) = chosen.judged
    if not pa.types.is_floating(chosen.table.schema.field(name).type):
        return
    if not chosen.table.ask("SELECT count(*) FILTER (isinf({x})) AS n FROM rows", {"x": name})["n"][0].as_py():
        return
    infinite = sum(int(np.isinf(f[name].iloc[chosen.anchored :].to_numpy(np.float64)).sum()) for f in chosen.frames())
    check_infinite(name, infinite, chosen.rows)
