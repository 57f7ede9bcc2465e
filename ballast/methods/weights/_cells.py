"""Tables as cells: columns as bins or categories, and the combinations of them that rows lie in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.columns import alike, categories_of, kind_of, numbers_of
from ballast.errors import DataError
from ballast.words import plural

if TYPE_CHECKING:
    import pandas as pd

MISSING = "(missing)"
CELLS_COUNTED = 2**22
"""Cells up to which rows are counted in a table of all cells, not sorted."""

Bins = np.ndarray | list[str]
"""A number column's inner edges, or the values of another column as text, sorted."""


def learn_bins(table: pd.DataFrame, columns: Sequence[str], n_bins: int, owner: str) -> dict[str, Bins]:
    """Gives each column's bins: numbers are cut at their quantiles, or one by one where they have few values."""
    found: dict[str, Bins] = {}
    for name in columns:
        column = _column(table, name, owner)
        if kind_of(column) != "number":
            codes, texts = texts_of(column, owner)
            found[name] = sorted(texts[code] for code in np.unique(codes))
            continue
        numbers = numbers_of(column)
        numbers = numbers[np.isfinite(numbers)]
        values = np.unique(numbers)
        cut = len(values) > n_bins
        found[name] = np.unique(np.quantile(numbers, np.arange(1, n_bins) / n_bins)) if cut else values[1:]
    return found


def check_alike(table: pd.DataFrame, table_target: pd.DataFrame, columns: Iterable[Any], owner: str) -> None:
    """Raises DataError for a column whose values in two tables cannot be held against each other."""
    for name in columns:
        here, there = table[name], table_target[name]
        if not alike(here, there):
            raise DataError(
                f"{owner}: column {name} is {here.dtype} in table ({kind_of(here)}) but {there.dtype} in table_target "
                f"({kind_of(there)}); give both the same type"
            )


def texts_of(column: pd.Series, owner: str) -> tuple[np.ndarray, list[str]]:
    """Gives (n,) the position of each row's text, and the texts; ``MISSING``, which no value may be, is the last."""
    codes, found = categories_of(column)
    texts = found.tolist()
    if MISSING in texts:
        raise DataError(
            f"{owner}: column {column.name} holds the text {MISSING!r}, which stands for missing values here; make it "
            "missing, or give it another name"
        )
    return np.where(codes < 0, len(texts), codes), [*texts, MISSING]


def numbers_in(column: pd.Series, owner: str) -> np.ndarray:
    """Gives (n,) the numbers of a column that held numbers before; DataError where it now holds something else."""
    if kind_of(column) not in ("number", "truth", "empty"):
        raise DataError(f"{owner}: column {column.name} held numbers first, and is of dtype {column.dtype} now")
    return numbers_of(column)


def n_positions(bins: Bins) -> int:
    """Gives the number of a column's bins; missing and infinite numbers have one of their own, the last."""
    return len(bins) if isinstance(bins, list) else len(bins) + 2


def bin_positions(table: pd.DataFrame, name: str, bins: Bins, owner: str) -> np.ndarray:
    """Gives (n,) the bin of each row of a column; DataError for a value that is in none."""
    import pandas as pd

    column = _column(table, name, owner)
    if not isinstance(bins, list):
        numbers = numbers_in(column, owner)
        return np.where(np.isfinite(numbers), np.searchsorted(bins, numbers, side="right"), len(bins) + 1)
    codes, texts = texts_of(column, owner)
    found = pd.Index(bins).get_indexer(pd.Index(texts))[codes]
    unknown = np.flatnonzero(found < 0)
    if len(unknown):
        raise DataError(
            f"{owner}: table column {name} holds {plural(len(unknown), 'value')} in {len(found)} rows that were not "
            f"there in fit, such as {texts[codes[unknown[0]]]!r}"
        )
    return found


def occupied_cells(codes: list[np.ndarray], sizes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives (c, margins) the combinations of codes that occur, (c,) their rows, and (n,) each row's combination."""
    flat = np.zeros(len(codes[0]), dtype=np.int64)
    total = 1
    for own, size in zip(codes, sizes, strict=True):
        if total > CELLS_COUNTED // size:  # number the combinations afresh, or their product outgrows the integers
            present, flat = np.unique(flat, return_inverse=True)
            total = len(present)
        flat = flat * size + own.astype(np.int64)
        total *= size
    if total <= CELLS_COUNTED:
        rows = np.bincount(flat, minlength=total)
        numbers = np.cumsum(rows > 0) - 1
        positions, counts = numbers[flat], rows[rows > 0]
    else:
        _, positions, counts = np.unique(flat, return_inverse=True, return_counts=True)
    first = np.zeros(len(counts), dtype=np.int64)
    first[positions] = np.arange(len(positions))
    return np.stack([own[first] for own in codes], axis=1), counts, positions


@dataclass(frozen=True)
class Cells:
    """Rows by the combination of their columns' categories; adds up though each batch has its own categories.

    Attributes
    ----------
    labels : of each column, the categories that occur, as text, sorted.
    codes : (c, columns) the combinations that occur, by the positions of their categories. counts : (c,) their rows, or
    the sums of these rows' weights.
    """

    stored_name = "cells"

    labels: tuple[np.ndarray, ...]
    codes: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, columns: list[pd.Categorical], weight: np.ndarray | None = None) -> tuple[Cells, np.ndarray]:
        """Counts the rows of columns, with weights (n,) where they have some; gives (n,) the cell of each, too."""
        found, counts, positions = occupied_cells([c.codes for c in columns], [len(c.categories) for c in columns])
        if weight is not None:
            counts = np.bincount(positions, weight, len(counts))
        labels, codes = [], []
        for column, own in zip(columns, found.T, strict=True):
            names = np.asarray(column.categories, dtype=object)
            held = np.flatnonzero(np.bincount(own, minlength=len(names)))
            order = held[np.argsort(names[held])]
            ranks = np.zeros(len(names), dtype=np.min_scalar_type(len(names)))  # there may be as many cells as rows
            ranks[order] = np.arange(len(order))
            labels.append(names[order])
            codes.append(ranks[own])
        return cls(tuple(labels), np.stack(codes, axis=1), counts), positions

    def __add__(self, other: Cells) -> Cells:
        labels = tuple(np.union1d(a, b) for a, b in zip(self.labels, other.labels, strict=True))
        codes = []
        for column, every in enumerate(labels):
            parts = [np.searchsorted(every, part.labels[column])[part.codes[:, column]] for part in (self, other)]
            codes.append(np.concatenate(parts).astype(np.min_scalar_type(len(every))))
        cells, _, positions = occupied_cells(codes, [len(every) for every in labels])
        counts = np.bincount(positions, np.concatenate([self.counts, other.counts]))
        return Cells(labels, cells, counts.astype(self.counts.dtype))


def _column(table: pd.DataFrame, name: str, owner: str) -> pd.Series:
    if name not in table.columns:
        raise DataError(f"{owner}: table has no column {name}; its columns are {', '.join(map(str, table.columns))}")
    return table[name]
