"""Raking: weights under which every column's categories have the target's shares."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from ballast.columns import kind_of, numbers_of
from ballast.errors import DataError, OverlapError
from ballast.methods.common.design import in_batches, of_unseen, relative
from ballast.methods.common.sums import LabelSums
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Count, Positive
from ballast.methods.frame.streams import Counted, StreamingWeigher
from ballast.methods.weights._cells import MISSING, Cells, check_alike, numbers_in, occupied_cells, texts_of
from ballast.methods.weights._influence import FitInfluence, checked
from ballast.words import plural

log = logging.getLogger(__name__)

RUNAWAY_FACTOR = 1e100
"""A category's factor that only grows so far where no weights meet the margins together."""


Edges = dict[str, np.ndarray | None]
"""By column, the inner edges of its bins; None where its values are categories."""


class Raking(StreamingWeigher):
    """Weighs rows so that the shares of each column's categories are the target's: raking, or post-stratification.

    Use it for survey samples and wherever margins of the target are what is known and trusted; number columns are cut
    at the target's quantiles. Not where rows differ in combinations of columns, unless these are few enough for
    ``joint``, and not with hundreds of columns (``entropy_balancing``).

    Parameters
    ----------
    columns : list of str or None, default None
        Columns that are balanced; None takes all.
    joint : bool, default False
        True gives every combination of the columns' categories the target's share (post-stratification).
    n_bins : int >= 2, default 10
        Bins that a number column with more than as many values is cut into, at the target's quantiles.
    tolerance : float > 0, default 1e-06
        Largest difference of a category's share that counts as balanced.
    max_iter : int >= 1, default 1000
        Rounds over the columns at most.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    imbalance_ : float
        The largest difference of a share that is left.
    iterations_ : int
        Rounds over the columns.
    categories_ : dict of str to list
        Categories of each column, in order; bins as intervals, "(missing)" for missing values.

    Raises
    ------
    DataError
        A column that is not there.
    OverlapError
        A category of the target without a training row, or margins that no weights meet together.

    Notes
    -----
    Iterative proportional fitting: the weights are a product of one factor a category, of all such weights those of
    the greatest entropy. Rows are counted in their cells first, so that a round costs as much as there are cells.
    With design weights the weights are nearest to these in relative entropy: a row's is its design weight times its
    factors, as ``rake`` of R's survey gives it, and the margins are the sums of the target's design weights.
    Learns in batches too (``partial_fit``, ``merge``, ``finalize``): of the target they keep the margins alone, of the
    training rows the cells. The first batch says where number columns are cut, so it should be like the whole.
    Cost: one sort or count of the rows a column.

    Examples
    --------
    >>> import pandas as pd
    >>> import ballast
    >>> table = pd.DataFrame({"town": ["Ulm", "Ulm", "Ulm", "Bern"]})
    >>> table_target = pd.DataFrame({"town": ["Ulm", "Bern"]})
    >>> weigher = ballast.method("raking").fit(table, table_target)
    >>> weigher.weights_.round(2)
    array([0.67, 0.67, 0.67, 2.  ])
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

    def fit(
        self,
        table: pd.DataFrame,
        table_target: pd.DataFrame,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> Raking:
        """Learns the factors from the training rows (n) and the target's (m), and their design weights."""
        self._forget()
        positions = self._count(table, table_target, design_weight, design_weight_target)
        self.finalize()
        factors = _product(self._counted["cells"].codes, list(self._factors.values()))[positions]
        weights = of_unseen(self, design_weight, len(table))
        weights[weights > 0] *= factors
        self.weights_ = weights if design_weight is None else weights.astype(design_weight.dtype)
        return self

    def partial_fit(
        self,
        table: pd.DataFrame | None = None,
        table_target: pd.DataFrame | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> Raking:
        """Counts a batch of the training rows, of the target's or of both, of which the first must have some."""
        self._count(table, table_target, design_weight, design_weight_target)
        return self

    def weigh(self, table: pd.DataFrame, design_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of unseen rows, from their design weights where ``fit`` was given some.

        A category that was not there in ``fit`` is refused.
        """
        margins = self._margins(table, "table", self._edges)
        weights = of_unseen(self, design_weight, len(table))
        for (name, factors), values in zip(self._factors.items(), margins.values(), strict=True):
            positions = _positions(self.categories_[name], values)
            if (unknown := (positions < 0) & (weights > 0)).any():
                raise DataError(
                    f"{self.name}: column {name} holds {plural(int(unknown.sum()), 'value')} in {len(values)} rows "
                    f"that were not there in fit, such as {values[unknown][0]!r}"
                )
            weights *= factors[positions]
        return weights if design_weight is None else weights.astype(design_weight.dtype)

    def compared(self, table: pd.DataFrame, table_target: pd.DataFrame) -> tuple[Any, Any]:
        """Gives (n, k) and (m, k) sparse: for each row and category of each margin whether the row is in it."""
        from scipy import sparse

        found = []
        for rows, which in ((table, "table"), (table_target, "table_target")):
            parts = []
            for name, values in self._margins(rows, which, self._edges).items():
                positions = _positions(self.categories_[name], values)  # -1 of rows without weight alone
                there = np.flatnonzero(positions >= 0)
                shape = (len(rows), len(self.categories_[name]))
                parts.append(sparse.csr_array((np.ones(len(there)), (there, positions[there])), shape=shape))
            found.append(sparse.hstack(parts, format="csr"))
        return found[0], found[1]

    has_influence = True

    @checked
    def influence(
        self,
        table: pd.DataFrame,
        table_target: pd.DataFrame,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> FitInfluence:
        """Gives how the weights move with the rows that they were fitted to, which are given again.

        Bins are taken for cut where they are, whatever the rows.
        """
        own, target = (part.toarray() for part in self.compared(table, table_target))
        weighed = self.weigh(table, design_weight)[:, None] * own
        shares = relative(design_weight_target, len(target))[:, None] * target / len(target)
        return FitInfluence.of_scores(weighed, own.T @ weighed / len(own), weighed / len(own), -shares)

    def _count(
        self,
        table: pd.DataFrame | None,
        table_target: pd.DataFrame | None,
        weight: np.ndarray | None,
        weight_target: np.ndarray | None,
    ) -> np.ndarray:
        """Counts a batch, and gives the cell of each training row that has weight among those of the batch."""
        given = {"design_weight": (table, weight), "design_weight_target": (table_target, weight_target)}
        weighted = in_batches(self._counted.common, self.name, **given)
        sums: dict[str, Any] = {
            name: len(rows) for name, rows in (("n", table), ("m", table_target)) if rows is not None
        }
        table, weight = _weighty(table, weight)
        table_target, weight_target = _weighty(table_target, weight_target)
        edges, positions = self._agreed(table, table_target, weight_target), np.empty(0, dtype=np.int64)
        if table is not None:
            columns = list(self._margins(table, "table", edges).values())
            sums["cells"], positions = Cells.of(columns, weight)
            if weight is not None:
                sums["squares"], _ = Cells.of(columns, weight**2)
        if table_target is not None:
            for name, values in self._margins(table_target, "table_target", edges).items():
                held, _ = Cells.of([values], weight_target)
                rows = held.counts[np.argsort(held.codes[:, 0])]
                sums[f"target's {name}"] = LabelSums(f"{self.name}: column {name}", held.labels, rows)
        self._counted.add(**sums)
        self._counted.common = {**self._counted.common, "columns": list(edges), "edges": edges, **weighted}
        return positions

    def _agreed(
        self, table: pd.DataFrame | None, table_target: pd.DataFrame | None, weight_target: np.ndarray | None
    ) -> Edges:
        """Gives the columns and the edges that their bins have in all batches, from the first."""
        if self._counted.common:
            return self._counted.common["edges"]
        if table is None or table_target is None:
            raise DataError(
                f"{self.name}: the first batch was given no table{'' if table is None else '_target'}; it needs both, "
                "which say where number columns are cut (an empty_copy() knows it, and takes either)"
            )
        columns = list(self.columns or table.columns)
        for rows, which in ((table, "table"), (table_target, "table_target")):
            self._check_there(columns, rows, which)
        check_alike(table, table_target, columns, self.name)
        return {c: self._cut(table[c], table_target[c], weight_target) for c in columns}

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        cells, n, total = counted["cells"], counted["n"], float(counted["cells"].counts.sum())
        self._edges: Edges = counted.common["edges"]
        self.categories_ = dict(zip(self._names(self._edges), map(list, cells.labels), strict=True))
        wanted = [self._shares(name, counted[f"target's {name}"], counted["m"]) for name in self.categories_]
        factors, self.iterations_, self.imbalance_ = self._fitted(
            cells.codes.astype(np.int64), cells.counts / total, wanted
        )
        self._factors = dict(zip(self.categories_, factors, strict=True))
        self._check(n)
        weights, weighted = _product(cells.codes, factors), counted.common["design_weight"]
        self._design_mean = total / n if weighted else None
        squares = counted["squares"].counts / (total / n) ** 2 if weighted else cells.counts
        return float(weights @ cells.counts) / total, float(weights**2 @ squares) / n

    def _names(self, edges: Edges) -> list[str]:
        names = [str(c) for c in edges]
        return [" x ".join(names)] if self.joint else names

    def _margins(self, table: pd.DataFrame, which: str, edges: Edges) -> dict[str, pd.Categorical]:
        """Gives the categories of each row of a table, by margin."""
        self._check_there(list(edges), table, which)
        columns = [self._coarse(inner, table[c]) for c, inner in edges.items()]
        return dict(zip(self._names(edges), [_joined(columns)] if self.joint else columns, strict=True))

    def _check_there(self, columns: list[str], table: pd.DataFrame, which: str) -> None:
        if absent := [str(c) for c in columns if c not in table.columns]:
            raise DataError(
                f"{self.name}: {which} has no column {', '.join(absent)}; its columns are "
                f"{', '.join(map(str, table.columns))}"
            )

    def _cut(self, source: pd.Series, target: pd.Series, weight_target: np.ndarray | None) -> np.ndarray | None:
        """Gives the inner edges of a number column's bins; None where its values are categories."""
        if kind_of(target) != "number" or kind_of(source) == "category":
            return None
        numbers, own = (values[~np.isnan(values)] for values in (numbers_of(target), numbers_of(source)))
        if len(np.unique(numbers)) <= self.n_bins:
            return None
        edges = np.unique(_quantiles(target, np.arange(1, self.n_bins) / self.n_bins, weight_target))
        rows = np.bincount(np.searchsorted(edges, own, side="right"), minlength=len(edges) + 1)
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

    def _coarse(self, edges: np.ndarray | None, column: pd.Series) -> pd.Categorical:
        """Gives the category of each row of a column, its values or bins as text."""
        if edges is None:
            return _categorical(*texts_of(column, self.name))
        inner = [f"{edge:g}" for edge in edges]
        if len(set(inner)) < len(inner):  # edges that differ in later digits
            inner = list(map(repr, edges.tolist()))
        labels = [f"below {inner[0]}", *(f"{a} to {b}" for a, b in pairwise(inner)), f"{inner[-1]} on", MISSING]
        values = numbers_in(column, self.name)
        codes = np.where(np.isnan(values), len(labels) - 1, np.searchsorted(edges, values, side="right"))
        return _categorical(codes, labels)

    def _shares(self, name: str, target: LabelSums, m: int) -> np.ndarray:
        """Gives the target's share of each of a margin's categories."""
        categories, (values,), rows = self.categories_[name], target.labels, target.values
        found = pd.Index(categories).get_indexer(pd.Index(values))
        if (lost := found < 0).any():
            values, lost_rows = values[lost], rows[lost]
            of = f"the {m} target rows" if rows.dtype.kind == "i" else f"the {rows.sum():g} that the target stands for"
            raise OverlapError(
                f"{self.name}: column {name} has {len(values)} categories without a training row, in "
                f"{lost_rows.sum():g} of {of}, such as {values[lost_rows.argmax()]!r} ({lost_rows.max():g}); merge "
                "categories, leave the column out of `columns`, or collect such rows"
            )
        return np.bincount(found, rows, len(categories)) / rows.sum()

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


def _weighty(table: pd.DataFrame | None, weight: np.ndarray | None) -> tuple[pd.DataFrame | None, np.ndarray | None]:
    """Gives the rows that have weight, and their weights; a row of weight 0 is as if it were not there."""
    if table is None or weight is None:
        return table, None
    return (table, weight.astype(np.float64)) if weight.all() else _weighty(table[weight > 0], weight[weight > 0])


def _quantiles(column: pd.Series, shares: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Gives the quantiles of a column's numbers; with weights (m,) the least number that has its share below or at."""
    numbers = numbers_of(column)
    there = ~np.isnan(numbers)
    if weight is None or np.ptp(weight) == 0:
        return np.quantile(numbers[there], shares)
    return np.quantile(numbers[there], shares, weights=weight[there], method="inverted_cdf")


def _positions(categories: list[str], values: pd.Categorical) -> np.ndarray:
    """Gives (n,) each value's position among the categories, -1 where it is none of them."""
    return pd.Index(categories).get_indexer(values.categories)[values.codes]


def _joined(columns: list[pd.Categorical]) -> pd.Categorical:
    """Gives the combinations of the columns' categories."""
    cells, _, positions = occupied_cells([c.codes for c in columns], [len(c.categories) for c in columns])
    parts = [np.asarray(c.categories)[own] for c, own in zip(columns, cells.T, strict=True)]
    return _categorical(positions, [" x ".join(map(_part, cell)) for cell in zip(*parts, strict=True)])


def _part(category: str) -> str:
    """Gives a category as a part of a combination, in quotes where its end could not be told otherwise."""
    return repr(category) if " x " in f" {category} " or category.startswith(("'", '"')) else category


def _categorical(codes: Any, categories: Any) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, categories)  # pandas' stubs know neither arrays nor lists here


def _product(cells: np.ndarray, factors: list[np.ndarray]) -> np.ndarray:
    weights = np.ones(len(cells))
    for own, factor in zip(cells.T, factors, strict=True):
        weights *= factor[own]
    return weights
