"""Holding rows that do not fit in memory against a suite: the same judgements as of the frame."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ballast.errors import DataError
from ballast.gates.judge import Judgement, closed, judge, judgement_of
from ballast.gates.own.form import Outcome
from ballast.gates.rows.kinds import BESIDE, OF_REPORTS, OWN_JUDGES, why_not
from ballast.gates.rows.table import RowsContext, RowTable
from ballast.gates.suite import OWN, Expectation

IN_MEMORY = 2**20
"""Cells of a table that is judged as a frame."""


def judge_rows(
    suite: Sequence[Expectation], rows: RowTable, context: RowsContext, in_memory: int = IN_MEMORY
) -> list[Judgement]:
    """Gives one judgement for every expectation of the suite, in its order: those of ``judge`` on the frame.

    They are equal but for the rounding of sums of doubles. A table of at most ``in_memory``
    cells is loaded and judged by ``judge``, unless the expectation looks at other tables, which may be large. What
    cannot be judged over rows is closed, and says so. Memory: a batch, and what the keeper of the rows may take.
    """
    if not len(rows) and context.may_be_empty:
        return judge(suite, rows.frame(rows.schema.empty_table()), context)
    small = len(rows) * sum(map(_cells, rows.schema.types)) <= in_memory
    whole = [e for e in suite if small and e.type not in BESIDE]
    found: dict[str, Judgement] = {}
    if whole:
        frame = rows.frame(pa.Table.from_batches(rows.batches(rows.schema.names), rows.schema))
        found = {judgement.name: judgement for judgement in judge(whole, frame, context)}
    return [found[e.name] if e.name in found else judgement_of(e, _outcome(e, rows, context)) for e in suite]


def _cells(kind: pa.DataType) -> int:
    """Gives how many cells a value of a column is taken for: a vector's length, or a thousand where that varies."""
    if pa.types.is_fixed_size_list(kind):
        return kind.list_size * _cells(kind.value_type)
    return 1000 if pa.types.is_nested(kind) else 1


def _outcome(expectation: Expectation, rows: RowTable, context: RowsContext) -> Outcome:
    try:
        if why := why_not(expectation):
            raise DataError(f"over {len(rows)} rows, which are not loaded at once, it cannot be: {why}")
        if expectation.type in OF_REPORTS:
            raise DataError(f"the report has {len(rows)} rows, more than one that is loaded; write a shorter one")
        if expectation.is_own:
            own = OWN[expectation.type].model_validate(expectation.arguments)
            return own.closing(len(rows), lambda: OWN_JUDGES[expectation.type](own, rows, context))
        return _builtin(expectation, rows)
    except Exception as error:
        return closed(error)


def _builtin(expectation: Expectation, rows: RowTable) -> Outcome:
    from ballast.gates.great_expectations.judging import unjudged
    from ballast.gates.rows.builtins import row_by_row
    from ballast.gates.rows.figures import JUDGES

    try:
        found = JUDGES.get(expectation.type, row_by_row)(expectation, rows)
    except Exception as error:
        return unjudged(error)
    return found or Outcome(False, {}, "cannot be judged: Great Expectations gave no result for it")
