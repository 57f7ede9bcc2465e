"""What batches leave of a column of one sample: its kind, its missing values, and how often each value occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from ballast.columns import Kind, Scale, alike, canonical, categories_of, is_missing, numbers_of, scale_of
from ballast.compute.states.counts import LIMIT
from ballast.compute.states.quantiles import SIZE, WAITING, Quantiles
from ballast.methods.shift._columns import ColumnResult, counted_share
from ballast.methods.shift._units import Units
from ballast.precision import coarser_of

MOST_NUMBERS = WAITING * SIZE
"""Different numbers of a column that are counted one by one: as many as a sketch keeps as they are."""
_EXACT = np.array([0.1])  # no float narrower than a double holds it


class Tally:
    """How often each different value occurs, of each type that a column had; nothing once more than `limit` differ."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.too_many = False
        self._counts: dict[str, tuple[pd.Series, np.ndarray]] = {}

    def add(self, values: pd.Series, counts: np.ndarray) -> None:
        """Adds (k,) values with their (k,) counts; a value may be there more than once."""
        kind = str(values.dtype)
        if self.too_many or not len(values):
            return
        if kind in self._counts:
            own, own_counts = self._counts[kind]
            values, counts = pd.concat([own, values], ignore_index=True), np.concatenate([own_counts, counts])
        codes, different = pd.factorize(values)
        sums = np.zeros(len(different), dtype=np.int64)
        np.add.at(sums, codes, counts)
        self._counts[kind] = pd.Series(different), sums
        if sum(len(counts) for _, counts in self._counts.values()) > self.limit:
            self._drop()

    def merge(self, other: Tally) -> None:
        if other.too_many:
            self._drop()
        for values, counts in other._counts.values():
            self.add(values, counts)

    def _drop(self) -> None:
        self.too_many, self._counts = True, {}

    @property
    def counts(self) -> list[tuple[pd.Series, np.ndarray]]:
        """The different values of each type, in the order in which they came, with their counts."""
        return list(self._counts.values())


@dataclass(frozen=True)
class Look:
    """What a batch shows of a column: ``values`` are those that are there, ``counts`` how often each is."""

    rows: int
    missing: int
    scale: Scale
    dtype: str
    first: str
    values: Any
    counts: np.ndarray
    precision: np.dtype


class Seen:
    """A column of one sample, as batches left it.

    Attributes
    ----------
    missing : rows without a value. dtype : the type of the first batch. first : the text of the first value.
    """

    def __init__(self) -> None:
        self._rows = self.missing = 0
        self._scale: Scale = "empty"
        self.dtype = self.first = ""

    def __len__(self) -> int:
        return self._rows

    @property
    def kind(self) -> Kind:
        return "time" if self._scale in ("instant", "time of day", "duration") else self._scale

    def look(self, column: pd.Series) -> Look:
        """Takes what is needed of a batch's column, and changes nothing yet."""
        scale, there = scale_of(column), ~is_missing(column)
        at, missing = int(np.argmax(there)), len(column) - int(there.sum())
        first = canonical(column.iloc[at : at + 1])[0] if there[at] and not self.first else ""
        return Look(len(column), missing, scale, str(column.dtype), first, *self._counted(column, there, scale))

    def add(self, look: Look) -> None:
        """Counts a batch."""
        self._join(look.rows, look.missing, look.scale, look.dtype, look.first)
        self._count(look)

    def merge(self, other: Any) -> None:
        """Takes up another state, which stays as it is."""
        self._join(other._rows, other.missing, other._scale, other.dtype, other.first)

    def _join(self, rows: int, missing: int, scale: Scale, dtype: str, first: str) -> None:
        self._rows, self.missing = self._rows + rows, self.missing + missing
        self._scale = joined(self._scale, scale)
        self.dtype, self.first = self.dtype or dtype, self.first or first

    def missing_share(self, name: object, target: Self, units: Units | None) -> ColumnResult | None:
        if not self.missing and not target.missing:
            return None
        held, held_target = (self.missing, len(self)), (target.missing, len(target))
        return counted_share(name, "missing", "share missing", held, held_target)

    def compare(self, test: Any, name: object, target: Self, units: Units | None) -> list[ColumnResult]:
        return test.compare_counted(name, self, target)

    def alike(self, target: Self) -> bool:
        scales = {self._scale, target._scale} - {"empty"}
        if len(scales) < 2 or scales == {"number", "truth"}:
            return True
        categories = self if self._scale == "category" else target
        return scales <= {"number", "truth", "category"} and categories.numbers_as_text()

    def numbers_as_text(self) -> bool:
        """Says whether its categories are all numbers as text, where that is known."""
        return True

    def _counted(self, column: pd.Series, there: np.ndarray, scale: Scale) -> tuple[Any, np.ndarray, np.dtype]:
        """Gives values, counts and precision of a ``Look``."""
        raise NotImplementedError

    def _count(self, look: Look) -> None:
        raise NotImplementedError


def joined(first: Scale, second: Scale) -> Scale:
    """Gives what a column holds of which one part holds the first and another the second."""
    if "empty" in (first, second) or first == second:
        return second if first == "empty" else first
    if "nested" in (first, second):
        return "nested"
    return "number" if {first, second} == {"number", "truth"} else "category"


class Numbers(Seen):
    """A column that is tested by the order of its values: each counted while few differ, else a sketch of them.

    Attributes
    ----------
    precision : the narrowest float that holds every value, by its type or without loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.precision = np.dtype(np.float16)
        self._tally, self._sketch = Tally(MOST_NUMBERS), Quantiles(SIZE)

    def values(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Gives doubles, how many rows each stands for, and the most that the share of rows up to one is wrong by."""
        if not self._tally.too_many:
            ((values, counts),) = self._tally.counts
            return values.to_numpy(), counts, 0.0
        points = np.unique(self._sketch.points())
        ranks = np.rint(self._sketch.cdf(points) * self._sketch.count).astype(np.int64)
        return points, np.diff(ranks, prepend=0), self._sketch.rank_error

    def merge(self, other: Any) -> None:
        super().merge(other)
        if not self._left():
            self.precision = max(self.precision, other.precision, key=lambda dtype: dtype.itemsize)
            self._tally.merge(other._tally)
            self._sketch.merge(other._sketch)

    def _left(self) -> bool:
        """Says whether the column is another test's, and forgets its values then."""
        left = self._scale in ("category", "nested")
        if left:
            self._tally, self._sketch = Tally(MOST_NUMBERS), Quantiles(SIZE)
        return left

    def _counted(self, column: pd.Series, there: np.ndarray, scale: Scale) -> tuple[Any, np.ndarray, np.dtype]:
        if joined(self._scale, scale) in ("category", "nested"):
            return None, np.empty(0, np.int64), self.precision
        found = numbers_of(column)[there]
        precision = coarser_of(column, found, pd.Series(_EXACT), _EXACT) if len(found) else self.precision
        return found, np.ones(len(found), np.int64), precision or np.dtype(np.float64)

    def _count(self, look: Look) -> None:
        if not self._left():
            self.precision = max(self.precision, look.precision, key=lambda dtype: dtype.itemsize)
            self._tally.add(pd.Series(look.values), look.counts)
            self._sketch.add(look.values)


class Categories(Seen):
    """A column that is tested by the shares of its values: each is counted, while no more than 100,000 differ.

    Of numbers and times, which the other sample may hold as text, 32,768 are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tallies = Tally(LIMIT), Tally(MOST_NUMBERS)

    @property
    def too_many(self) -> int:
        """How many different values were too many to count; 0 where all were counted."""
        return max(tally.limit if tally.too_many else 0 for tally in self._tallies)

    def counts(self) -> dict[str, int]:
        """Gives how often each value occurs, by its text, in the order in which they came."""
        found: dict[str, int] = {}
        for values, counts in (counted for tally in self._tallies for counted in tally.counts):
            for text, count in zip(canonical(values), counts.tolist(), strict=True):
                found[text] = found.get(text, 0) + count
        return found

    def numbers_as_text(self) -> bool:
        return self.too_many > 0 or alike(pd.Series(list(self.counts()), dtype=object), pd.Series([0.0]))

    def merge(self, other: Any) -> None:
        super().merge(other)
        for tally, its in zip(self._tallies, other._tallies, strict=True):
            tally.merge(its)

    def _counted(self, column: pd.Series, there: np.ndarray, scale: Scale) -> tuple[Any, np.ndarray, np.dtype]:
        if scale in ("nested", "empty"):
            return pd.Series(dtype=object), np.empty(0, np.int64), _EXACT.dtype
        codes, values = _factorized(column) if scale not in ("truth", "category") else categories_of(column)
        values = pd.Series(values) if len(values) else pd.Series(dtype=object)
        return values, np.bincount(codes[there], minlength=len(values)), _EXACT.dtype

    def _count(self, look: Look) -> None:
        self._tallies[look.scale not in ("truth", "category")].add(look.values, look.counts)


def _factorized(column: pd.Series) -> tuple[np.ndarray, Any]:
    """Gives each row's position among the different values, which are left as they are.

    Texts of numbers and times take long, and are wanted only where the other sample has categories.
    """
    try:
        return pd.factorize(column)
    except (TypeError, NotImplementedError):  # a type of Arrow's that has no kernel for it
        return categories_of(column)
