"""How far each column of the training rows is from the target's, with the weights that a model used and without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ballast.compute.balance import standardized_mean_differences
from ballast.reporting.columns.sides import Pair, Sides
from ballast.reporting.columns.values import Categories, Kind, Numbers, categories, kind_of, numbers
from ballast.reporting.columns.words import change_of_categories, change_of_numbers

MEAN_OF_KOLMOGOROV = 0.8687
"""The mean of the Kolmogorov distribution: of sqrt(n m / (n + m)) times the distance of two alike samples."""


@dataclass(frozen=True)
class ColumnShift:
    """One column that both samples have.

    Attributes
    ----------
    column : its name.
    kind : what it holds.
    distance : from 0, alike, to 1, disjoint: of numbers and times the Kolmogorov-Smirnov distance, the largest gap
        between the shares of rows up to a value; of categories the total variation, the share of rows that would have
        to be of another one.
    by_chance : the mean distance of two such samples from one distribution; of few rows or many categories it is large.
    change : in words, such as "median 40 → 52".
    standardized : of numbers the difference of the means, target less training, in standard deviations.
    weighted : the distance with the training rows weighted, where there are weights.
    missing : the share of rows without a value, of training and target.
    """

    column: str
    kind: Kind
    distance: float
    by_chance: float
    change: str = ""
    standardized: float | None = None
    weighted: float | None = None
    missing: tuple[float, float] = (0.0, 0.0)

    @property
    def measure(self) -> str:
        return "total variation" if self.kind == "categories" else "Kolmogorov-Smirnov distance"

    def stands_out(self, of: int) -> bool:
        """Whether it differs by more than the farthest of so many columns does by chance in 19 draws of 20."""
        return self.distance > self.by_chance * float(np.sqrt(np.log(40 * max(of, 1)) / 2)) / MEAN_OF_KOLMOGOROV


@dataclass(frozen=True)
class Comparison:
    """All columns that training and target share.

    Attributes
    ----------
    sides : where the values are.
    columns : those that could be compared, what is farthest beyond chance first.
    left_out : those that could not, each with the reason.
    """

    sides: Sides
    columns: tuple[ColumnShift, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def standing_out(self) -> list[ColumnShift]:
        """The columns that differ by more than chance would make any of them."""
        return [shift for shift in self.columns if shift.stands_out(len(self.columns))]


def compare(sides: Sides, only: Sequence[str] | None = None) -> Comparison:
    """Compares the columns that two samples share, or some of them.

    Cost: sorts each column once; of larger tables than ``sides.MOST_CELLS`` only of so many rows, the same each time.
    """
    found, left_out = [], {}
    for pair in sides.pairs(only):
        shift = _shift(pair)
        if isinstance(shift, str):
            left_out[pair.column] = shift
        else:
            found.append(shift)
    found.sort(key=lambda shift: (shift.by_chance - shift.distance, shift.column))
    return Comparison(sides, tuple(found), left_out)


def values_of(pair: Pair) -> Numbers | Categories | str:
    """Gives the values of a column, or why they cannot be compared."""
    kind = kind_of(pair.train.type, pair.target.type)
    if kind not in ("numbers", "times", "categories"):
        return kind
    if kind == "categories":
        return categories(pair.train, pair.target, pair.weights)
    found = numbers(pair.train, pair.target, pair.weights)
    empty = [name for name, side in (("training", found.train), ("the target", found.target)) if not len(side)]
    return f"it has no value in {' and '.join(empty)}" if empty else found


def _shift(pair: Pair) -> ColumnShift | str:
    values = values_of(pair)
    if isinstance(values, str):
        return values
    if isinstance(values, Categories):
        return _of_categories(pair.column, values)
    kind: Kind = "times" if kind_of(pair.train.type, pair.target.type) == "times" else "numbers"
    return _of_numbers(pair.column, kind, values)


def gap(train: np.ndarray, target: np.ndarray) -> float:
    """Gives the Kolmogorov-Smirnov distance of numbers (n,) from others (m,)."""
    return _Gaps(train, target).largest()


class _Gaps:
    """Two samples of numbers in one order, to be held against each other as they are and weighted."""

    def __init__(self, train: np.ndarray, target: np.ndarray) -> None:
        pooled = np.concatenate([train, target])
        order = np.argsort(pooled, kind="stable")
        ordered = pooled[order]
        self.ends = np.append(ordered[1:] != ordered[:-1], True)  # of the rows of one value the last
        self.is_train = order < len(train)
        self.rows = order[self.is_train]
        self.target = np.cumsum(~self.is_train)[self.ends] / len(target)

    def largest(self, weights: np.ndarray | None = None) -> float:
        """Gives the largest gap between the shares of rows up to a value; ``weights`` are of the training rows."""
        counts = np.zeros(len(self.is_train), dtype=int if weights is None else float)
        counts[self.is_train] = 1 if weights is None else weights[self.rows]
        up_to = np.cumsum(counts)
        return float(np.abs(up_to[self.ends] / up_to[-1] - self.target).max())


def _of_numbers(column: str, kind: Kind, values: Numbers) -> ColumnShift:
    n, m = len(values.train), len(values.target)
    gaps = _Gaps(values.train, values.target)
    weights = values.weights if values.weights is not None and values.weights.sum() > 0 else None
    return ColumnShift(
        column,
        kind,
        distance=gaps.largest(),
        by_chance=min(MEAN_OF_KOLMOGOROV * float(np.sqrt(1 / n + 1 / m)), 1.0),
        change=change_of_numbers(values, kind),
        standardized=_standardized(values) if kind == "numbers" else None,
        weighted=None if weights is None else gaps.largest(weights),
        missing=values.missing,
    )


def _standardized(values: Numbers) -> float:
    """Gives the difference of the means in standard deviations, of whatever size the values are."""
    largest = max(float(np.abs(side).max()) for side in (values.train, values.target)) or 1.0
    train, target = values.train / largest, values.target / largest
    size = float(standardized_mean_differences(train[:, None], target[:, None], np.ones((1, len(train))))[0, 0])
    return size if target.mean() >= train.mean() else -size


def _of_categories(column: str, values: Categories) -> ColumnShift:
    train, target, *weighted = values.shares
    n, m = values.rows
    pooled = (n * train + m * target) / max(n + m, 1)
    noise = np.sqrt(2 / np.pi * pooled * (1 - pooled) * (1 / max(n, 1) + 1 / max(m, 1)))
    return ColumnShift(
        column,
        "categories",
        distance=float(np.abs(train - target).sum() / 2),
        by_chance=min(float(noise.sum() / 2), 1.0),
        change=change_of_categories(values),
        weighted=float(np.abs(weighted[0] - target).sum() / 2) if weighted else None,
        missing=values.missing,
    )
