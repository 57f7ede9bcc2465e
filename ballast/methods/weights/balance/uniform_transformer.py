"""Weights by leaf of a tree whose median splits make the training rows uniform."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count
from ballast.words import plural

BEYOND = 0.5
"""Share of the target's rows beyond the training rows in one column, above which the samples count as apart."""


class UniformTransformer(Weigher):
    """Weighs rows by the target's share of their leaf over its own, in leaves that hold equally many training rows.

    Use it for effects on the treated in one or two columns whose propensity and outcome may be as rough as they like,
    arm by arm (``arm_balancing`` with ``weigher: uniform_transformer``, ``estimand: att``), and for density ratios of
    any shape there. Not where both are smooth, which ``entropy_balancing`` does as well, nor with many columns: all
    must be split.

    Parameters
    ----------
    min_leaf : int >= 1, default 4
        Least training rows of a leaf. Fewer follow rougher functions, with more variance; a density is estimated best
        with more, an effect with few (2 to 4).

    Attributes
    ----------
    ratio_ : ndarray of shape (n,)
        The target's share over the training rows' share of each row's leaf.
    leaves_ : ndarray of shape (n,)
        The leaf of each row, from 0.

    Raises
    ------
    DataError
        Fewer rows than splitting each column once takes, ``min_leaf`` times 2^d.
    OverlapError
        More than half of the target's rows lie beyond the training rows in some column, where the outermost leaf would
        stand for them.

    Notes
    -----
    The tree halves the training rows at the median of one column after another until leaves would fall below
    ``min_leaf``: 2^L leaves of nearly equal size, which is the empirical Rosenblatt transform to a uniform law and a
    Haar kernel there. A column with ties is split between two values, as near to the middle as both halves stay large
    enough, or not at all. The leaves are those of the training rows alone, so that none is empty of them; a weight may
    be 0. Cost: O(d n log n + (n + m) L), a sort of each column and then a pass of the rows a level; 2 s for a
    million rows of two columns and as many of the target's, on one core.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.random((512, 1)), rng.uniform(0, 0.5, (300, 1))
    >>> weigher = ballast.method("uniform_transformer", min_leaf=32)
    >>> weights = weigher.fit(X, X_target).weights_
    >>> len(set(weigher.leaves_.tolist()))  # of 32 rows each
    16
    >>> np.average(X, axis=0, weights=weights).round(2)
    array([0.25])
    """

    name = "uniform_transformer"
    reference = "Yu and Wang, Treatment Effects Estimation by Uniform Transformer, arXiv 2020"
    survey_ids = ("S353",)
    claim = Claim(
        "Where outcome and propensity are rough, the effect on the treated has far less error than with balanced "
        "polynomials or polynomial propensities.",
        "partly",
        "Weierstrass functions of exponent 0.25, 2000 rows, 20 seeds, one column: error {leaves of 4:.2f} (leaves of "
        "4) and {leaves of 2:.2f} (of 2), entropy balancing of cubics {moments:.2f}, cubic propensity "
        "{propensity:.2f}, but the nearest control {matching:.2f}. Smooth (1.5): {smooth, leaves of 4:.3f} against "
        "{smooth, moments:.3f}. Two rough columns, correlation 0.7: {two columns, leaves of 4:.2f} against {two "
        "columns, moments:.2f}, with 8000 rows {8000 rows, leaves of 4:.2f} against {8000 rows, moments:.2f}.",
    )

    def __init__(self, min_leaf: Count = 4) -> None:
        self.min_leaf = min_leaf

    def fit(self, X: np.ndarray, X_target: np.ndarray) -> UniformTransformer:
        """Learns the leaves of the source (n, d), the target's (m, d) shares of them, and the source's weights."""
        n, d = X.shape
        if n < self.min_leaf * 2**d:
            raise DataError(
                f"{self.name}: X has {plural(n, 'row')} and {plural(d, 'column')}; to split each column once into "
                f"leaves of {self.min_leaf} takes {self.min_leaf} x 2^{d} rows, and a column that is not split is not "
                "balanced. Keep fewer columns, lower min_leaf, or take a weigher for many columns such as "
                "'entropy_balancing'"
            )
        depth = (n // self.min_leaf).bit_length() - 1
        self._splits, self.leaves_ = _grow(X, n >> depth)
        rows = np.bincount(self.leaves_)
        target = np.bincount(self._leaves(X_target), minlength=len(rows))
        self._ratios = ((target / len(X_target)) / (rows / n)).astype(X.dtype)
        self.ratio_ = self._ratios[self.leaves_]
        self._check_range(X, X_target)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), those of their leaves."""
        return self._ratios[self._leaves(X)]

    def _leaves(self, X: np.ndarray) -> np.ndarray:
        leaves = np.zeros(len(X), dtype=np.int64)
        for split in self._splits:
            leaves = split.children(X, leaves)
        return leaves

    def _check_range(self, X: np.ndarray, X_target: np.ndarray) -> None:
        """Refuses a target that the outermost leaves alone stand for: each reaches as far as the target does."""
        beyond = ((X_target < X.min(axis=0)) | (X_target > X.max(axis=0))).mean(axis=0)
        if beyond.max() > BEYOND:
            raise OverlapError(
                f"{self.name}: the target does not overlap the {len(X)} training rows: {beyond.max():.0%} of its "
                f"{len(X_target)} rows lie beyond theirs in column {int(beyond.argmax())}, effective sample size "
                f"{effective_sample_size(self.ratio_):.1f}. Collect training rows like the target's, or drop the "
                "features that tell the two apart completely"
            )


class _Split(NamedTuple):
    """One level of the tree: of each node the threshold (infinite where it is not split) and its first child."""

    stored_name = "uniform_split"

    column: int
    thresholds: np.ndarray
    first: np.ndarray

    def children(self, X: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """Gives (n,) the nodes of the next level that rows of these nodes fall into."""
        return self.first[nodes] + (X[:, self.column] > self.thresholds[nodes])


def _grow(X: np.ndarray, least: int) -> tuple[list[_Split], np.ndarray]:
    """Gives the levels of the tree and (n,) leaves; no leaf has fewer rows than `least`."""
    n, d = X.shape
    splits: list[_Split] = []
    ascending = [np.argsort(X[:, j], kind="stable") for j in range(d)]
    nodes, sizes, level, idle = np.zeros(n, dtype=np.int64), np.array([n]), 0, 0
    while idle < d and sizes.max() >= 2 * least:
        column = level % d
        level += 1
        rows = ascending[column][(sizes >= 2 * least)[nodes[ascending[column]]]]
        # by node, and by value within it: integers this narrow are sorted by their digits, in one pass of the rows
        rows = rows[np.argsort(nodes[rows].astype(np.min_scalar_type(len(sizes))), kind="stable")]
        parents, thresholds = _cuts(X[rows, column], nodes[rows], sizes, least)
        idle = 0 if len(parents) else idle + 1  # after as many as there are columns, none splits any node further
        if len(parents):
            reach = np.full(len(sizes), np.inf, dtype=X.dtype)
            reach[parents] = thresholds
            n_children = 1 + np.isfinite(reach)
            splits.append(_Split(column, reach, np.cumsum(n_children) - n_children))
            nodes = splits[-1].children(X, nodes)
            sizes = np.bincount(nodes)
    return splits, nodes


def _cuts(values: np.ndarray, nodes: np.ndarray, sizes: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives the nodes that can be split and their thresholds: between two values, as near the middle as can be.

    The rows come sorted by node, and by value within it.
    """
    begins = np.flatnonzero(np.diff(nodes, prepend=-1))
    left = np.arange(len(nodes)) - np.repeat(begins, np.diff(begins, append=len(nodes)))
    right = sizes[nodes] - left
    places = np.flatnonzero((left >= least) & (right >= least) & (values > np.roll(values, 1)))
    places = places[np.lexsort((np.abs(left - right)[places], nodes[places]))]
    parents, nearest = np.unique(nodes[places], return_index=True)
    low, high = values[places[nearest] - 1], values[places[nearest]]
    middle = low / 2 + high / 2
    return parents, np.where((low <= middle) & (middle < high), middle, low)  # rounding may leave none between
