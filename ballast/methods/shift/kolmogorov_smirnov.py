"""The Kolmogorov-Smirnov test, one column of numbers or times at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.columns import canonical, is_missing, numbers_of
from ballast.methods.frame.base import Claim
from ballast.methods.shift._columns import ColumnResult, ColumnTest, missing_note

if TYPE_CHECKING:
    import pandas as pd


class KolmogorovSmirnov(ColumnTest):
    """Tests every column of numbers or times for a change of its distribution, correcting for the number of tests.

    Use it to name the columns that moved, on tables of any length and width. It looks at one column at a time: a
    change of the dependence between columns alone is invisible to it (use ``maximum_mean_discrepancy`` or
    ``classifier_two_sample_test``), and categories need ``chi_squared``. With many rows a tiny change is
    significant: judge by ``effect_size``, the largest distance between the two distribution functions, in [0, 1].

    Parameters
    ----------
    alpha : level of the test over all columns together; 0.05 by convention.
    multiplicity : "holm" keeps the chance of any false alarm below `alpha`; "benjamini_hochberg" the expected share
        of false alarms among the columns named.

    Notes
    -----
    Dates, timestamps, times of day, durations and decimals are tested as numbers. Every column of either table has a
    row: one of another kind is "left to chi_squared", and one that cannot be tested says why ("not tested"): it has no
    value in one sample, or only one table has it. A constant in both has no change, and is not corrected for. Missing
    values are left out and counted in ``effect``; where there are some, a row "name (missing)" tests their share by
    Fisher's exact test, which holds its level in samples of any size, with the change of the share as effect size.
    Infinite values count as ordered values. p-values are those of the one-sample statistic at n m / (n + m) rows
    (Hodges, 1958), conservative where values are tied. Doubles are compared to 52 of their 53 bits.
    Cost: one sort of n + m values a column, memory of one column.

    Raises
    ------
    DataError : no column of numbers or times, none that can be tested, or one that the target holds as another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from ballast.methods.shift import KolmogorovSmirnov
    >>> table = np.linspace(0, 1, 100)[:, None]
    >>> report = KolmogorovSmirnov().test(table, table / 2)
    >>> report.rejected, round(report.statistic, 1)
    (True, 0.5)
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

    def compare(self, name: object, column: pd.Series, target: pd.Series) -> ColumnResult:
        from scipy.stats import kstwo

        (a, n_missing), (b, m_missing) = _present(column), _present(target)
        n, m = len(a), len(b)
        note = missing_note(n_missing, len(column), m_missing, len(target))
        distance = ks_distance(a, b)
        if distance == 0 and a.min() == a.max():
            value = canonical(column[~is_missing(column)].head(1))[0]
            return ColumnResult.unchanged(name, f"constant ({value}) in both{note}")
        p_value = float(kstwo.sf(distance, max(1, round(n * m / (n + m)))))
        return ColumnResult(str(name), distance, p_value, distance, f"Kolmogorov-Smirnov distance{note}")


def _present(column: pd.Series) -> tuple[np.ndarray, int]:
    """Gives the values that are there, as doubles, and the number of those missing."""
    values = numbers_of(column)
    missing = np.isnan(values)
    count = int(missing.sum())
    return (values[~missing] if count else values), count


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Gives the largest distance between the empirical distribution functions of two arrays of doubles.

    One sort of whole numbers: a double's bits, read as an integer that orders as the double does, with the sample
    that it came from in the last bit. Sorting values and labels apart, or by argsort, takes twice as long.
    """
    n, m = len(a), len(b)
    pooled = np.concatenate([a, b])
    pooled += 0.0  # -0.0 becomes 0.0
    keys = pooled.view(np.int64)
    keys ^= (keys >> 63) & 0x7FFFFFFFFFFFFFFF  # negative doubles order backwards
    keys &= ~1
    keys[n:] |= 1
    keys.sort()
    gap = (keys & 1) * (-n - m)
    gap += m  # +m for a value of a, -n for one of b: the running sum is n m times the gap between the two functions
    np.cumsum(gap, out=gap)
    keys >>= 1
    gap = gap[:-1][keys[1:] != keys[:-1]]  # tied values step together; after the last value the gap is 0
    return float(max(gap.max(initial=0), -gap.min(initial=0)) / (n * m))
