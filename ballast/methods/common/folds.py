"""Which rows are dealt to folds, or held out, together: copies of a row, and rows of one declared unit."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ballast.compute.blocks import are_copies, row_keys
from ballast.compute.kernels import nearest_neighbors
from ballast.words import percent

log = logging.getLogger(__name__)

LOOKED_AT, NEIGHBOURS, GAP, MANY = 300, 20, 10.0, 0.3
"""Rows looked at for near copies, the nearest neighbours of each, the factor by which one of these is further than the
one before it where a group of near copies ends, and the share of rows with such a gap that is not chance."""
MOST_CELLS = 1_000_000
"""Numbers in the rows, the first ones, among which near copies are sought."""


@dataclass(frozen=True)
class Units:
    """What belongs together of n rows.

    Attributes
    ----------
    of : (n,) the number of each row's unit, from 0. others : (n, p) the further units that a row is made of, if any.
    """

    of: np.ndarray
    others: np.ndarray

    @property
    def n(self) -> int:
        return int(self.of.max()) + 1

    @property
    def single(self) -> bool:
        """Whether each row is a unit of its own."""
        return len(np.unique(self.of)) == len(self.of) and not self.others.shape[1]

    def touch(self, chosen: np.ndarray) -> np.ndarray:
        """Gives (n,) bool: the rows that are of some of the ``chosen`` (U,) units, or made of them."""
        return chosen[self.of] | chosen[self.others].any(axis=1)

    def take(self, rows: np.ndarray) -> Units:
        """Gives the units of some rows, under the same numbers."""
        return Units(self.of[rows], self.others[rows])


def units_of(X: np.ndarray | None, dependence: np.ndarray | None = None) -> Units:
    """Gives the units of rows (n, d): copies of each other are of one, and so are those of one ``dependence``.

    ``dependence`` is (n,), or (n, p) where rows are made of others: first the unit by which a row is dealt, then those
    that it must not be parted from. Rows of categories and flags alone, often equal by chance, are not copies. Units
    are numbered by their rows' contents, whatever their names and the order of the rows.
    """
    n = len(dependence) if X is None else len(X)  # pyright: ignore[reportArgumentType]
    if dependence is None:
        declared = np.arange(n)[:, None]
    else:
        columns = np.asarray(dependence).reshape(n, -1)
        declared = np.unique(columns, return_inverse=True)[1].reshape(columns.shape)
    own = declared[:, 0]
    if X is not None and are_copies(X):
        contents = np.unique(row_keys(X), return_inverse=True)[1]
        if contents.max() + 1 < n:
            size = int(declared.max()) + 1
            joined = coo_array((np.ones(n), (own, size + contents)), shape=(2 * (size + n), 2 * (size + n)))
            declared = connected_components(joined, directed=False)[1][declared]
    numbers = np.unique(declared, return_inverse=True)[1].reshape(declared.shape)
    if X is not None and numbers.max() + 1 < n:
        least = np.full(numbers.max() + 1, np.iinfo(np.uint64).max)
        np.minimum.at(least, numbers[:, 0], row_keys(X))
        numbers = np.argsort(np.argsort(least, kind="stable"))[numbers]
    others = numbers[:, 1:]
    if (others == numbers[:, :1]).all():
        others = others[:, :0]
        numbers = np.unique(numbers[:, 0], return_inverse=True)[1][:, None]
    return Units(numbers[:, 0], others)


def deal(units: Units, strata: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (n,) folds from 0 to k - 1, the same for all rows of a unit, with rows of each stratum in even numbers.

    ``strata`` (n,) are the rows' classes, say, from 0; a unit counts for the rarest of its rows'.
    """
    of = np.unique(units.of)
    size, stratum = np.bincount(units.of, minlength=units.n), _strata_of_units(units, strata)
    folds, totals = np.empty(units.n, dtype=np.int64), np.zeros(k, dtype=np.int64)
    for each in np.unique(stratum[of]):
        own = rng.permutation(of[stratum[of] == each])
        rows, place = np.zeros(k, dtype=np.int64), rng.permutation(k)
        several = own[size[own] > 1]
        for unit in several[np.argsort(-size[several], kind="stable")]:  # to the fold with the fewest rows
            fold = min(range(k), key=lambda f: (rows[f], totals[f], place[f]))
            folds[unit], rows[fold], totals[fold] = fold, rows[fold] + size[unit], totals[fold] + size[unit]
        ones = own[size[own] == 1]
        level, fold = np.divmod(np.arange(k * (int(rows.max()) + -(-len(ones) // k))), k)
        free = np.flatnonzero(level >= rows[fold])
        free = free[np.lexsort((place[fold[free]], totals[fold[free]], level[free]))][: len(ones)]
        folds[ones] = fold[free]
        totals += np.bincount(fold[free], minlength=k)
    return folds[units.of]


def hold_out(units: Units, strata: np.ndarray, share: float, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the positions of rows to train on, ascending, and of those held out, at most a share of each stratum.

    Units are held out in the ``order`` (n,) of their rows; one that is more than is left of its stratum's share is
    passed over. Rows that are made of units of both sides are in neither.
    """
    of_unit, size = _strata_of_units(units, strata), np.bincount(units.of)
    chosen = np.zeros(units.n, dtype=bool)
    ordered = units.of[order]
    ordered = ordered[np.sort(np.unique(ordered, return_index=True)[1])]
    for stratum in np.unique(strata):
        own = ordered[of_unit[ordered] == stratum]
        room = int(share * size[own].sum())
        for unit in own:
            if not room:
                break
            if size[unit] <= room:
                chosen[unit] = True
                room -= size[unit]
    held = chosen[units.of] & chosen[units.others].all(axis=1)
    by_stratum = order[np.argsort(strata[order], kind="stable")]
    return np.flatnonzero(~units.touch(chosen)), by_stratum[held[by_stratum]]


def warn_of_near_copies(X: np.ndarray, owner: str, what: str) -> None:
    """Warns where many rows (n, d) lie in small groups that are far nearer to each other than to any other row.

    ``what`` says what parts them. Copies, which are kept together, do not count. Looks at some hundred rows.
    """
    if not are_copies(X):
        return
    rows = X[: max(LOOKED_AT, MOST_CELLS // X.shape[1])]
    rows = rows[np.sort(np.unique(row_keys(rows), return_index=True)[1])]
    if len(rows) <= 2 * NEIGHBOURS:
        return
    several = np.array([len(np.unique(column[:LOOKED_AT])) > 2 for column in rows.T])  # flags have one scale already
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.where(several, rows / np.maximum(rows.std(axis=0), np.finfo(rows.dtype).tiny), rows)
    if not np.isfinite(rows).all():
        return
    looked_at = rows[np.linspace(0, len(rows) - 1, min(LOOKED_AT, len(rows))).astype(int)]
    distances = nearest_neighbors(looked_at, rows, NEIGHBOURS + 2, choice="cpu")[0][:, 1:]  # the first is itself
    apart = np.any(distances[:, 1:] > GAP * distances[:, :-1], axis=1)
    if apart.mean() > MANY:
        log.warning(
            "%s: %s of %d rows looked at have a few near copies, %g times nearer than any other row, and %s: what is "
            "measured on rows that were not trained on is too good. Declare the unit that repeats (a customer, a "
            "place) with `dependence:`",
            owner, percent(int(apart.sum()), len(looked_at)), len(looked_at), GAP, what,
        )  # fmt: skip


def _strata_of_units(units: Units, strata: np.ndarray) -> np.ndarray:
    """Gives (U,) the rarest stratum among each unit's rows."""
    rarity = np.argsort(np.argsort(np.bincount(strata), kind="stable"))
    rank = np.full(units.n, len(rarity))
    np.minimum.at(rank, units.of, rarity[strata])
    return np.append(np.argsort(rarity), 0)[rank]
