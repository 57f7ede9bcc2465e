"""Ballast's expectations on one table, over rows: what each counts, batch by batch or in SQL."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.columns import kind_of
from ballast.gates.own import predictions, reports, tables, weights
from ballast.gates.own.form import Outcome, column, numbers
from ballast.gates.rows.table import (
    RowsContext,
    RowTable,
    field_of,
    frames,
    ordered,
    sample,
    some,
    there,
    values_of,
    without_rows,
)
from ballast.words import SHOWN


def row_count(expectation: tables.ExpectRowCountAtLeast, table: RowTable, context: RowsContext) -> Outcome:
    return expectation.judge(pd.DataFrame(index=pd.RangeIndex(len(table))), context)


def unique_ids(expectation: tables.ExpectUniqueIds, table: RowTable, context: RowsContext) -> Outcome:
    name = context.id or "sample_id"
    field = field_of(table, name)
    (counts,) = table.ask(
        "SELECT coalesce(sum(n) FILTER (v IS NULL), 0)::BIGINT AS nulls, "
        "coalesce(sum(n - 1) FILTER (v IS NOT NULL), 0)::BIGINT AS repeated, "
        "count(*) FILTER (n > 1 AND v IS NOT NULL) AS ids FROM "
        f"(SELECT {there(field)} AS v, count(*) AS n FROM rows GROUP BY v)",
        {"x": name},
    ).to_pylist()
    such = ""
    if counts["repeated"]:
        again = table.ask(
            f"SELECT v FROM {ordered(field)} GROUP BY v HAVING count(*) > 1 ORDER BY min(p, 2)[2] LIMIT {SHOWN}",
            {"x": name},
        )
        such = some(values_of(table, again, name), counts["ids"])
    return expectation.said(name, len(table), counts["nulls"], counts["repeated"], such)


def no_null_labels(expectation: tables.ExpectNoNullLabels, table: RowTable, context: RowsContext) -> Outcome:
    if context.label is None:
        return tables.without_label(len(table), table.schema.names, context)
    looked_at = [name for name in (context.label, context.observed) if name is not None]
    for name in looked_at:
        column(without_rows(table), name)
    counts = [expectation.counted(frame, context) for frame in frames(table, looked_at)]
    return expectation.said(sum(n for n, _ in counts), sum(bad for _, bad in counts), context.label)


def class_count(expectation: tables.ExpectClassCountAtLeast, table: RowTable, context: RowsContext) -> Outcome:
    name = context.label
    if name is None:
        return tables.without_label(len(table), table.schema.names, context)
    classes = f"(SELECT v, count(*) AS n, min(p) AS p FROM {ordered(field_of(table, name))} GROUP BY v)"
    (counts,) = table.ask(f"SELECT count(*) AS k, coalesce(min(n), 0) AS least FROM {classes}", {"x": name}).to_pylist()
    such = ""
    if counts["k"] < expectation.classes:
        most = table.ask(f"SELECT v FROM {classes} ORDER BY n DESC, p LIMIT {SHOWN}", {"x": name})
        such = some(values_of(table, most, name), counts["k"])
    return expectation.said(name, len(table), counts["k"], counts["least"], such)


def no_empty_columns(expectation: tables.ExpectNoEmptyColumns, table: RowTable, context: RowsContext) -> Outcome:
    names = table.schema.names
    filled = _by_column(table, names, lambda value: f"count({value})")
    return expectation.said(len(table), len(names), [name for name in names if not filled[name]])


def no_constant_columns(expectation: tables.ExpectNoConstantColumns, table: RowTable, context: RowsContext) -> Outcome:
    n, names = len(table), [name for name in table.schema.names if name not in (context.id, context.label)]
    nested = [name for name in names if pa.types.is_nested(table.schema.field(name).type)]
    flat = [name for name in names if name not in nested]
    same = _by_column(table, flat, lambda value: f"count({value}) = {n} AND min({value}) = max({value})")
    same |= {name: _is_one_text(table, name) for name in nested}
    return expectation.said(n, len(table.schema), [name for name in names if n > 1 and same[name]])


def _is_one_text(table: RowTable, name: str) -> bool:
    """Whether nested values are all written alike, and not all null."""
    seen: set[str] = set()
    for frame in frames(table, [name]):
        seen |= set(frame[name].map(repr))
        if len(seen) > 1:
            return False
    return not sample(table, name).isna().all()


def no_infinite_values(expectation: tables.ExpectNoInfiniteValues, table: RowTable, context: RowsContext) -> Outcome:
    names = [n for n in table.schema.names if n != context.label and kind_of(sample(table, n)) == "number"]
    floats = [n for n in names if pa.types.is_floating(table.schema.field(n).type)]
    found = dict.fromkeys(names, 0) | _by_column(table, floats, lambda value: f"count(*) FILTER (isinf({value}))")
    return expectation.said(len(table), found)


def no_numbers_as_text(expectation: tables.ExpectNoNumbersAsText, table: RowTable, context: RowsContext) -> Outcome:
    skipped = {context.id, context.label, *expectation.left_out}
    names = [n for n in table.schema.names if n not in skipped and kind_of(sample(table, n)) == "category"]
    numeric, values = Counter[str](), Counter[str]()
    for frame in frames(table, names) if names else ():
        for name in names:
            texts = frame[name].dropna().astype(str).value_counts(sort=False)
            hit = tables.are_numbers(texts.index.to_series())
            numeric[name] += int(texts[hit.to_numpy()].sum())
            values[name] += int(texts.sum())
    counted = {name: (numeric[name], values[name], list[str]()) for name in names}
    for name in names:
        if numeric[name] / values[name] >= expectation.max_share:
            others = {text: None for frame in frames(table, [name]) for text in tables.numbers_in(frame[name])[2]}
            counted[name] = (numeric[name], values[name], list(others))
    return expectation.said(len(table), counted)


def finite_values(expectation: tables.ExpectFiniteValues, table: RowTable, context: RowsContext) -> Outcome:
    found = expectation.columns
    if found is None:
        kinds = {name: sample(table, name) for name in table.schema.names}
        found = [name for name, values in kinds.items() if tables.numeric(values.to_frame(name))]
    for name in found:
        column(without_rows(table), name)
    asked, bad = expectation.model_copy(update={"columns": found}), Counter(dict.fromkeys(found, 0))
    for frame in frames(table, found) if found else ():
        bad.update(asked.counted(frame))
    return expectation.said(len(table), bad, table.schema.names)


def _by_column(table: RowTable, names: list[str], asks: Callable[[str], str]) -> dict[str, int]:
    """Gives what one SELECT answers of each column's values."""
    if not names:
        return {}
    keys = {f"x{i}": name for i, name in enumerate(names)}
    asked = ", ".join(
        f"{asks(there(table.schema.field(name), key))} AS y{i}" for i, (key, name) in enumerate(keys.items())
    )
    (found,) = table.ask(f"SELECT {asked} FROM rows", keys).to_pylist()
    return dict(zip(names, found.values(), strict=True))


class Weights:
    """Weights added up: how many are not finite, below zero and above it, the ends, and sums by batch."""

    def __init__(self, table: RowTable, bounds: weights.ExpectWeightRange | None = None) -> None:
        column(without_rows(table), "weight")
        self.n, self.bad, self.negative, self.outside = len(table), 0, 0, 0
        self.least, self.most = math.inf, -math.inf
        self._sums: list[tuple[float, float, float]] = []
        for frame in frames(table, ["weight"]):
            self._add(numbers(frame, "weight"), bounds)
        weights.check_finite(self.bad, self.n)

    def _add(self, values: np.ndarray, bounds: weights.ExpectWeightRange | None) -> None:
        self.bad += int((~np.isfinite(values)).sum())
        self.negative += int((values < 0).sum())
        self.outside += bounds.outside(values) if bounds else 0
        self.least, self.most = min(self.least, float(values.min())), max(self.most, float(values.max()))
        top = float(np.abs(values).max()) or 1.0  # so that the squares neither overflow nor vanish
        self._sums.append((top, float((values / top).sum()), float(np.square(values / top).sum())))

    def check_carrying(self) -> None:
        """Raises DataError where some are below zero, or all are zero."""
        weights.check_carrying(self.negative, self.most > 0, self.n)

    @property
    def mean(self) -> float:
        return math.fsum(top * total for top, total, _ in self._sums) / self.n

    @property
    def effective_size(self) -> float:
        self.check_carrying()
        shares = [(top / self.most, total, squares) for top, total, squares in self._sums]
        total = math.fsum(share * own for share, own, _ in shares)
        return total**2 / math.fsum(share**2 * own for share, _, own in shares)


def effective_sample_size(
    expectation: weights.ExpectEffectiveSampleSize, table: RowTable, context: RowsContext
) -> Outcome:
    return expectation.said(Weights(table).effective_size, len(table))


def weight_range(expectation: weights.ExpectWeightRange, table: RowTable, context: RowsContext) -> Outcome:
    found = Weights(table, expectation)
    return expectation.said(found.n, found.outside, found.least, found.most)


def mean_weight(expectation: weights.ExpectMeanWeight, table: RowTable, context: RowsContext) -> Outcome:
    return expectation.said(Weights(table).mean, len(table))


def flagged(
    expectation: reports.ExpectFlaggedShare | reports.ExpectLabelNoiseShare, table: RowTable, context: RowsContext
) -> Outcome:
    return expectation.said(*_flags(table))


def share_flagged(expectation: predictions.ExpectShareFlaggedBelow, table: RowTable, context: RowsContext) -> Outcome:
    counts, reason = _flags(table), ""
    if "reason" in table.schema.names:
        asked = f"SELECT v, count(*) AS n FROM {ordered(field_of(table, 'reason'))} GROUP BY v ORDER BY n DESC, min(p)"
        answer = table.ask(f"{asked} LIMIT 1", {"x": "reason"})
        if len(answer):
            reason = f"{answer['n'][0]} for {values_of(table, answer, 'reason').iloc[0]}"
    return expectation.said(*counts, reason)


def _flags(table: RowTable) -> tuple[int, int, int]:
    """Gives the rows, those without a flag, and those flagged."""
    column(without_rows(table), "flagged")
    missing = count = 0
    for frame in frames(table, ["flagged"]):
        values = frame["flagged"].dropna()
        missing += len(frame) - len(values)
        count += int(values.astype(bool).sum())
    return len(table), missing, count
