"""Intervals of shares of rows, and of their paired differences, that hold where a share is 0 or 1.

A bootstrap has nothing to draw there: where every row is right, so is every row of every replicate.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.stats import beta, norm, t

from ballast.methods.evaluation.bootstrap import by_unit

Interval = tuple[float, float]
NONE: Interval = (float("nan"), float("nan"))
HALVINGS = 60


def of_share(right: np.ndarray, weight: np.ndarray, confidence: float, units: np.ndarray | None = None) -> Interval:
    """Gives the interval of the weighted share of ``right`` (n,), 0 or 1; NaN where no row has weight.

    It is Wilson's; where weights differ, or rows are of ``units`` (n,), Clopper and Pearson's at the effective size, as
    Korn and Graubard have it.
    """
    right, weight, units = _weighty(right, weight, units)
    if not len(right):
        return NONE
    share = float(np.average(right, weights=weight))
    n = _effective_size(right, weight, units, confidence)
    if units is None and np.ptp(weight) == 0:
        z = norm.ppf(0.5 + confidence / 2)
        middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
        low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    else:
        tail, hits = (1 - confidence) / 2, n * share
        low = beta.ppf(tail, hits, n - hits + 1) if share > 0 else 0.0
        high = beta.ppf(1 - tail, hits + 1, n - hits) if share < 1 else 1.0
    return min(max(float(low), 0.0), share), max(min(float(high), 1.0), share)


def of_difference(
    first: np.ndarray, second: np.ndarray, weight: np.ndarray, confidence: float, units: np.ndarray | None = None
) -> Interval:
    """Gives the interval of the share of ``second`` (n,) minus that of ``first`` on the same rows: Tango's, by scores.

    Where weights differ, or rows are of ``units`` (n,), it is at the effective size of the differences. NaN where no
    row has weight.
    """
    apart, weight, units = _weighty(second.astype(np.float64) - first, weight, units)
    if not len(apart):
        return NONE
    n, z = _effective_size(apart, weight, units, confidence), float(norm.ppf(0.5 + confidence / 2))
    up, down = (n * float(np.average(apart == sign, weights=weight)) for sign in (1, -1))

    def above(up: float, down: float) -> float:
        def held(difference: float) -> bool:
            b = (2 * n - up + down) * difference - up - down
            only_down = (np.sqrt(b**2 + 8 * n * down * difference * (1 - difference)) - b) / (4 * n)
            variance = n * (2 * only_down + difference * (1 - difference))
            return (up - down - n * difference) ** 2 <= z**2 * variance

        return furthest(held, (up - down) / n, 1.0)

    return -above(down, up), above(up, down)


def of_recalls(
    right: np.ndarray, codes: np.ndarray, weight: np.ndarray, confidence: float, units: np.ndarray | None = None
) -> Interval:
    """Gives the interval of the mean over classes of the share of ``right`` (n,) in each."""

    def one(rows: np.ndarray) -> Interval:
        return of_share(right[rows], weight[rows], confidence, _of(units, rows))

    return _of_classes(right, codes, weight, one, independent=units is None)


def of_recalls_difference(
    first: np.ndarray,
    second: np.ndarray,
    codes: np.ndarray,
    weight: np.ndarray,
    confidence: float,
    units: np.ndarray | None = None,
) -> Interval:
    """Gives the interval of the mean over classes of what `of_difference` is of in each."""

    def one(rows: np.ndarray) -> Interval:
        return of_difference(first[rows], second[rows], weight[rows], confidence, _of(units, rows))

    return _of_classes(second.astype(np.float64) - first, codes, weight, one, independent=units is None)


def _of_classes(
    values: np.ndarray,
    codes: np.ndarray,
    weight: np.ndarray,
    interval: Callable[[np.ndarray], Interval],
    *,
    independent: bool,
) -> Interval:
    """Gives the interval of the mean over classes of the means of ``values`` (n,), from the ``interval`` of each.

    Classes are independent, and Zou and Donner recover each one's variance from its interval, on either side by itself;
    where they share units, they are taken for wholly dependent.
    """
    classes = [np.flatnonzero((codes == k) & (weight > 0)) for k in np.unique(codes[weight > 0])]
    if not classes:
        return NONE
    means = np.array([np.average(values[rows], weights=weight[rows]) for rows in classes])
    low, high = np.transpose([interval(rows) for rows in classes])
    return _joined(means, low, high, np.eye(len(means)) if independent else np.ones((len(means),) * 2))


def of_macro_f1(
    predicted: np.ndarray, codes: np.ndarray, weight: np.ndarray, confidence: float, units: np.ndarray | None = None
) -> Interval:
    """Gives the interval of the mean F1 of the classes that (n,) ``codes`` or ``predicted`` have.

    The share s of right rows among those that are of a class or are called so has F1 = 2 s / (1 + s), which carries its
    interval over; the classes' are joined by the correlation of their errors, 1 where a class has none.
    """
    right, means, ends = predicted == codes, [], []
    classes = np.unique(np.concatenate([codes[weight > 0], predicted[weight > 0]]))
    influences = sparse.lil_array((len(classes), len(codes)))
    for at, k in enumerate(classes):
        rows = np.flatnonzero(((codes == k) | (predicted == k)) & (weight > 0))
        share = float(np.average(right[rows], weights=weight[rows]))
        means.append(2 * share / (1 + share))
        low, high = of_share(right[rows], weight[rows], confidence, _of(units, rows))
        ends.append((2 * low / (1 + low), 2 * high / (1 + high)))
        influences[at, rows] = weight[rows] * (right[rows] - share)
    if not means:
        return NONE
    low, high = np.transpose(ends)
    return _joined(np.array(means), low, high, _correlations(sparse.csr_array(by_unit(influences.tocsr(), units))))


def _correlations(influences: sparse.csr_array) -> np.ndarray:
    """Gives (K, K) the correlations of K estimates, none below 0, and 1 of one without a spread with any."""
    products = (influences @ influences.T).toarray()
    spread = np.sqrt(np.diag(products))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(np.nan_to_num(products / np.outer(spread, spread), nan=1.0), 0.0, 1.0)


def _joined(means: np.ndarray, low: np.ndarray, high: np.ndarray, correlation: np.ndarray) -> Interval:
    """Gives the interval of the mean of several means from the intervals of each."""
    below, above = (float(np.sqrt(gap @ correlation @ gap)) / len(means) for gap in (means - low, high - means))
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


def _of(units: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if units is None else units[rows]


def _weighty(
    values: np.ndarray, weight: np.ndarray, units: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    kept = np.flatnonzero(weight > 0)
    return values[kept].astype(np.float64), weight[kept], _of(units, kept)


def _effective_size(values: np.ndarray, weight: np.ndarray, units: np.ndarray | None, confidence: float) -> float:
    """Gives how many rows of equal weight would be as sure of the mean; Kish's number where the values do not vary.

    It never exceeds Kish's: in a few rows a share near 0 or 1 hides how much the rows with most weight can do. Of units
    it is less by what Student's quantiles of so few are wider, and Kish's number is of them where values do not vary.
    """
    off = by_unit(weight * (values - np.average(values, weights=weight)), units)
    variance = (off**2).sum() / weight.sum() ** 2
    spread = float(np.average((values - np.average(values, weights=weight)) ** 2, weights=weight))
    if units is None:
        return min(kish(weight), spread / variance) if variance > 0 else kish(weight)
    n, tail = len(off), 0.5 + confidence / 2
    if n < 2:
        return 1.0
    size = min(kish(weight), spread * (n - 1) / (n * variance)) if variance > 0 else kish(by_unit(weight, units))
    return max(size * float(t.ppf(tail, max(len(weight) - 1, 1)) / t.ppf(tail, n - 1)) ** 2, 1.0)
