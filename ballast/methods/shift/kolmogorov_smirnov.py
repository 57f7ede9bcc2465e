"""The Kolmogorov-Smirnov test, one numeric column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.frame.base import Claim
from ballast.methods.shift._columns import ColumnResult, ColumnTest, is_numeric, missing_note

if TYPE_CHECKING:
    import pandas as pd


class KolmogorovSmirnov(ColumnTest):
    """Tests every numeric column for a change of its distribution, correcting for the number of columns.

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
    Columns of other types, and columns that only the target has, are left out. Missing values are left out and
    counted in ``effect``; a column without values in one sample, or constant in both, is not tested and says why.
    Infinite values count as ordered values. p-values are those of the one-sample statistic at n m / (n + m) rows
    (Hodges, 1958), conservative where values are tied. Doubles are compared to 52 of their 53 bits.
    Cost: one sort of n + m values a column, memory of one column.

    Raises
    ------
    DataError : no numeric column, none that can be tested, or a column that the target lacks or holds as text.

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

    wanted = "numeric; use chi_squared for categories"
    suits = staticmethod(is_numeric)

    def compare(self, name: object, column: pd.Series, target: pd.Series) -> ColumnResult:
        from scipy.stats import kstwo

        (a, n_missing), (b, m_missing) = _present(column), _present(target)
        n, m = len(a), len(b)
        if not n or not m:
            where = "table" if not n else "the target"
            return ColumnResult.untested(name, f"no value in {where} ({len(column) if not n else len(target)} rows)")
        distance = ks_distance(a, b)
        if distance == 0 and a.min() == a.max():
            return ColumnResult.untested(name, f"constant ({a[0]:g}) in both")
        p_value = float(kstwo.sf(distance, max(1, round(n * m / (n + m)))))
        note = missing_note(n_missing, len(column), m_missing, len(target))
        return ColumnResult(str(name), distance, p_value, distance, f"Kolmogorov-Smirnov distance{note}")


def _present(column: pd.Series) -> tuple[np.ndarray, int]:
    """Gives the values that are there, as doubles, and the number of those missing."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
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
