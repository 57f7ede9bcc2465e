"""The law of the two-sample Kolmogorov-Smirnov distance where nothing differs, ties included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MOST_VALUES = 2000
"""Different values up to which the law is exact: always where the two samples have 2000 rows or fewer together."""
MOST_ROWS = 1_000_000
"""Rows of the smaller sample from which on the law is that of as many, the values' shares as they are."""
BEYOND_DOUBLES = 760.0
"""From twice the squared distance, scaled to its law, on: the chance, about 2 exp(-760), is below the least double."""
SPREADS = 20
"""Standard deviations beyond which a value's count in one sample is not followed (a chance of 1e-87)."""
OVERSHOOT = 0.5826
"""How far, in root mean squares of its step, a walk seen in steps passes a barrier: -zeta(1/2) / sqrt(2 pi)."""


@dataclass(frozen=True)
class Steps:
    """The pooled values of two samples in order: ``sizes`` (K,) says how many rows have the k-th different value,
    ``sizes_target`` how many of them are the target's, ``values`` what it is. ``gap`` is n m times the distance.
    """

    gap: int
    sizes: np.ndarray
    sizes_target: np.ndarray
    values: np.ndarray


def steps(a: np.ndarray, b: np.ndarray) -> Steps:
    """Gives the steps of the two empirical distribution functions of arrays of doubles, and their largest distance.

    One sort of whole numbers: a double's bits, read as an integer that orders as the double does, with the sample
    that it came from in the last bit. Sorting values and labels apart, or by argsort, takes twice as long.
    """
    n, m = len(a), len(b)
    keys = _keys(a, b)
    keys[n:] |= 1
    keys.sort()
    of_target = np.cumsum(keys & 1)
    keys &= ~1
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]), n + m - 1)
    return _stepped(keys[ends], ends + 1, of_target[ends])


def counted_steps(a: np.ndarray, times: np.ndarray, b: np.ndarray, times_target: np.ndarray) -> Steps:
    """Gives the same of values that occur so many times, in any order; a value may be there more than once."""
    keys, n = _keys(a, b), len(a)
    order = np.argsort(keys, kind="stable")
    keys, every = keys[order], np.concatenate([times, times_target])[order]
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]), len(keys) - 1)
    of_target = np.where(order >= n, every, 0)
    return _stepped(keys[ends], np.cumsum(every)[ends], np.cumsum(of_target)[ends])


def _keys(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Gives the pooled doubles as whole numbers that order as they do, the last bit of each 0."""
    pooled = np.concatenate([a, b])
    pooled += 0.0  # -0.0 becomes 0.0
    keys = pooled.view(np.int64)
    keys ^= (keys >> 63) & 0x7FFFFFFFFFFFFFFF  # negative doubles order backwards
    keys &= ~1
    return keys


def _stepped(keys: np.ndarray, seen: np.ndarray, seen_target: np.ndarray) -> Steps:
    """Gives the steps of K different keys, up to each of which so many rows lie, and so many of the target's."""
    keys = keys ^ ((keys >> 63) & 0x7FFFFFFFFFFFFFFF)
    total, m = int(seen[-1]), int(seen_target[-1])
    exact = (seen, seen_target) if total * m < 2**62 else (seen.astype(object), seen_target.astype(object))
    gap = int(np.abs(exact[0] * m - exact[1] * total).max())
    return Steps(gap, np.diff(seen, prepend=0), np.diff(seen_target, prepend=0), keys.view(np.float64))


def p_value(gap: int, n: int, m: int, sizes: np.ndarray) -> float:
    """Gives the chance that two samples of n and m rows, dealt at random from values of which the k-th stands
    ``sizes[k]`` times, are ``gap / (n m)`` or farther apart.

    Exact for ``MOST_VALUES`` different values or fewer. With more, that of a continuous law (Hodges, 1958), or where
    single values are frequent beside them, exact at those and with the rarer values seen in runs. With more than
    ``MOST_ROWS`` rows in either sample exact but for what whole rows of so many can tell, 1 % of p.
    """
    from scipy.stats import kstwo

    if gap == 0:
        return 1.0
    if 2 * gap * (gap / n / m) / (n + m) > BEYOND_DOUBLES:  # ties make it less still
        return 0.0
    if len(sizes) == n + m <= MOST_VALUES:
        return _untied(gap, n, m)
    if len(sizes) <= MOST_VALUES:
        return _dealt(gap, n, m, sizes, np.zeros(len(sizes), dtype=np.int64))
    run = (n + m) / MOST_VALUES
    if sizes.max() < run:
        return float(kstwo.sf(gap / (n * m), max(1, round(n * m / (n + m)))))
    ends = _ends_of_runs(sizes, run)
    joined, counts = np.diff(np.cumsum(sizes)[ends], prepend=0), np.diff(ends, prepend=-1)
    # A run is passed unseen, so that its barrier is nearer, by what the walk oversteps it more than value by value: a
    # part of what one row more changes, so that the law is taken at the whole numbers around.
    nearer, part = divmod(OVERSHOOT * np.sqrt(float(n) * m) * (np.sqrt(run) - 1) / (n + m), 1)
    low, high = (_dealt(gap, n, m, joined, (counts > 1) * int(nearer + k) * (n + m)) for k in (0, 1))
    return low ** (1 - part) * high**part


@lru_cache(maxsize=4096)
def _untied(gap: int, n: int, m: int) -> float:
    """Gives the chance where all values differ: the same for every column, and wide tables have few gaps."""
    one_each = np.ones(n + m, dtype=np.int64)
    return _dealt(gap, n, m, one_each, one_each - 1)


def _ends_of_runs(sizes: np.ndarray, run: float) -> np.ndarray:
    """Gives the last positions of runs of neighbours that hold `run` rows at most, or are one value."""
    before = np.cumsum(sizes) - sizes
    large = sizes >= run
    # Neighbours are in one run that start in the same stretch of `run` rows, with no large one between them.
    label = np.stack([before // run, np.cumsum(large), np.cumsum(np.append(0, large[:-1]))])
    return np.append(np.flatnonzero((label[:, 1:] != label[:, :-1]).any(axis=0)), len(sizes) - 1)


def _dealt(gap: int, n: int, m: int, sizes: np.ndarray, nearer: np.ndarray) -> float:
    """Gives the chance of a distance of `gap` / (n m) or more, the barrier after each value `nearer` by so much.

    Counts of values in the smaller sample are independent binomials, given that they sum to its size. Their running sum
    is followed value by value (a convolution each) while the distance is below `gap`; what leaves is summed up.
    """
    gap, m, sizes, nearer = _fewer(gap, min(n, m), sizes, nearer)
    total = int(sizes.sum())
    kernels = {int(size): _binomial(int(size), m, total) for size in np.unique(sizes)}
    inside, first, done = np.ones(1), 0, 0
    left: list[tuple[np.ndarray, int, int]] = []
    for size, by in zip(sizes[:-1].tolist(), nearer[:-1].tolist(), strict=True):
        start, kernel = kernels[size]
        inside = np.convolve(inside, kernel)[: m + 1 - first - start]
        first, done, reach = first + start, done + size, max(gap - by, 1)
        below = min(max((done * m - reach) // total + 1 - first, 0), len(inside))
        above = min(max(-((-done * m - reach) // total) - first, below), len(inside))
        left += [(inside[:below], first, done), (inside[above:], first + above, done)]
        inside, first = inside[below:above], first + below
        if not len(inside):
            break
    mass = np.concatenate([part for part, _, _ in left])
    count = np.concatenate([start + np.arange(len(part)) for part, start, _ in left])
    seen = np.repeat([done for _, _, done in left], [len(part) for part, _, _ in left])
    possible = m - count <= total - seen
    chance = mass[possible] * _chances((m - count)[possible], (total - seen)[possible], m / total)
    return min(float(chance.sum() / _chances(np.array([m]), np.array([total]), m / total)[0]), 1.0)


def _fewer(gap: int, m: int, sizes: np.ndarray, nearer: np.ndarray) -> tuple[int, int, np.ndarray, np.ndarray]:
    """Gives the same for a smaller sample of ``MOST_ROWS`` rows at most: the shares stay, and so does the law's scale.

    What the law says of many rows depends on these alone, and it takes time in proportion to the rows.
    """
    if m <= MOST_ROWS:
        return gap, m, sizes, nearer
    total = float(sizes.sum())
    fewer = np.maximum(np.rint(sizes * (MOST_ROWS / m)), 1).astype(np.int64)
    left = int(fewer.sum())
    kept = round(m / total * left)
    root = np.sqrt(kept / m * ((left - kept) / (total - m)) * (left / total))
    return round(gap * root), kept, fewer, np.rint(nearer * root).astype(np.int64)


def _binomial(size: int, m: int, total: int) -> tuple[int, np.ndarray]:
    """Gives the least count that is followed, and the chances from there on."""
    share = m / total
    spread = SPREADS * np.sqrt(size * share * (1 - share)) + SPREADS
    least, most = max(0, int(size * share - spread)), min(size, m, int(size * share + spread))
    counts = np.arange(least, most + 1)
    return least, _chances(counts, np.full(len(counts), size), share)


def _chances(counts: np.ndarray, sizes: np.ndarray, share: float) -> np.ndarray:
    """Gives binomial probabilities; scipy's take ten times as long to check their arguments."""
    from scipy.special import gammaln

    ways = gammaln(sizes + 1) - gammaln(counts + 1) - gammaln(sizes - counts + 1)
    return np.exp(ways + counts * np.log(share) + (sizes - counts) * np.log1p(-share))
