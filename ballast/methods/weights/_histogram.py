"""Histograms that add up though each batch has its own range."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, frexp, ldexp

import numpy as np

BINS = 2**13
"""Bins at most; of half the width there would be more."""
LOWEST = -1074 - 53
"""Level below any that a number has."""


@dataclass(frozen=True)
class Histogram:
    """Rows in bins whose width is a power of two and whose edges are multiples of it.

    Two neighbouring bins make one of the double width, so that a histogram can be widened without its rows, and comes
    out the same whatever the order in which batches, or their histograms, are added.

    Attributes
    ----------
    low, high : the least and greatest value. level : the binary logarithm of the bins' width. first : the lower edge
    of the first bin, in widths.
    counts : (bins,) rows, or sums of their weights, of the bins from that of the least value to that of the greatest.
    """

    stored_name = "histogram"

    low: float
    high: float
    level: int
    first: int
    counts: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray | None = None) -> Histogram:
        """Counts finite values (n,), each as one or by its weight (n,)."""
        low, high = float(values.min()), float(values.max())
        level = _level(low, high)
        first = floor(ldexp(low, -level))
        return cls(low, high, level, first, np.bincount(_places(values, level, first), weights))

    def __add__(self, other: Histogram) -> Histogram:
        low, high = min(self.low, other.low), max(self.high, other.high)
        level = _level(low, high)
        first = floor(ldexp(low, -level))
        bins = floor(ldexp(high, -level)) - first + 1
        kept = np.result_type(self.counts, other.counts)
        counts = sum(np.bincount(_places(part.edges, level, first), part.counts, bins) for part in (self, other))
        return Histogram(low, high, level, first, np.asarray(counts).astype(kept, copy=False))

    @property
    def edges(self) -> np.ndarray:
        """Gives (bins,) the lower edges of the bins."""
        return np.ldexp(self.first + np.arange(len(self.counts), dtype=np.float64), self.level)

    @property
    def centers(self) -> np.ndarray:
        """Gives (bins,) the middles of the bins, the outermost within the range."""
        return (self.edges + ldexp(0.5, self.level)).clip(self.low, self.high)

    def places(self, values: np.ndarray) -> np.ndarray:
        """Gives (k,) the bin of each value; beyond the range, the outermost."""
        return _places(values.clip(self.low, self.high), self.level, self.first)

    def interquartile_range(self) -> float:
        """Gives the distance of the quartiles, 0 where both lie in one bin."""
        reached = np.cumsum(self.counts)
        wanted = np.array([0.25, 0.75]) * reached[-1]
        at = np.searchsorted(reached, wanted)
        within = 1 - (reached[at] - wanted) / self.counts[at]
        return 0.0 if at[0] == at[1] else float(np.diff(at + within)[0]) * 2.0**self.level

    def deviation(self) -> float:
        """Gives the standard deviation of the rows, as though all were at the middles of their bins."""
        mean = np.average(self.centers, weights=self.counts)
        return float(np.sqrt(np.average((self.centers - mean) ** 2, weights=self.counts)))


def _level(low: float, high: float) -> int:
    """Gives the least level at which the range has no more than BINS bins, none narrower than the values' rounding.

    A wider range never has a lower one.
    """
    greatest = max(abs(low), abs(high))
    level = frexp(greatest)[1] - 53 if greatest > 0 else LOWEST
    if high > low:
        level = max(level, frexp(high / BINS - low / BINS)[1] - 1)
    while floor(ldexp(high, -level)) - floor(ldexp(low, -level)) >= BINS:
        level += 1
    return level


def _places(values: np.ndarray, level: int, first: int) -> np.ndarray:
    return (np.floor(np.ldexp(values, -level, dtype=np.float64)) - first).astype(np.int64)
