"""Laws of the shares of two samples whose rows have design weights, where nothing differs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.shift._units import DEALS, ENOUGH, MOST_STEPS, Units

AT_ONCE = 1_000_000
"""Rows that are dealt, or values that are drawn, at once."""
MOST_DEALT = 5e7
"""Rows that a p-value may deal; with many rows there are fewer deals."""
MANY = 100
"""Effective rows expected in a category beyond which the law of many rows stands alone."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Weighted:
    """The rows of two samples that have a value.

    Attributes
    ----------
    level : (N,) each row's category, in range(k). target : (N,) whether it is of the target. unit : (N,) the number of
    its unit. single : whether each is a unit of its own.
    weight : (N,) its design weight, those of a sample summing up to its number of rows.
    """

    level: np.ndarray
    k: int
    target: np.ndarray
    unit: np.ndarray
    weight: np.ndarray
    single: bool

    @classmethod
    def of(cls, units: Units, level: np.ndarray, k: int) -> Weighted:
        """Takes the rows whose ``level`` (n + m,) is not -1, in an order that does not depend on theirs."""
        assert units.weight is not None
        there = np.flatnonzero(level >= 0)
        target, level, weight = units.in_target[units.of[there]], level[there], units.weight[there].copy()
        for own in (~target, target):
            weight[own] *= own.sum() / weight[own].sum()
        order = np.lexsort([weight, level, target])
        unit = units.of[there][order]
        return cls(level[order], k, target[order], unit, weight[order], units.single)

    def merged(self, level: np.ndarray, k: int) -> Weighted:
        """Gives the rows with other categories: ``level`` (K,) holds that of each."""
        return Weighted(level[self.level], k, self.target, self.unit, self.weight, self.single)

    @cached_property
    def samples(self) -> list[np.ndarray]:
        return [np.flatnonzero(~self.target), np.flatnonzero(self.target)]

    @cached_property
    def counts(self) -> np.ndarray:
        """Gives (2, k) the weighted rows of each sample and category."""
        return np.stack([np.bincount(self.level[own], self.weight[own], self.k) for own in self.samples])

    @cached_property
    def n_units(self) -> tuple[int, int]:
        first, second = (len(own) if self.single else len(np.unique(self.unit[own])) for own in self.samples)
        return first, second

    @cached_property
    def expected(self) -> np.ndarray:
        """Gives (2, k) how many rows (or units) of equal weight, worth as much as each sample, a category would have.

        By the rows of both together, whatever their weights: dealing does not change it.
        """
        worth = [effective_sample_size(np.bincount(self.unit[own], self.weight[own])) for own in self.samples]
        return np.outer(worth, np.bincount(self.level, minlength=self.k) / len(self.level))

    def of_units(self, sample: int, values: np.ndarray) -> sparse.csr_array:
        """Gives (U, k) the sums of ``values`` (N,) over a sample's units and categories."""
        own = self.samples[sample]
        unit = np.arange(len(own)) if self.single else np.unique(self.unit[own], return_inverse=True)[1]
        shape = (self.n_units[sample], self.k)
        return sparse.csr_array((values[own], (unit, self.level[own])), shape=shape)


def pearson(counts: np.ndarray) -> np.ndarray:
    """Gives Pearson's statistic (...) of the shares of counts (..., 2, k), each sample at its own total."""
    totals = counts.sum(axis=-1, keepdims=True)
    expected = counts.sum(axis=-2, keepdims=True) * totals / totals.sum(axis=-2, keepdims=True)
    squares = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0)
    return squares.sum(axis=(-2, -1))


@dataclass(frozen=True)
class RaoScott:
    """Pearson's ``statistic`` of weighted shares, its mean where nothing differs (``expected``), and its p-value."""

    statistic: float
    expected: float
    p_value: float


def rao_scott(rows: Weighted) -> RaoScott:
    """Gives Rao and Scott's test with their second-order correction, as R's ``svychisq`` has it (``statistic = "F"``).

    The samples are strata, of known sizes; the design effects are those of the weights and units.
    """
    from scipy.stats import f

    statistic = float(pearson(rows.counts))
    occupied = rows.counts.sum(axis=0) > 0
    if min(rows.n_units) < 2 or occupied.sum() < 2:
        return RaoScott(statistic, float(max(occupied.sum() - 1, 0)), 1.0)
    inverse = np.divide(1.0, rows.counts, out=np.zeros_like(rows.counts), where=rows.counts > 0)
    under_lot = inverse.sum(axis=0)
    scale = np.divide(1.0, np.sqrt(under_lot), out=np.zeros(rows.k), where=occupied)
    relative = inverse[rows.target.astype(np.int64), rows.level] * rows.weight * scale[rows.level]
    parts = [(rows.of_units(sample, relative), units) for sample, units in enumerate(rows.n_units)]
    effects = sum((units / (units - 1) * (part.T @ part) for part, units in parts), sparse.csr_array((rows.k, rows.k)))
    # Of the (k, k) design effects those of contrasts count, which are orthogonal to the direction of all categories.
    every = scale / np.linalg.norm(scale)
    along = effects @ every
    trace = float(effects.diagonal().sum() - every @ along)
    squared = float((effects.multiply(effects)).sum() - 2 * along @ along + (every @ along) ** 2)
    df = trace**2 / squared
    p_value = float(f.sf(statistic / trace, df, df * (sum(rows.n_units) - 2)))
    return RaoScott(statistic, trace, p_value)


def shares_chance(rows: Weighted) -> float:
    """Gives the p-value of the samples' shares: Rao and Scott's and, where rows are few, no less than a dealt one."""
    law = rao_scott(rows).p_value
    if law == 1.0 or rows.expected.min() >= MANY:
        return law
    dealt = _dealt(rows)
    return law if dealt is None else max(law, dealt)


def _dealt(rows: Weighted) -> float | None:
    """Gives the chance of so large a statistic when values are dealt to the rows, whose weights stay.

    With units, these are dealt to the samples, with their rows' weights. None where no deal reaches the statistic.
    """
    observed = float(pearson(rows.counts)) * (1 - ROUNDING)
    rng, done, extreme = np.random.default_rng(0), 0, 0
    size = len(rows.level) if rows.single else int(sum(rows.n_units))
    deals = int(np.clip((MOST_DEALT if rows.single else MOST_STEPS / rows.k) / size, 199, DEALS))
    at_once = int(np.clip(AT_ONCE // max(size, 2 * rows.k), 1, 500))
    while done < deals:
        counts = (_values_dealt if rows.single else _units_dealt)(rows, min(at_once, deals - done), rng)
        found = np.flatnonzero(pearson(counts) >= observed)
        if extreme + len(found) >= ENOUGH:
            return ENOUGH / (done + int(found[ENOUGH - extreme - 1]) + 1)
        done, extreme = done + len(counts), extreme + len(found)
    return (1 + extreme) / (1 + done) if extreme else None


def _values_dealt(rows: Weighted, deals: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (deals, 2, k) weighted counts with the values in another order."""
    level = rng.permuted(np.tile(rows.level, (deals, 1)), axis=1)
    cell = level + rows.k * (rows.target + 2 * np.arange(deals)[:, None])
    weight = np.broadcast_to(rows.weight, cell.shape)
    return np.bincount(cell.ravel(), weight.ravel(), 2 * deals * rows.k).reshape(deals, 2, rows.k)


def _units_dealt(rows: Weighted, deals: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (deals, 2, k) weighted counts with other units in the samples."""
    of = [rows.of_units(sample, rows.weight) for sample in (0, 1)]
    counts = sparse.vstack(of, format="csr")
    in_target = np.repeat([False, True], rows.n_units)
    dealt = rng.permuted(np.tile(in_target, (deals, 1)), axis=1)
    return np.stack([(counts.T @ part.T.astype(np.float64)).T for part in (~dealt, dealt)], axis=1)


def distance(counts: np.ndarray) -> float:
    """Gives the largest distance between the distribution functions of counts (2, k), each at its own total."""
    functions = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    return float(np.abs(functions[0] - functions[1]).max())


def distance_chance(rows: Weighted) -> float:
    """Gives the chance of so large a distance of the distribution functions, by draws of the law of many rows.

    The difference of the functions is then a Gaussian process: the sum of the steps of its rows (or units), each times
    a normal number, tied down at both ends; divided by a root of chi-squared, as Student's t is, for its steps are
    estimated. Beyond the draws, the chance is twice the two-sided one of the value where the process varies most.
    """
    from scipy.stats import t

    if min(rows.n_units) < 2:
        return 1.0
    observed = distance(rows.counts) * (1 - ROUNDING)
    pooled = np.cumsum(rows.counts.sum(axis=0)) / rows.counts.sum()
    steps, freedom = _steps(rows), sum(rows.n_units) - 2
    rng, done, extreme = np.random.default_rng(0), 0, 0
    while done < DEALS:
        size = min(int(np.clip(AT_ONCE // rows.k, 1, 500)), DEALS - done)
        normal = rng.standard_normal((size, len(steps)))
        walk = np.cumsum(normal * steps if steps.ndim == 1 else normal @ steps, axis=1)
        furthest = np.abs(walk - walk[:, -1:] * pooled).max(axis=1)
        found = np.flatnonzero(furthest * np.sqrt(freedom / rng.chisquare(freedom, size)) >= observed)
        if extreme + len(found) >= ENOUGH:
            return ENOUGH / (done + int(found[ENOUGH - extreme - 1]) + 1)
        done, extreme = done + size, extreme + len(found)
    if extreme:
        return (1 + extreme) / (1 + done)
    tied = np.tril(np.ones((rows.k, rows.k))) - pooled[:, None]
    spread = float(np.sqrt((((tied * steps) if steps.ndim == 1 else tied @ steps.T) ** 2).sum(axis=1).max()))
    return min(1 / (1 + done), float(4 * t.sf(observed / spread, freedom)))


def _steps(rows: Weighted) -> np.ndarray:
    """Gives what normal numbers are multiplied with for the steps of the process: (k,) each its own, or (r, k)."""
    sizes = rows.counts.sum(axis=1)
    parts = [rows.of_units(sample, rows.weight / sizes[sample]) for sample in (0, 1)]
    factors = [units / (units - 1) for units in rows.n_units]
    if rows.single:
        squares = [np.bincount(rows.level[own], rows.weight[own] ** 2, rows.k) for own in rows.samples]
        return np.sqrt(sum(f * q / n**2 for f, q, n in zip(factors, squares, sizes, strict=True)))
    if sum(rows.n_units) <= rows.k:
        return np.vstack([np.sqrt(f) * part.toarray() for f, part in zip(factors, parts, strict=True)])
    together = np.sum([f * (part.T @ part).toarray() for f, part in zip(factors, parts, strict=True)], axis=0)
    values, vectors = np.linalg.eigh(together)
    return (vectors * np.sqrt(np.maximum(values, 0.0))).T
