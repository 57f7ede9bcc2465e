"""Tests by column that learn batch by batch: what they count of each column adds up."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from ballast.errors import DataError
from ballast.methods.frame.reports import TestReport
from ballast.methods.shift._columns import ColumnResult, ColumnTest
from ballast.methods.shift._counted import Seen
from ballast.methods.shift._units import MOST_LOOKED_AT, looks_dependent
from ballast.words import in_words, listed, plural

MOST_PIECES = 32
"""Frames of first rows that are kept apart."""


class Sample:
    """The columns of one sample, as batches left them, and its first rows, which are looked at for dependence."""

    def __init__(self, side: type[Seen]) -> None:
        self.side = side
        self.columns: dict[Any, Seen] = {}
        self.rows = 0
        self._first: list[pd.DataFrame] = []

    def first(self) -> pd.DataFrame:
        """Gives the first 100,000 rows."""
        return pd.concat(self._first, ignore_index=True)

    def check(self, columns: Any, which: str, owner: str) -> None:
        """Raises DataError for columns that are there twice, or are not those of what was counted before."""
        names = pd.Index(list(columns))
        if len(twice := names[names.map(str).duplicated()]):
            raise DataError(f"{owner}: {which} has column(s) {listed(twice)} more than once; rename them")
        if not self.columns:
            return
        lacks, more = ([c for c in a if c not in b] for a, b in ((self.columns, names), (names, self.columns)))
        if lacks or more:
            said = [f"{what} {listed(c)}" for what, c in (("lacks", lacks), ("has also", more)) if c]
            raise DataError(
                f"{owner}: a batch of {which} {in_words(said)}, unlike the {plural(self.rows, 'row')} counted before; "
                "give every batch the same columns"
            )

    def look(self, batch: pd.DataFrame) -> list[Any]:
        """Takes what is needed of a batch, and changes nothing yet."""
        return [(name, self.columns.get(name, self.side()).look(batch[name])) for name in batch.columns]

    def add(self, looks: list[Any], batch: pd.DataFrame) -> None:
        """Counts a batch, by what was taken of it."""
        for name, look in looks:
            self.columns.setdefault(name, self.side()).add(look)
        self._keep([batch], len(batch))

    def merge(self, other: Sample) -> None:
        """Takes up another, whose rows come after."""
        for name, seen in other.columns.items():
            self.columns.setdefault(name, self.side()).merge(seen)
        self._keep(other._first, other.rows)

    def _keep(self, frames: list[pd.DataFrame], rows: int) -> None:
        kept = min(self.rows, MOST_LOOKED_AT)
        for frame in frames:
            if kept < MOST_LOOKED_AT:
                self._first.append(frame.iloc[: MOST_LOOKED_AT - kept].copy())
                kept += len(self._first[-1])
        if len(self._first) > MOST_PIECES:
            self._first = [self.first()]
        self.rows += rows


class StreamingColumnTest(ColumnTest):
    """A test by column that needs no more than counts or a sketch of each, and so can learn batch by batch.

    ``partial_fit(...)`` counts a batch of training rows, of the target's or of both; ``merge(other)`` adds what another
    object counted of the rows after its own; ``finalize()`` gives the report of all rows counted. It is that of
    ``test`` on all rows, for any cut of them, wherever what was counted is exact.
    """

    stream_points = ("partial_fit", "merge", "finalize")
    _side: ClassVar[type[Seen]]

    def compare_counted(self, name: object, column: Any, target: Any) -> list[ColumnResult]:
        """Tests what was counted of a column against what was counted of the target's, both with some value."""
        raise NotImplementedError

    @property
    def _samples(self) -> dict[str, Sample]:
        return vars(self).setdefault("_counted", {which: Sample(self._side) for which in ("table", "table_target")})

    def partial_fit(
        self,
        table: pd.DataFrame | None = None,
        table_target: pd.DataFrame | None = None,
        time: np.ndarray | None = None,
        time_target: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> Self:
        """Counts a batch of `table`, of `table_target`, or of both, with the columns of the batches before.

        DataError for rows with a time, a unit or a design weight, which cannot be dealt out in batches.
        """
        declared = {
            "time": time, "time_target": time_target, "dependence": dependence, "dependence_target": dependence_target,
            "design_weight": design_weight, "design_weight_target": design_weight_target,
        }  # fmt: skip
        batches = {n: b for n, b in (("table", table), ("table_target", table_target)) if b is not None}
        if given := [name for name, value in declared.items() if value is not None]:
            raise DataError(
                f"{self.name}: {in_words(given)} cannot be counted in batches"
                f" ({plural(sum(map(len, batches.values())), 'row')} in this one), since its p-values are by dealing "
                "all rows out; test all rows in memory, by `test`, or a sample of them, by `sample:` on the step"
            )
        if not batches:
            raise DataError(f"{self.name}.partial_fit was given no rows; it takes table, table_target")
        for which, batch in batches.items():
            self._samples[which].check(batch.columns, which, self.name)
        looks = {which: self._samples[which].look(batch) for which, batch in batches.items()}
        for which, batch in batches.items():
            self._samples[which].add(looks[which], batch)
        return self

    def merge(self, other: Self) -> Self:
        """Adds what another object counted with the same parameters, of rows that come after; gives this one."""
        if type(other) is not type(self) or other is self:
            what = "itself" if other is self else f"an object of {type(other).__name__}"
            raise DataError(f"{self.name}.merge takes another {type(self).__name__}, and was given {what}")
        theirs = other.get_params(deep=False)
        for name, value in self.get_params(deep=False).items():
            if value != theirs[name]:
                raise DataError(
                    f"{self.name}: parameter {name!r} is {value!r} here and {theirs[name]!r} in what is to be merged; "
                    "give both the same parameters"
                )
        for which, sample in other._samples.items():
            if sample.rows:
                self._samples[which].check(sample.columns, which, self.name)
        for which, sample in other._samples.items():
            self._samples[which].merge(sample)
        return self

    def finalize(self) -> TestReport:
        """Gives the report of all rows that were counted; this object may count on."""
        table, table_target = self._samples.values()
        for sample, which, what in ((table, "table", "training rows"), (table_target, "table_target", "target's rows")):
            if not sample.rows:
                raise DataError(
                    f"{self.name}: no {what} ({which}) were counted; call partial_fit with some before finalize"
                )
        results = self._results(table.columns, table_target.columns, None)
        return self._reported(results, looks_dependent(table.first(), table_target.first()))

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        return result if entry in ("partial_fit", "merge") else super()._finish(entry, result, arguments)
