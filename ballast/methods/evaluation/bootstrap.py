"""Percentile bootstrap of metrics that are functions of sums over rows.

A replicate is a vector of how often each row was drawn, so all replicates of all sums are one product of a sparse
matrix with a matrix of counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy import sparse
from scipy.stats import norm, t

from ballast.methods.frame.reports import OVERALL, AssessmentRows

Metrics = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From sums (..., p) to the values (...) of each metric."""

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


def of_distance(value: float, low: float, high: float, most_without: float) -> tuple[float, float]:
    """Gives the interval of a distance from that of its replicates, which are biased upwards as the value is.

    The low end is turned round the value (the basic bootstrap), and is 0 where there may be no distance.
    """
    return (0.0 if value <= most_without else max(2 * value - high, 0.0)), max(high, value)


def add_metrics(
    rows: AssessmentRows,
    terms: sparse.csr_array,
    metrics: Metrics,
    n: int,
    *,
    n_bootstrap: int,
    confidence: float,
    rng: np.random.Generator,
    slice: str = OVERALL,
    closed: Mapping[str, tuple[float, float]] | None = None,
    unchanged: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Adds each metric with its interval; a metric that is not defined on these rows gets no row.

    ``closed`` holds intervals that need no replicates, and of two rows or more stand in place of theirs.
    ``unchanged`` holds draws of those that are distances from a model without the error, as it would show them.
    """
    values = metrics(np.asarray(terms.sum(axis=1), dtype=np.float64))
    replicates = metrics(bootstrap_sums(terms, n, n_bootstrap, rng))
    for metric, value in values.items():
        if np.isfinite(value):
            own = (closed or {}).get(metric)
            low, high = own if own is not None and n > 1 else interval(replicates[metric], confidence, n)
            none = (unchanged or {}).get(metric)
            if none is not None:
                ends = [(1 - confidence) / 2, (1 + confidence) / 2]
                least, most = np.quantile(none, ends) if n > 1 else (np.nan, np.nan)
                rows.add(f"{metric}_if_calibrated", float(none.mean()), n=n, low=least, high=most, slice=slice)
                low, high = of_distance(float(value), low, high, most)
            rows.add(metric, float(value), n=n, low=low, high=high, slice=slice)


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
