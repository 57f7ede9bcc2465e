"""The distributions of single columns, as a picture shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ballast.reporting.columns.shifts import ColumnShift, Comparison, values_of
from ballast.reporting.columns.values import Categories, Numbers

MOST_BARS = 8
"""Categories that a picture names; the others are one bar."""
BINS = 24
LARGEST_WHOLE = 2**53
"""Whole numbers beyond are not all doubles, so that none lies between two of them."""
LARGEST = 1e300
"""Numbers beyond are not drawn: their differences are infinite."""


@dataclass(frozen=True)
class Shape:
    """The share of rows in each bin or of each category.

    Attributes
    ----------
    shares : (2, k) of the training rows and of the target or, with weights, (3, k): of the weighted training rows too.
    edges : (k + 1,) of the bins; None of categories.
    names : (k,) of the categories; none of bins.
    beyond : whether the outer bins hold values that lie beyond them.
    """

    shares: np.ndarray
    edges: np.ndarray | None = None
    names: tuple[str, ...] = ()
    beyond: bool = False


def shapes(comparison: Comparison, columns: Sequence[ColumnShift]) -> Iterator[tuple[ColumnShift, Shape]]:
    """Gives the distribution of each of some columns that were compared, but for numbers too large for a scale."""
    by_name = {shift.column: shift for shift in columns}
    for pair in comparison.sides.pairs(list(by_name)):
        values = values_of(pair)
        if isinstance(values, Numbers) and all(np.abs(side).max() < LARGEST for side in (values.train, values.target)):
            yield by_name[pair.column], _of_numbers(values)
        elif isinstance(values, Categories):
            yield by_name[pair.column], _of_categories(values)


def _of_numbers(values: Numbers) -> Shape:
    pooled = np.concatenate([values.train, values.target])
    edges = _edges(pooled)
    middles = (edges[:-1] + edges[1:]) / 2
    sides: list[tuple[np.ndarray, np.ndarray | None]] = [(values.train, None), (values.target, None)]
    if values.weights is not None and values.weights.sum() > 0:
        sides.append((values.train, values.weights))
    shares = []
    for side, weights in sides:
        counts = np.histogram(np.clip(side, middles[0], middles[-1]), edges, weights=weights)[0].astype(float)
        shares.append(counts / counts.sum())
    return Shape(np.stack(shares), edges, beyond=bool((pooled < edges[0]).any() or (pooled > edges[-1]).any()))


def _edges(pooled: np.ndarray) -> np.ndarray:
    """Gives bins that a few values far out do not stretch; of few whole numbers one each."""
    low, inner_low, inner_high, high = np.quantile(pooled, [0, 0.005, 0.995, 1])
    reach = (inner_high - inner_low) / 2
    low, high = max(low, inner_low - reach), min(high, inner_high + reach)
    whole = (pooled == np.round(pooled)).all() and max(abs(low), abs(high)) < LARGEST_WHOLE
    if whole and high - low <= BINS:
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + 1)
    slack = 1e-9 * (high - low) if high > low else 0.5 * max(1.0, abs(low))
    return np.linspace(low - slack, high + slack, BINS + 1)


def _of_categories(values: Categories) -> Shape:
    order = np.lexsort((np.asarray(values.names, dtype=str), -values.shares[:2].max(axis=0)))
    few = len(order) <= MOST_BARS + 1
    shown, rest = (order, order[:0]) if few else (order[:MOST_BARS], order[MOST_BARS:])
    shares, names = values.shares[:, shown], [values.names[j] for j in shown]
    if len(rest):
        shares = np.column_stack([shares, values.shares[:, rest].sum(axis=1)])
        names.append(f"{len(rest):,} others")
    return Shape(shares, names=tuple(names))
