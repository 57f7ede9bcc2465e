"""Bootstrap of metrics that are functions of sums over rows, or over units that rows are of.

A replicate is a vector of how often each row was drawn, so all replicates of all sums are one product of a matrix with
a matrix of counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import norm, t

CHUNK_BYTES = 2**26
ROUNDING = 1e-12
"""The part of a number by which replicates of one value may differ."""


def draw_counts(n_bootstrap: int, rng: np.random.Generator, *sizes: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Gives, chunk by chunk of at most 64 MiB, (b, n) float64 counts of rows drawn with replacement for each size n."""
    b = max(1, min(n_bootstrap, CHUNK_BYTES // (8 * sum(sizes))))
    for start in range(0, n_bootstrap, b):
        chunk = tuple(np.empty((min(b, n_bootstrap - start), n)) for n in sizes)
        for counts in chunk:
            n = counts.shape[1]
            for replicate in counts:
                replicate[:] = np.bincount(rng.integers(n, size=n), minlength=n)
        yield chunk


def bootstrap_sums(terms: sparse.csr_array, n: int, n_bootstrap: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (n_bootstrap, p) sums of the p rows of ``terms`` (p, n) over its n columns, resampled."""
    chunks = [(terms @ np.ascontiguousarray(counts.T)).T for (counts,) in draw_counts(n_bootstrap, rng, n)]
    return np.concatenate(chunks)


def interval(replicates: np.ndarray, confidence: float, n: int) -> tuple[float, float]:
    """Gives the percentile interval, as much wider as Student's quantiles of n rows are than the normal's (Hesterberg).

    NaN where fewer than two rows, or replicates that do not vary, say nothing of how far off the value may be.
    """
    defined = replicates[np.isfinite(replicates)]
    if n < 2 or not len(defined) or np.ptp(defined) <= ROUNDING * np.abs(defined).max():
        return float("nan"), float("nan")
    tail = norm.cdf(np.sqrt(n / (n - 1)) * t.ppf((1 - confidence) / 2, n - 1))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def of_ratios(
    top: np.ndarray, bottom: np.ndarray, n_bootstrap: int, confidence: float, rng: np.random.Generator
) -> np.ndarray:
    """Gives (q, 2) studentised intervals of q ratios of sums over units, from (q, C) ``top`` and (q, C) ``bottom``.

    A replicate is so many of its own standard errors from the ratio as the ratio is of its own from the truth. Where
    too many replicates have no spread to tell that by, it is Student's: of the logarithm where nothing is below 0.
    Where weights differ, the interval is wider by what Student's quantiles are of as many units as the weights are
    worth (Kish), since replicates hardly show what the few units with most weight can do. NaN where the units are fewer
    than two or do not differ.
    """
    least = np.where((top >= 0).all(axis=1), 0.0, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        values, errors = _ratios(top, bottom, np.ones((1, top.shape[1])))
        drawn = [_ratios(top, bottom, counts) for (counts,) in draw_counts(n_bootstrap, rng, top.shape[1])]
        replicates, spreads = (np.concatenate(part) for part in zip(*drawn, strict=True))
        off = (replicates - values) / spreads  # infinite, or NaN, where the units drawn do not differ
    wider = _wider(bottom, confidence)
    found = np.full((len(top), 2), np.nan)
    for j, (value, error) in enumerate(zip(values[0], errors[0], strict=True)):
        if top.shape[1] < 2 or not error * np.abs(bottom[j]).max() > ROUNDING * np.abs(top[j]).max():
            continue
        error *= wider
        known = off[~np.isnan(off[:, j]), j]
        least_off, most_off = _quantiles(known, confidence)
        low, high = value - most_off * error, value - least_off * error
        if not (np.isfinite(low) and np.isfinite(high)):
            low, high = _students(value, error, top.shape[1], confidence, logarithm=least[j] == 0 and value > 0)
        found[j] = max(low, least[j]), high
    return found


def _wider(bottom: np.ndarray, confidence: float) -> float:
    """Gives how much wider the interval of as many units as the weights are worth is; of the evenest of (q, C) rows."""
    n = bottom.shape[1]
    squares = (bottom**2).sum(axis=1)
    worth = float(np.max(ratio(bottom.sum(axis=1) ** 2, squares), initial=2.0, where=squares > 0))
    if n < 2 or worth >= n * (1 - ROUNDING):
        return 1.0
    worth, tail = max(worth, 2.0), 0.5 + confidence / 2
    return float(t.ppf(tail, worth - 1) / t.ppf(tail, n - 1) * np.sqrt(worth * (n - 1) / ((worth - 1) * n)))


def _ratios(top: np.ndarray, bottom: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives (b, q) ratios of units drawn (b, C) times, and their standard errors, 0 where the units do not differ."""
    total = counts @ bottom.T
    values = (counts @ top.T) / total
    squares = counts @ (top**2).T - 2 * values * (counts @ (top * bottom).T) + values**2 * (counts @ (bottom**2).T)
    whole = counts @ (top**2).T
    return values, np.sqrt(np.where(squares > ROUNDING * whole, squares, 0.0)) / np.abs(total)


def _quantiles(off: np.ndarray, confidence: float) -> tuple[float, float]:
    """Gives the outer of the values next to both quantiles, infinite where there are no values."""
    if not len(off):
        return -np.inf, np.inf
    low = np.quantile(off, (1 - confidence) / 2, method="lower")
    return float(low), float(np.quantile(off, (1 + confidence) / 2, method="higher"))


def _students(value: float, error: float, n: int, confidence: float, *, logarithm: bool) -> tuple[float, float]:
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * error * np.sqrt(n / (n - 1))
    if logarithm:
        return float(value * np.exp(-half / value)), float(value * np.exp(half / value))
    return float(value - half), float(value + half)


def by_unit(values: Any, units: np.ndarray | None) -> Any:
    """Gives (..., C) the sums over each unit's rows of values (..., n), sparse or not; without units the values."""
    return values if units is None else values @ members(units)


def members(units: np.ndarray) -> sparse.csr_array:
    """Gives (n, C) which of the C units each row is of."""
    codes = np.unique(units, return_inverse=True)[1]
    return sparse.csr_array((np.ones(len(codes)), (np.arange(len(codes)), codes)))


def slices(groups: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """Gives the name and the row indices of each group, sorted by group."""
    if groups is None:
        return
    names, codes = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(codes))[:-1]), strict=True):
        yield str(name), rows


def one_hot(codes: np.ndarray, values: np.ndarray, n_categories: int) -> sparse.csr_array:
    """Gives (n_categories, n) with ``values[i]`` in row ``codes[i]`` of column i."""
    n = len(codes)
    return sparse.csr_array((values, (codes, np.arange(n))), shape=(n_categories, n))


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Gives top / bottom, NaN where bottom is not above zero."""
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def mean_defined(values: np.ndarray) -> np.ndarray:
    """Gives the mean over the last axis of what is not NaN."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))
