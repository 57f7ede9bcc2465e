"""Raking: weights under which every column's categories have the target's shares."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ballast.errors import DataError, OverlapError
from ballast.methods.base import Claim, Weigher
from ballast.methods.parameters import Count, Positive
from ballast.methods.weights._cells import MISSING, occupied_cells

log = logging.getLogger(__name__)

RUNAWAY_FACTOR = 1e100
"""A category's factor that only grows so far where no weights meet the margins together."""


class Raking(Weigher):
    """Weighs rows so that the shares of each column's categories are the target's: raking, or post-stratification.

    Use it for survey samples and wherever margins of the target are what is known and trusted; number columns are cut
    at the target's quantiles. Not where rows differ in combinations of columns, unless these are few enough for
    ``joint``, and not with hundreds of columns (``entropy_balancing``).

    Parameters
    ----------
    columns : that are balanced; None takes all.
    joint : True gives every combination of the columns' categories the target's share (post-stratification).
    n_bins : that a number column with more than as many values is cut into, at the target's quantiles.
    tolerance : largest difference of a category's share that counts as balanced.
    max_iter : rounds over the columns at most.

    Attributes
    ----------
    weights_ : (n,), mean 1. imbalance_ : the largest difference of a share that is left. iterations_ : rounds.
    categories_ : of each column, in order; bins as intervals, "(missing)" for missing values.

    Notes
    -----
    Iterative proportional fitting: the weights are a product of one factor a category, of all such weights those of
    the greatest entropy. Rows are counted in their cells first, so that a round costs as much as there are cells.
    Cost: one sort or count of the rows a column.

    Raises
    ------
    DataError : a column that is not there. OverlapError : a category of the target without a training row, or margins
    that no weights meet together.
    """

    name = "raking"
    reference = (
        "Deming and Stephan, On a Least Squares Adjustment of a Sampled Frequency Table When the Expected Marginal "
        "Totals Are Known, Annals of Mathematical Statistics 1940"
    )
    claim = Claim(
        "Every margin is the target's, by a product of one factor a category.",
        "by definition",
        "The tests hold the margins, the factors, and that with independent columns the weights are the true ratio.",
    )

    def __init__(
        self,
        columns: list[str] | None = None,
        joint: bool = False,
        n_bins: Annotated[int, Field(ge=2)] = 10,
        tolerance: Positive = 1e-6,
        max_iter: Count = 1000,
    ) -> None:
        self.columns = columns
        self.joint = joint
        self.n_bins = n_bins
        self.tolerance = tolerance
        self.max_iter = max_iter

    def fit(self, table: pd.DataFrame, table_target: pd.DataFrame) -> Raking:
        """Learns the factors from the training rows (n) and the target's (m)."""
        self._columns = list(self.columns or table.columns)
        for rows, which in ((table, "table"), (table_target, "table_target")):
            if absent := [str(c) for c in self._columns if c not in rows.columns]:
                raise DataError(
                    f"{self.name}: {which} has no column {', '.join(absent)}; its columns are "
                    f"{', '.join(map(str, rows.columns))}"
                )
        self._edges = {c: self._cut(table[c], table_target[c]) for c in self._columns}
        self.categories_: dict[str, list[str]] = {}
        codes, wanted = [], []
        for name, source, target in zip(
            self._names(), self._categories(table), self._categories(table_target), strict=True
        ):
            self.categories_[name], own, shares = self._margin(name, source, target)
            codes.append(own)
            wanted.append(shares)
        cells, counts, positions = occupied_cells(codes, [len(w) for w in wanted])
        factors, self.iterations_, self.imbalance_ = self._fitted(cells, counts / len(table), wanted)
        self._factors = dict(zip(self.categories_, factors, strict=True))
        self._check(len(table))
        self.weights_ = _product(cells, factors)[positions]
        return self

    def weigh(self, table: pd.DataFrame) -> np.ndarray:
        """Gives (k,) weights of unseen rows; a category that was not there in ``fit`` is refused."""
        weights = np.ones(len(table))
        for (name, factors), values in zip(self._factors.items(), self._categories(table), strict=True):
            positions = _positions(self.categories_[name], values)
            if (positions < 0).any():
                raise DataError(
                    f"{self.name}: column {name} holds {int((positions < 0).sum())} value(s) in {len(values)} rows "
                    f"that were not there in fit, such as {values[positions < 0][0]!r}"
                )
            weights *= factors[positions]
        return weights

    def _names(self) -> list[str]:
        names = [str(c) for c in self._columns]
        return [" x ".join(names)] if self.joint else names

    def _categories(self, table: pd.DataFrame) -> list[pd.Categorical]:
        """Gives the margins' categories of each row."""
        columns = [self._coarse(c, table[c]) for c in self._columns]
        return [_joined(columns)] if self.joint else columns

    def _cut(self, source: pd.Series, target: pd.Series) -> np.ndarray | None:
        """Gives the inner edges of a number column's bins; None where its values are categories."""
        if target.dtype.kind not in "iuf" or target.nunique() <= self.n_bins:
            return None
        edges = np.unique(np.quantile(target.dropna(), np.arange(1, self.n_bins) / self.n_bins))
        rows = np.bincount(np.searchsorted(edges, source.dropna(), side="right"), minlength=len(edges) + 1)
        kept = np.flatnonzero(rows)  # bins without training rows are merged with the next bin that has some
        if len(kept) < len(rows):
            log.warning(
                "%s: %d of %d bins of column %s, cut at the target's quantiles, hold no training rows and are merged "
                "with their neighbours",
                self.name,
                len(rows) - len(kept),
                len(rows),
                target.name,
            )
        if len(kept) < 2:
            raise OverlapError(
                f"{self.name}: all {len(source)} training rows lie in one of {len(rows)} bins of column {target.name}, "
                "cut at the target's quantiles; leave the column out of `columns`, or collect rows like the target's"
            )
        return edges[kept[:-1]]

    def _coarse(self, name: str, column: pd.Series) -> pd.Categorical:
        """Gives the category of each row of a column, its values or bins as text."""
        edges = self._edges[name]
        if edges is None:
            codes, values = pd.factorize(column)
            labels = [str(value) for value in values]
        else:
            inner = [f"{edge:g}" for edge in edges]
            labels = [f"below {inner[0]}", *(f"{a} to {b}" for a, b in pairwise(inner)), f"{inner[-1]} on"]
            values = column.to_numpy(dtype=float, na_value=np.nan)
            codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
        merged, texts = pd.factorize(np.array([*labels, MISSING], dtype=object))  # 1 and "1" are one category
        return _categorical(merged[np.where(codes < 0, len(labels), codes)], list(texts))

    def _margin(
        self, name: str, source: pd.Categorical, target: pd.Categorical
    ) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Gives the categories of the training rows, (n,) their positions, and the target's share of each."""
        categories = sorted(source.categories[np.bincount(source.codes, minlength=len(source.categories)) > 0])
        found = _positions(categories, target)
        if (found < 0).any():
            values, rows = np.unique(np.asarray(target[found < 0], dtype=str), return_counts=True)
            raise OverlapError(
                f"{self.name}: column {name} has {len(values)} categories without a training row, in {rows.sum()} of "
                f"the {len(target)} target rows, such as {values[rows.argmax()]!r} ({rows.max()} rows); merge "
                "categories, leave the column out of `columns`, or collect such rows"
            )
        shares = np.bincount(found, minlength=len(categories)) / len(target)
        return categories, _positions(categories, source), shares

    def _fitted(
        self, cells: np.ndarray, mass: np.ndarray, wanted: list[np.ndarray]
    ) -> tuple[list[np.ndarray], int, float]:
        """Gives each margin's factors, the rounds taken, and the largest difference of a share that is left."""
        factors = [np.ones(len(shares)) for shares in wanted]
        weighed = mass.copy()
        left = np.inf
        for iteration in range(1, self.max_iter + 1):
            left = 0.0
            for own, shares, factor in zip(cells.T, wanted, factors, strict=True):
                have = np.bincount(own, weighed, len(shares))
                left = max(left, float(np.abs(have - shares).max()))
                change = np.divide(shares, have, out=np.zeros_like(shares), where=have > 0)
                factor *= change
                weighed *= change[own]
            if left <= self.tolerance or max(factor.max() for factor in factors) > RUNAWAY_FACTOR:
                return factors, iteration, left
        return factors, self.max_iter, left

    def _check(self, n: int) -> None:
        if self.imbalance_ > self.tolerance:
            raise OverlapError(
                f"{self.name}: no weights of the {n} training rows meet the margins of {', '.join(self.categories_)} "
                f"together: after {self.iterations_} rounds a share still differs by {self.imbalance_:.3g} (tolerance "
                f"{self.tolerance:g}). Drop or merge columns, lower n_bins, or raise tolerance"
            )


def _positions(categories: list[str], values: pd.Categorical) -> np.ndarray:
    """Gives (n,) each value's position among the categories, -1 where it is none of them."""
    return pd.Index(categories).get_indexer(values.categories)[values.codes]


def _joined(columns: list[pd.Categorical]) -> pd.Categorical:
    """Gives the combinations of the columns' categories."""
    cells, _, positions = occupied_cells([c.codes for c in columns], [len(c.categories) for c in columns])
    parts = [np.asarray(c.categories)[own] for c, own in zip(columns, cells.T, strict=True)]
    return _categorical(positions, [" x ".join(cell) for cell in zip(*parts, strict=True)])


def _categorical(codes: Any, categories: Any) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories)  # pandas' stubs know neither arrays nor lists here


def _product(cells: np.ndarray, factors: list[np.ndarray]) -> np.ndarray:
    weights = np.ones(len(cells))
    for own, factor in zip(cells.T, factors, strict=True):
        weights *= factor[own]
    return weights
