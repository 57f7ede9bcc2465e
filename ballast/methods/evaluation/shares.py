"""Intervals of shares of rows, and of their paired differences, that hold where a share is 0 or 1.

A bootstrap has nothing to draw there: where every row is right, so is every row of every replicate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import beta, norm

Interval = tuple[float, float]
HALVINGS = 60


def of_share(right: np.ndarray, weight: np.ndarray, confidence: float) -> Interval:
    """Gives the interval of the weighted share of ``right`` (n,), 0 or 1; NaN where no row has weight.

    It is Wilson's; where weights differ, Clopper and Pearson's at the effective size, as Korn and Graubard have it.
    """
    right, weight = _weighty(right, weight)
    if not len(right):
        return float("nan"), float("nan")
    share = float(np.average(right, weights=weight))
    n = _effective_size(right, weight)
    if np.ptp(weight) == 0:
        z = norm.ppf(0.5 + confidence / 2)
        middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
        low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    else:
        tail, hits = (1 - confidence) / 2, n * share
        low = beta.ppf(tail, hits, n - hits + 1) if share > 0 else 0.0
        high = beta.ppf(1 - tail, hits + 1, n - hits) if share < 1 else 1.0
    return min(max(float(low), 0.0), share), max(min(float(high), 1.0), share)


def of_difference(first: np.ndarray, second: np.ndarray, weight: np.ndarray, confidence: float) -> Interval:
    """Gives the interval of the share of ``second`` (n,) minus that of ``first`` on the same rows: Tango's, by scores.

    Where weights differ it is at the effective size of the differences. NaN where no row has weight.
    """
    apart, weight = _weighty(second.astype(np.float64) - first, weight)
    if not len(apart):
        return float("nan"), float("nan")
    n, z = _effective_size(apart, weight), float(norm.ppf(0.5 + confidence / 2))
    up, down = (n * float(np.average(apart == sign, weights=weight)) for sign in (1, -1))

    def above(up: float, down: float) -> float:
        def held(difference: float) -> bool:
            b = (2 * n - up + down) * difference - up - down
            only_down = (np.sqrt(b**2 + 8 * n * down * difference * (1 - difference)) - b) / (4 * n)
            variance = n * (2 * only_down + difference * (1 - difference))
            return (up - down - n * difference) ** 2 <= z**2 * variance

        return furthest(held, (up - down) / n, 1.0)

    return -above(down, up), above(up, down)


def of_recalls(right: np.ndarray, codes: np.ndarray, weight: np.ndarray, confidence: float) -> Interval:
    """Gives the interval of the mean over classes of the share of ``right`` (n,) in each."""
    return _of_classes(right, codes, weight, lambda rows: of_share(right[rows], weight[rows], confidence))


def of_recalls_difference(
    first: np.ndarray, second: np.ndarray, codes: np.ndarray, weight: np.ndarray, confidence: float
) -> Interval:
    """Gives the interval of the mean over classes of what `of_difference` is of in each."""
    apart = second.astype(np.float64) - first
    return _of_classes(
        apart, codes, weight, lambda rows: of_difference(first[rows], second[rows], weight[rows], confidence)
    )


def _of_classes(
    values: np.ndarray, codes: np.ndarray, weight: np.ndarray, interval: Callable[[np.ndarray], Interval]
) -> Interval:
    """Gives the interval of the mean over classes of the means of ``values`` (n,), from the ``interval`` of each.

    Classes are independent, and Zou and Donner recover each one's variance from its interval, on either side by itself.
    """
    classes = [np.flatnonzero((codes == k) & (weight > 0)) for k in np.unique(codes[weight > 0])]
    if not classes:
        return float("nan"), float("nan")
    means = np.array([np.average(values[rows], weights=weight[rows]) for rows in classes])
    low, high = np.transpose([interval(rows) for rows in classes])
    below, above = (float(np.linalg.norm(means - end)) / len(classes) for end in (low, high))
    return float(means.mean()) - below, float(means.mean()) + above


def furthest(held: Callable[[float], bool], inside: float, bound: float) -> float:
    """Gives the point between ``inside``, which is held, and ``bound`` at which ``held`` ends."""
    if held(bound):
        return bound
    for _ in range(HALVINGS):
        between = (inside + bound) / 2
        inside, bound = (between, bound) if held(between) else (inside, between)
    return inside


def kish(weight: np.ndarray) -> float:
    """Gives the number of rows of equal weight whose mean is as sure as that of these."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def _weighty(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = weight > 0
    return values[kept].astype(np.float64), weight[kept]


def _effective_size(values: np.ndarray, weight: np.ndarray) -> float:
    """Gives how many rows of equal weight would be as sure of the mean; Kish's number where the values do not vary.

    It never exceeds Kish's: in a few rows a share near 0 or 1 hides how much the rows with most weight can do.
    """
    most = kish(weight)
    off = values - np.average(values, weights=weight)
    variance = (weight**2 * off**2).sum() / weight.sum() ** 2
    spread = float(np.average(off**2, weights=weight))
    return min(most, spread / variance) if variance > 0 else most
