"""The chi-squared test of homogeneity, one categorical column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.columns import categories_of, kind_of
from ballast.methods.frame.base import Claim
from ballast.methods.shift._columns import ColumnResult, ColumnTest, missing_note

if TYPE_CHECKING:
    import pandas as pd

MINIMUM_EXPECTED = 5
"""Cochran's rule (1954): below this expected count the chi-squared distribution is a poor one for the statistic."""


class ChiSquared(ColumnTest):
    """Tests every categorical column for a change of its category shares, correcting for the number of tests.

    Use it for booleans, categoricals and strings; numbers and times are left to ``kolmogorov_smirnov``. Not for
    identifiers or free text, where hardly any category repeats. ``effect_size`` is Cramer's V, in [0, 1]: 0.1 is
    small, 0.5 large.

    Parameters
    ----------
    alpha : level of the test over all columns together; 0.05 by convention.
    multiplicity : "holm" keeps the chance of any false alarm below `alpha`; "benjamini_hochberg" the expected share
        of false alarms among the columns named.

    Notes
    -----
    Categories that one sample alone has count as categories with count 0 in the other. Categories expected fewer
    than 5 times in either sample are pooled into one, and the pool with the rarest others until it is expected
    often enough. Values are compared by their text, so that 1, 1.0, True and "1" are one category.

    Every column of either table has a row: numbers and times are "left to kolmogorov_smirnov", and a column that cannot
    be tested says why ("not tested"): it has no value in one sample, one category after pooling, several values a
    cell, or only one table has it. A constant in both has no change, and is not corrected for. Missing values are left
    out and counted in ``effect``; where there are some, a row "name (missing)" tests their share by Fisher's exact
    test, which holds its level in samples of any size, with the change of the share as effect size.
    Cost: one pass over the rows of a column, memory of one column.

    Raises
    ------
    DataError : no categorical column, none that can be tested, or one that the target holds as another kind.

    Examples
    --------
    >>> import pandas as pd
    >>> from ballast.methods.shift import ChiSquared
    >>> table = pd.DataFrame({"town": ["Ulm"] * 50 + ["Bern"] * 50})
    >>> ChiSquared().test(table, table.head(60)).rejected
    True
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

    def compare(self, name: object, column: pd.Series, target: pd.Series) -> ColumnResult:
        from scipy.stats import chi2

        if kind_of(column) == "nested":
            return ColumnResult.untested(name, "a cell holds several values; spread them over columns, or drop it")
        counts = _counts(column, target)
        n, m = (int(total) for total in counts.sum(axis=1))
        note = missing_note(len(column) - n, len(column), len(target) - m, len(target))
        n_categories = counts.shape[1]
        if n_categories == 1:
            return ColumnResult.unchanged(name, f"constant in both{note}")
        counts = pool_rare(counts)
        if counts.shape[1] < 2:
            return ColumnResult.untested(
                name, f"of its {n_categories} categories no two are expected {MINIMUM_EXPECTED} times in both samples"
            )
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / (n + m)
        statistic = float(((counts - expected) ** 2 / expected).sum())
        p_value = float(chi2.sf(statistic, counts.shape[1] - 1))
        return ColumnResult(str(name), statistic, p_value, float(np.sqrt(statistic / (n + m))), f"Cramer's V{note}")


def _counts(column: pd.Series, target: pd.Series) -> np.ndarray:
    """Gives the (2, n_categories) counts of the categories that appear, by their texts, missing values left out."""
    import pandas as pd

    sides = [categories_of(rows) for rows in (column, target)]
    categories = pd.Index(np.concatenate([texts for _, texts in sides])).unique()
    counts = np.zeros((2, len(categories)))
    for own, (codes, texts) in zip(counts, sides, strict=True):
        own[categories.get_indexer(pd.Index(texts))] = np.bincount(codes[codes >= 0], minlength=len(texts))
    return counts


def pool_rare(counts: np.ndarray) -> np.ndarray:
    """Merges the rarest categories of (2, k) counts until each is expected 5 times or more in either sample."""
    totals = counts.sum(axis=0)
    order = np.argsort(totals, kind="stable")
    least = MINIMUM_EXPECTED * counts.sum() / counts.sum(axis=1).min()
    if totals[order[0]] >= least:
        return counts
    # The pool takes all rare categories, and then as many of the others, rarest first, as it needs.
    n_rare = int((totals < least).sum())
    enough = int(np.searchsorted(np.cumsum(totals[order]), least)) + 1
    pooled = order[: max(n_rare, enough)]
    kept = order[max(n_rare, enough) :]
    merged = counts[:, pooled].sum(axis=1, keepdims=True)
    return np.concatenate([counts[:, np.sort(kept)], merged], axis=1)
