"""Where the two samples that are compared lie, read a few columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pyarrow as pa

from ballast.reporting.snapshot import Step

MOST_CELLS = 10_000_000
"""Of tables with more cells, both together, only so many are read: of about one row in so many."""
LEAST_ROWS = 2_000
"""Rows of either table that are read however many columns there are."""
CELLS_AT_ONCE = 1_000_000
"""Cells that are in memory at the same time, or one column where that has more rows."""


@dataclass(frozen=True)
class Pair:
    """One column of both samples; ``weights`` (n,) are those of the training rows, where there are some."""

    column: str
    train: pa.ChunkedArray
    target: pa.ChunkedArray
    weights: np.ndarray | None


@dataclass(frozen=True)
class Sides:
    """Two data roles that are stored, and the weights of the first one's rows.

    Attributes
    ----------
    train, target : the steps.
    weights : the step whose weights the training rows are shown with, where there is one that weighs just these rows.
    """

    train: Step
    target: Step
    weights: Step | None = None

    def names(self) -> list[str]:
        """Gives the columns that both have, in the order of training, but for the ids of the rows."""
        theirs = set(self.target.columns)
        ids = {side.node.notes.get("id") for side in (self.train, self.target)}
        return [name for name in self.train.columns if name in theirs and name not in ids]

    def one_in(self, side: Step) -> int:
        """Gives of how many rows of a side one is read."""
        most = max(MOST_CELLS // 2 // max(len(self.names()), 1), LEAST_ROWS)
        return ceil(side.row_count / most) if side.row_count > most else 1

    def pairs(self, only: Sequence[str] | None = None) -> Iterator[Pair]:
        """Gives the columns that both have, or some of them, a few being in memory at a time."""
        names = self.names()
        names = names if only is None else [name for name in only if name in set(names)]
        steps = [self.one_in(self.train), self.one_in(self.target)]
        rows = self.train.row_count // steps[0] + self.target.row_count // steps[1]
        weights = self.weighted(steps[0]) if names else None
        at_once = max(CELLS_AT_ONCE // max(rows, 1), 1)
        for start in range(0, len(names), at_once):
            some = names[start : start + at_once]
            train, target = (
                side.read_columns(some, one_in) for side, one_in in zip((self.train, self.target), steps, strict=True)
            )
            for name in some:
                yield Pair(name, train.column(name), target.column(name), weights)

    def weighted(self, one_in: int) -> np.ndarray | None:
        """Gives the weight of each training row that is read; None where the weights are not of just these rows."""
        key, table = self.train.node.notes.get("id"), self.weights.table if self.weights is not None else None
        if table is None or key not in self.train.columns or len(table) != self.train.row_count:
            return None
        ids = self.train.read_columns([key], one_in).column(key).to_pandas()
        by_id = table.set_index("sample_id")["weight"]
        if not by_id.index.is_unique:
            return None
        weights = by_id.reindex(ids).to_numpy(dtype=float)
        return weights if np.isfinite(weights).all() else None
