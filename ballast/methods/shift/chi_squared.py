"""The chi-squared test of homogeneity, one categorical column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ballast.columns import categories_of, kind_of
from ballast.methods.frame.base import Claim
from ballast.methods.shift._columns import ColumnResult, homogeneity, missing_note
from ballast.methods.shift._counted import Categories
from ballast.methods.shift._design import Weighted, rao_scott, shares_chance
from ballast.methods.shift._streams import StreamingColumnTest
from ballast.methods.shift._units import Units

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_EXPECTED = 5
"""Cochran's rule (1954): below this expected count the chi-squared distribution is a poor one for the statistic."""
DEALS, ENOUGH = 9999, 100
"""Deals behind a p-value by permutation at most, and the number as extreme as what is seen at which they end."""
MOST_CELLS = 20_000
"""Counts that are drawn at once."""
MOST_DEALT = 10**9
"""Rows from which on NumPy deals none; samples of a random size then differ from those of a fixed one by nothing."""


class ChiSquared(StreamingColumnTest):
    """Tests every categorical column for a change of its category shares, correcting for the number of tests.

    Use it for booleans, categoricals and strings; numbers and times are left to ``kolmogorov_smirnov``. Not for
    identifiers or free text, where hardly any category repeats. ``effect_size`` is Cramer's V, in [0, 1]: 0.1 is
    small, 0.5 large.

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
        No categorical column, none that can be tested, or one that the target holds as another kind.

    Notes
    -----
    Independent are taken to be the rows of each sample, and the two samples of each other. Where the roles declare
    ``dependence`` (a customer, say) the units are, and where they declare ``time`` blocks of n^(2/3) rows in its order:
    these are dealt to the samples anew, as they come, for the p-value, which 9999 deals end. Without either, the row
    "(all)" says where neighbouring rows are alike (rank correlation of 0.2 or more) or rows are copies of others.

    Categories that one sample alone has count as categories with count 0 in the other. Where each category is expected
    5 times or more in either sample, the p-value is the chi-squared law's. Elsewhere there are two: of the table with
    its rare categories pooled into one (and the pool with the rarest others until it is expected often enough), which
    sees the frequent ones best; and of the table as it is, by dealing all rows to the samples anew, which is exact in
    samples of any size and in which nothing new hides behind what is known. The smaller counts, times two; the
    second alone where pooling leaves one category. ``statistic`` and ``effect_size`` are of the table as it is, so that
    samples without a common category have a V of 1; with many rare categories V is large without any change, and
    ``effect`` says how large. Values are compared by their text, so that 1, 1.0, True and "1" are one category.

    With design weights the shares are weighted, each sample on a scale of its own, and the p-value is Rao and Scott's
    with their second-order correction, the samples as strata: that of R's ``svychisq``. Below 100 effective rows a
    category it is liberal, and so no less than one by dealing the values to the rows, whose weights stay, which holds
    its level where weights say nothing of values (with units, these are dealt with their weights); a table with rare
    categories, by their effective rows, is tested as it is and pooled.

    Every column of either table has a row: numbers and times are "left to kolmogorov_smirnov", and a column that cannot
    be tested says why ("not tested"): it has no value in one sample, several values a cell, or only one table has
    it. A constant in both has no change, and is not corrected for. Missing values are left
    out and counted in ``effect``; where there are some, a row "name (missing)" tests their share by Fisher's exact
    test, which holds its level in samples of any size, with the change of the share as effect size.

    Learns in batches too: ``partial_fit`` counts some rows of either table, ``merge`` adds what another object counted
    of the rows after, ``finalize`` gives the report, which is that of ``test`` on all rows. A column with more than
    100,000 different values in a sample (or text held against more than 32,768 different numbers) is then "not tested",
    and ``dependence``, ``time`` and design weights are refused. Notes on neighbouring rows are of the first 100,000.

    Cost: one pass over the rows of a column, memory of one column; for the deals, where some are needed, 0.1 ms a
    category for a column that has not changed, up to 4 ms for one that has. In batches 50 ns a cell, and the memory of
    the values told apart and of 100,000 rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> import pandas as pd
    >>> def table(share):
    ...     towns = rng.choice(["Ulm", "Bern"], p=[share, 1 - share], size=300)
    ...     return pd.DataFrame({"town": towns, "paid": rng.random(300) < 0.9})
    >>> report = ballast.method("chi_squared").test(table(0.5), table(0.7))
    >>> report.table.set_index("feature")["rejected"].to_dict()
    {'town': True, 'paid': False, '(all)': True}
    """

    name = "chi_squared"
    reference = "Pearson, On the criterion that a given system of deviations ..., Philosophical Magazine 1900"
    claim = Claim(
        "Holds its level alpha where expected counts reach 5; detects any change of category shares as n grows.",
        "by definition",
        "10 columns of 6 categories, n = m = 300, Holm at 0.05: false alarms in {level:.1%} of 300 draws; a share "
        "that moves from 0.3 to 0.45 in one column is found in {power:.0%} of 100.",
    )

    kinds = frozenset({"truth", "category", "nested"})
    wanted = "categorical (bool, category, string); use kolmogorov_smirnov for numbers"
    other = "kolmogorov_smirnov"
    _side = Categories

    def compare(self, name: object, column: pd.Series, target: pd.Series, units: Units | None) -> list[ColumnResult]:
        if kind_of(column) == "nested":
            return [_nested(name)]
        codes, codes_target, k = _codes(column, target)
        counts = np.stack([np.bincount(own[own >= 0], minlength=k) for own in (codes, codes_target)])
        rows = len(column), len(target)
        if k == 1 or units is None:
            return [_by_counts(name, counts, *rows)]
        if units.weight is not None:
            note = _missing(counts, *rows)
            return [_by_design(name, Weighted.of(units, np.concatenate([codes, codes_target]), k), note)]
        p_value = units.chance(np.concatenate([codes, codes_target]), k, homogeneity)
        return [_by_counts(name, counts, *rows, p_value)]

    def compare_counted(self, name: object, column: Categories, target: Categories) -> list[ColumnResult]:
        if column.kind == "nested":
            return [_nested(name)]
        for side, which in ((column, "table"), (target, "the target")):
            if side.too_many:
                return [ColumnResult.untested(name, _uncounted(which, side))]
        own, theirs = column.counts(), target.counts()
        texts = list(dict.fromkeys([*own, *theirs]))
        counts = np.array([[side.get(text, 0) for text in texts] for side in (own, theirs)], dtype=np.int64)
        return [_by_counts(name, counts, len(column), len(target))]


def _nested(name: object) -> ColumnResult:
    return ColumnResult.untested(name, "a cell holds several values; spread them over columns, or drop it")


def _uncounted(which: str, side: Categories) -> str:
    return (
        f"it cannot be judged in batches: {which} has more than {side.too_many} different values in {len(side)} rows, "
        "so that they were not counted; drop it if it is an id, or test a sample of the rows in memory"
    )


def _missing(counts: np.ndarray, rows: int, rows_target: int) -> str:
    n, m = (int(total) for total in counts.sum(axis=1))
    return missing_note(rows - n, rows, rows_target - m, rows_target)


def _by_counts(
    name: object, counts: np.ndarray, rows: int, rows_target: int, p_value: float | None = None
) -> ColumnResult:
    """Gives the test of (2, k) counts among so many rows; the p-value is by default that of independent rows."""
    note, k, total = _missing(counts, rows, rows_target), counts.shape[1], int(counts.sum())
    if k == 1:
        return ColumnResult.unchanged(name, f"constant in both{note}")
    counts = counts[:, np.lexsort(counts)].astype(np.int64)  # so that the order of the rows cannot matter
    statistic = float(homogeneity(counts[1], counts.sum(axis=0)))
    effect = min(float(np.sqrt(statistic / total)), 1.0)
    unchanged = np.sqrt((k - 1) / (total - 1))  # exact: the mean of the statistic over all deals
    said = f"Cramer's V ({unchanged:.2g} expected without change){note}"
    return ColumnResult(str(name), statistic, _p_value(counts) if p_value is None else p_value, effect, said)


def _by_design(name: object, rows: Weighted, note: str) -> ColumnResult:
    """Gives the test of the weighted shares of rows, and of those with the rare categories pooled."""
    found, p_value, pooled = rao_scott(rows), shares_chance(rows), rare(rows.expected)
    if 0 < len(pooled) < rows.k:
        place = np.cumsum(~np.isin(np.arange(rows.k), pooled)) - 1
        place[pooled] = rows.k - len(pooled)
        p_value = min(1.0, 2 * min(p_value, shares_chance(rows.merged(place, rows.k - len(pooled) + 1))))
    n = len(rows.level)
    effect, unchanged = (min(float(np.sqrt(x / n)), 1.0) for x in (found.statistic, found.expected))
    said = f"Cramer's V ({unchanged:.2g} expected without change){note}"
    return ColumnResult(str(name), found.statistic, p_value, effect, said)


def _codes(column: pd.Series, target: pd.Series) -> tuple[np.ndarray, np.ndarray, int]:
    """Gives the (n,) and (m,) number of each row's category, by its text, -1 where missing, and how many there are."""
    import pandas as pd

    sides = [categories_of(rows) for rows in (column, target)]
    categories = pd.Index(np.concatenate([texts for _, texts in sides])).unique()
    one, other = (np.append(categories.get_indexer(pd.Index(texts)), -1)[codes] for codes, texts in sides)
    return one, other, len(categories)


def _p_value(counts: np.ndarray) -> float:
    """Gives the p-value of (2, k) counts: by the chi-squared law where it holds, and by dealing out anew."""
    from scipy.stats import chi2

    pooled = pool_rare(counts)
    asymptotic = 1.0
    if pooled.shape[1] > 1:
        totals = pooled.sum(axis=0)
        asymptotic = float(chi2.sf(homogeneity(pooled[1], totals), len(totals) - 1))
    if pooled is counts:
        return asymptotic
    dealt = _dealt(counts)
    return dealt if pooled.shape[1] < 2 else min(1.0, 2 * min(asymptotic, dealt))


def _dealt(counts: np.ndarray) -> float:
    """Gives the chance of so large a statistic of (2, k) counts when all rows are dealt to the samples at random.

    It depends on the order of the categories, by the draws.

    Deals end at the 100th that is as extreme (Besag and Clifford, 1991). Where none is, the p-value may be
    smaller than deals can show: that of the one category that sticks out, times their number.
    """
    from scipy.stats import fisher_exact

    totals, (n, m) = counts.sum(axis=0), counts.sum(axis=1)
    observed = float(homogeneity(counts[1], totals)) * (1 - 1e-12)
    rng, done, extreme = np.random.default_rng(0), 0, 0
    at_once = max(1, min(MOST_CELLS // len(totals), DEALS))
    while done < DEALS:
        size = min(at_once, DEALS - done)
        if n + m < MOST_DEALT:
            deals = rng.multivariate_hypergeometric(totals, m, size=size, method="marginals")
        else:
            deals = rng.binomial(totals, m / (n + m), size=(size, len(totals)))
        found = np.flatnonzero(homogeneity(deals, totals) >= observed)
        if extreme + len(found) >= ENOUGH:
            return ENOUGH / (done + int(found[ENOUGH - extreme - 1]) + 1)
        done, extreme = done + size, extreme + len(found)
    p_value = (1 + extreme) / (1 + done)
    if extreme:
        return p_value
    top = int(np.argmax((counts[1] - totals * m / (n + m)) ** 2 / totals))
    k, k_target = counts[:, top].tolist()
    single: Any = fisher_exact([[k, n - k], [k_target, m - k_target]])
    return min(p_value, len(totals) * float(single.pvalue))


def pool_rare(counts: np.ndarray) -> np.ndarray:
    """Merges the rarest categories of (2, k) counts until each is expected 5 times or more in either sample."""
    pooled = rare(counts)
    if not len(pooled):
        return counts
    kept = np.setdiff1d(np.arange(counts.shape[1]), pooled)
    return np.concatenate([counts[:, kept], counts[:, pooled].sum(axis=1, keepdims=True)], axis=1)


def rare(counts: np.ndarray) -> np.ndarray:
    """Gives those of the k categories of (2, k) counts that are to be pooled, none where all are frequent enough."""
    totals = counts.sum(axis=0)
    order = np.argsort(totals, kind="stable")
    least = MINIMUM_EXPECTED * counts.sum() / counts.sum(axis=1).min()
    if totals[order[0]] >= least:
        return order[:0]
    # The pool takes all rare categories, and then as many of the others, rarest first, as it needs.
    n_rare = int((totals < least).sum())
    enough = int(np.searchsorted(np.cumsum(totals[order]), least)) + 1
    return order[: max(n_rare, enough)]
