"""The Kolmogorov-Smirnov test, one column of numbers or times at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ballast.columns import canonical, is_missing, kind_of, numbers_of
from ballast.methods.frame.base import Claim
from ballast.methods.shift._columns import ColumnResult, counted_share, missing_note, share_test, sketched
from ballast.methods.shift._counted import Numbers
from ballast.methods.shift._design import Weighted, distance, distance_chance
from ballast.methods.shift._smirnov import Steps, counted_steps, p_value, steps
from ballast.methods.shift._streams import StreamingColumnTest
from ballast.methods.shift._units import Units
from ballast.precision import coarser_of, rounded

if TYPE_CHECKING:
    import pandas as pd

MOST_CELLS = 5_000_000
"""Counts by unit and stretch of values that are held at once."""
STRETCHES = 500
"""Stretches of equal weight in which more values than that are seen, where they have design weights."""
LEAST_SHARE, LEAST_TIMES = 0.01, 5
"""A value is frequent that this share of all rows holds or more, and this times as many as hold the median value."""


class KolmogorovSmirnov(StreamingColumnTest):
    """Tests every column of numbers or times for a change of its distribution, correcting for the number of tests.

    Use it to name the columns that moved, on tables of any length and width. It looks at one column at a time: a
    change of the dependence between columns alone is invisible to it (use ``maximum_mean_discrepancy`` or
    ``classifier_two_sample_test``), and categories need ``chi_squared``. With many rows a tiny change is
    significant: judge by ``effect_size``, the largest distance between the two distribution functions, in [0, 1].

    Parameters
    ----------
    alpha : float in (0, 1), default 0.05
        Level of the test over all columns together; 0.05 by convention.
    multiplicity : {"holm", "benjamini_hochberg"}, default "holm"
        "holm" keeps the chance of any false alarm below `alpha`; "benjamini_hochberg" the expected share of false
        alarms among the columns named.
    decide : dict or None, default None
        What a change must reach to count, in place of `alpha` alone: {p: 0.05, effect: 0.1} asks for a p-value
        (adjusted) of at most 0.05 and an effect size of at least 0.1, {effect: 0.1} for the effect size alone, so that
        the number of rows does not decide.

    Raises
    ------
    DataError
        No column of numbers or times, none that can be tested, or one that the target holds as another kind.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other. Where the roles declare
    ``dependence`` (a customer, say) the units are, and where they declare ``time`` blocks of n^(2/3) rows in its order:
    these are dealt to the samples anew, as they come, for the p-value, which 9999 deals end. Without either, the row
    "(all)" says where neighbouring rows are alike (rank correlation of 0.2 or more) or rows are copies of others.

    The p-value is exact where a column has 2000 different values or fewer in both samples together (so always with
    2000 rows or fewer): the chance of such a distance when the pooled values, ties included, are dealt to the samples
    at random. Flags, counts, ratings and rounded values are thus tested at their own level. Beyond, it is that of the
    one-sample statistic at n m / (n + m) rows (Hodges, 1958), and where single values are frequent beside them (zeros
    in a column of amounts), exact at these, with the others seen in runs: within 3 % of the exact p.

    With design weights the distance is that of the weighted distribution functions, and its p-value that of the
    Gaussian process which their difference comes to with many rows, by 9999 draws at most, with Student's correction
    for few. It holds its level where weights go with values, too, given tens of rows of each weight; where they do not
    it is cautious in small samples. The shares of missing and frequent values are then tested as by ``chi_squared``.

    A value that 1 % of all rows hold or more, and five times as many as hold the median value, is frequent. Where
    there is such a one, a row "name (frequent value)" tests its share by Fisher's exact test, times the number of
    frequent values: a sensor stuck at 0 in some rows hardly moves the distance.

    Dates, timestamps, times of day, durations and decimals are tested as numbers. Where one sample's numbers are all of
    a lesser precision (stored as FLOAT, or once passed through it) both are compared at it, and ``effect`` says so.
    Every column of either table has a row: one of another kind is "left to chi_squared", and one that cannot be tested
    says why ("not tested"): it has no value in one sample, or only one table has it. A constant in both has no change,
    and is not corrected for. Missing values are left out and counted in ``effect``; where there are some, a row
    "name (missing)" tests their share by Fisher's exact test, which holds its level in samples of any size, with the
    change of the share as effect size. Infinite values count as ordered values. Doubles are compared to 52 of their 53
    bits.

    Learns in batches too: ``partial_fit`` counts some rows of either table, ``merge`` adds what another object counted
    of the rows after, ``finalize`` gives the report. It is that of ``test`` on all rows while a column has no more than
    32,768 different values in a sample. Beyond, the distance is that of two sketches: ``effect`` says what it may be
    off by (0.0012 at ten million rows each), and the p-value is that of a distance less by as much, so that a change is
    called only where the sketches cannot have made it; so it is with the share of a frequent value. ``dependence``,
    ``time`` and design weights are refused, and notes on neighbouring rows are of the first 100,000.

    Cost: one sort of n + m values a column, memory of one column, and 20 ms for the p-value at most of 2000 rows
    (half a second to five of a million rows or more with 2000 different values). In batches 75 ns a value, and at most
    1 MB a column and sample beside the 100,000 rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> import pandas as pd
    >>> def table(age):
    ...     ages, x = rng.normal(age, 9, 300), rng.random(300)
    ...     return pd.DataFrame({"age": ages, "x": x})
    >>> report = ballast.method("kolmogorov_smirnov").test(table(40), table(52))
    >>> report.table[["feature", "rejected", "effect_size"]].round(1)
      feature  rejected  effect_size
    0     age      True          0.5
    1       x     False          0.1
    2   (all)      True          0.5
    """

    name = "kolmogorov_smirnov"
    reference = "Smirnov, Table for estimating the goodness of fit of empirical distributions, Ann. Math. Stat. 1948"
    claim = Claim(
        "Holds its level alpha whatever the (continuous) distribution; detects any change of a column as n grows.",
        "by definition",
        "20 columns, n = m = 200, Holm at 0.05: false alarms in {level_holm:.1%} of 300 draws; a shift of half a "
        "standard deviation in one column is found in {power:.0%} of 100.",
    )

    kinds = frozenset({"number", "time"})
    wanted = "a number or a time; use chi_squared for categories"
    other = "chi_squared"
    _side = Numbers

    def compare(self, name: object, column: pd.Series, target: pd.Series, units: Units | None) -> list[ColumnResult]:
        a, b = numbers_of(column), numbers_of(target)
        there, there_target = ~np.isnan(a), ~np.isnan(b)
        n, m = int(there.sum()), int(there_target.sum())
        note = missing_note(len(a) - n, len(a), len(b) - m, len(b))
        if kind_of(column) == "number" and (coarser := coarser_of(column, a[there], target, b[there_target])):
            a, b = rounded(a, coarser), rounded(b, coarser)
            note += _compared_as(coarser)
        stepped = steps(a[there], b[there_target])
        if len(stepped.sizes) == 1:
            return [_constant(name, canonical(column[~is_missing(column)].head(1))[0], note)]
        if units is None:
            return _by_steps(name, stepped, note)
        if units.weight is not None:
            distance, chance = _by_design(np.concatenate([a, b]), units)
        else:
            distance = stepped.gap / (n * m)
            level, n_levels = _stretches(np.concatenate([a, b]), stepped, len(units.in_target))
            chance = units.chance(level, n_levels, _distance)
        found = ColumnResult(str(name), distance, chance, distance, f"Kolmogorov-Smirnov distance{note}")
        kept = units.where(there, there_target)
        return [found, *_frequent_value(stepped, lambda v: _share_by_units(name, v, a[there], b[there_target], kept))]

    def compare_counted(self, name: object, column: Numbers, target: Numbers) -> list[ColumnResult]:
        note = missing_note(column.missing, len(column), target.missing, len(target))
        (a, times, error), (b, times_target, error_target) = column.values(), target.values()
        if column.kind == "number" and column.precision != target.precision:
            coarser = min(column.precision, target.precision, key=lambda dtype: dtype.itemsize)
            a, b = rounded(a, coarser), rounded(b, coarser)
            note += _compared_as(coarser)
        stepped = counted_steps(a, times, b, times_target)
        if len(stepped.sizes) == 1:
            return [_constant(name, column.first, note)]
        return _by_steps(name, stepped, note, error + error_target)


def _compared_as(coarser: np.dtype) -> str:
    return f" (compared as {coarser}, the precision of one of the two)"


def _constant(name: object, value: str, note: str) -> ColumnResult:
    return ColumnResult.unchanged(name, f"constant ({value}) in both{note}")


def _by_steps(name: object, stepped: Steps, note: str, error: float = 0.0) -> list[ColumnResult]:
    """Gives the tests of independent rows, by the steps of both distribution functions alone.

    ``error`` is what their distance may be off by: the p-value is that of a distance less by as much.
    """
    m = int(stepped.sizes_target.sum())
    n = int(stepped.sizes.sum()) - m
    distance, sure = stepped.gap / (n * m), max(stepped.gap - math.ceil(error * n * m), 0)
    said = f"Kolmogorov-Smirnov distance{sketched(error)}{note}"
    chance = p_value(sure, n, m, stepped.sizes)
    found = ColumnResult(str(name), distance, chance, distance, said, error=error)
    return [found, *_frequent_value(stepped, lambda value: _share_by_steps(name, value, stepped, n, m, 2 * error))]


def _by_design(values: np.ndarray, units: Units) -> tuple[float, float]:
    """Gives the distance of the weighted distribution functions of values (n + m,), and its chance."""
    found, level = np.unique(values, return_inverse=True)
    k = len(found) - int(np.isnan(found[-1]))
    rows = Weighted.of(units, np.where(np.isnan(values), -1, level), k)
    observed = distance(rows.counts)
    if k > STRETCHES:
        below = np.cumsum(rows.counts.sum(axis=0)) / rows.counts.sum()
        rows = rows.merged(np.minimum((below * STRETCHES).astype(np.int64), STRETCHES - 1), STRETCHES)
    return observed, distance_chance(rows)


def _stretches(values: np.ndarray, stepped: Steps, n_units: int) -> tuple[np.ndarray, int]:
    """Gives each value's stretch, -1 where it is missing, and their number: each its own where values are few."""
    most = int(np.clip(MOST_CELLS // n_units, 20, 500))
    ends = np.cumsum(stepped.sizes)
    kept = np.unique(np.searchsorted(ends, np.linspace(0, ends[-1], most + 1)[1:-1])) if len(ends) > most else slice(-1)
    bounds = stepped.values[kept]
    missing = np.isnan(values)
    # Values of `stepped` lack their last bit, so that a value lies at its own or above.
    level = np.searchsorted(np.nextafter(bounds, np.inf), np.where(missing, 0, values))
    return np.where(missing, -1, level), len(bounds) + 1


def _distance(of_target: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Gives the largest distance between the distribution functions of counts (..., k) and of the rest of `totals`."""
    target, every = np.cumsum(of_target, axis=-1), np.cumsum(totals)
    m = target[..., -1:]
    return np.abs(target / m - (every - target) / (every[-1] - m)).max(axis=-1)


def _frequent_value(stepped: Steps, test: Callable[[float], ColumnResult]) -> list[ColumnResult]:
    """Gives the test of the share of the frequent value that changed most clearly; none where no value is frequent."""
    sizes = stepped.sizes
    least = max(LEAST_SHARE * int(sizes.sum()), LEAST_TIMES * float(np.median(sizes)))
    tested = [test(value) for value in stepped.values[sizes >= least]]
    if not tested:
        return []
    clearest = min(tested, key=lambda result: result.p_value)
    return [replace(clearest, p_value=min(1.0, clearest.p_value * len(tested)))]


def _share_by_units(name: object, value: float, a: np.ndarray, b: np.ndarray, units: Units) -> ColumnResult:
    held, held_target = ((x == value) | (x == np.nextafter(value, np.inf)) for x in (a, b))  # lacks its last bit
    return share_test(name, "frequent value", f"share at {value:.6g}", held, held_target, units)


def _share_by_steps(name: object, value: float, stepped: Steps, n: int, m: int, error: float) -> ColumnResult:
    at = np.flatnonzero(stepped.values == value)[0]
    every, k_target = int(stepped.sizes[at]), int(stepped.sizes_target[at])
    return counted_share(name, "frequent value", f"share at {value:.6g}", (every - k_target, n), (k_target, m), error)
