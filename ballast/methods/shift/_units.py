"""Rows that belong together, whether the rows look as if some did, and p-values by dealing out whole units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ballast.columns import is_missing, kind_of, numbers_of
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.common.design import relative
from ballast.words import listed, percent, plural

DEALS, ENOUGH, AT_ONCE = 9999, 100, 500
"""Deals at most, the number as extreme as what is seen at which they end, and how many are made at once."""
MOST_STEPS = 2e9
"""Sums of a unit's counts that a p-value may take; with many units there are fewer deals."""
HIGH_CORRELATION, LEAST_ROWS = 0.2, 20
"""From this correlation of neighbouring rows on, in as many rows, a note says so."""
MOST_LOOKED_AT = 100_000
"""Rows, the first ones, that are looked at for dependence."""
Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Units:
    """What of the n + m pooled rows belongs together: ``of`` (n + m,) the number of each row's unit, ``in_target`` (U,)
    which units are the target's, ``weight`` (n + m,) each row's design weight, where there are some, and ``single``
    whether each row is a unit of its own, since nothing belongs together.
    """

    of: np.ndarray
    in_target: np.ndarray
    weight: np.ndarray | None = None
    single: bool = False

    def chance(self, level: np.ndarray, n_levels: int, statistic: Statistic) -> float:
        """Gives the chance of so large a statistic when units are dealt to the samples at random.

        ``level`` (n + m,) is each row's category in range(n_levels), or -1 for a row that is left out; ``statistic``
        takes the target's counts (deals, n_levels) and those of all rows (n_levels,).
        """
        there = level >= 0
        cell = self.of[there] * n_levels + level[there]
        counts = np.bincount(cell, minlength=len(self.in_target) * n_levels).reshape(-1, n_levels).astype(np.float64)
        totals = counts.sum(axis=0)
        observed = statistic(self.in_target[None] @ counts, totals)[0] * (1 - 1e-9)
        rng, done, extreme = np.random.default_rng(0), 0, 0
        deals = int(np.clip(MOST_STEPS / counts.size, 199, DEALS))
        while done < deals:
            size = min(AT_ONCE, deals - done)
            dealt = rng.permuted(np.tile(self.in_target, (size, 1)), axis=1).astype(np.float64) @ counts
            found = np.flatnonzero(statistic(dealt, totals) >= observed)
            if extreme + len(found) >= ENOUGH:
                return ENOUGH / (done + int(found[ENOUGH - extreme - 1]) + 1)
            done, extreme = done + size, extreme + len(found)
        return (1 + extreme) / (1 + done)

    def where(self, there: np.ndarray, there_target: np.ndarray) -> Units:
        """Gives the units of some of the rows, (n,) and (m,) bool."""
        kept = np.concatenate([there, there_target])
        weight = None if self.weight is None else self.weight[kept]
        return Units(self.of[kept], self.in_target, weight, self.single)

    @property
    def said(self) -> str:
        n_target = int(self.in_target.sum())
        dealt = f"; rows dealt out by units, {len(self.in_target) - n_target} and {n_target} in the target"
        if self.weight is None:
            return dealt
        of_target = self.in_target[self.of]
        worth, worth_target = (effective_sample_size(self.weight[own]) for own in (~of_target, of_target))
        weighed = f"; rows by their design weights, worth {worth:.0f} rows and {worth_target:.0f} in the target"
        return weighed if self.single else weighed + dealt


def units_of(
    n: int,
    m: int,
    time: np.ndarray | None,
    time_target: np.ndarray | None,
    dependence: np.ndarray | None,
    dependence_target: np.ndarray | None,
    design_weight: np.ndarray | None = None,
    design_weight_target: np.ndarray | None = None,
) -> Units | None:
    """Gives the units of n rows and m of the target: as declared, else blocks of consecutive times, else single rows.

    With their design weights where one of the samples has some, each on a scale of its own. None without any of these.
    """
    own = [_unit_of_row(n, time, dependence), _unit_of_row(m, time_target, dependence_target)]
    single, weight = own[0] is None and own[1] is None, None
    if design_weight is not None or design_weight_target is not None:
        weight = np.concatenate([relative(design_weight, n), relative(design_weight_target, m)])
    elif single:
        return None
    source, target = (np.arange(size) if units is None else units for units, size in zip(own, (n, m), strict=True))
    first = int(source.max()) + 1
    of = np.concatenate([source, target + first])
    return Units(of, np.arange(first + int(target.max()) + 1) >= first, weight, single)


def _unit_of_row(n: int, time: np.ndarray | None, dependence: np.ndarray | None) -> np.ndarray | None:
    """Gives the number of each row's unit: its declared one, or its block of n ** (2/3) rows in the order of time."""
    if dependence is not None:
        return pd.factorize(dependence, sort=True)[0]  # so that the order of the rows cannot matter
    if time is None:
        return None
    blocks = np.empty(n, dtype=np.int64)
    blocks[np.argsort(time, kind="stable")] = np.arange(n) // int(np.ceil(n ** (2 / 3)))
    return blocks


def looks_dependent(table: pd.DataFrame, table_target: pd.DataFrame) -> str:
    """Gives a note where neighbouring rows are alike or rows are copies of others; empty where they are not."""
    notes = []
    for rows, where in ((table, "table"), (table_target, "table_target")):
        found = {str(name): c for name in rows if (c := _of_neighbours(rows[name])) >= HIGH_CORRELATION}
        if found:
            most = max(found, key=lambda name: found[name])
            columns = plural(len(found), "column")
            notes.append(f"neighbouring rows of {where} are alike in {columns} ({most}: correlation {found[most]:.2f})")
        n = min(len(rows), MOST_LOOKED_AT)
        if copies := _copies(rows):
            notes.append(f"{percent(copies, n)} of {n} rows of {where} are copies of others")
    if not notes:
        return ""
    return f"; {listed(notes, by='; ')}: p-values are too small if rows are not independent; declare dependence or time"


def _of_neighbours(column: pd.Series) -> float:
    """Gives the correlation of the ranks of a column's values with those one row on; 0 for one in order."""
    column = column.head(MOST_LOOKED_AT)
    if len(column) < LEAST_ROWS or kind_of(column) not in ("number", "truth"):
        return 0.0
    values = numbers_of(column)[~is_missing(column)]
    if len(values) < LEAST_ROWS or (steps := np.diff(values)).min() >= 0 or steps.max() <= 0:
        return 0.0  # sorted, as ids are and files may be, which says nothing of their origin
    ranks = pd.Series(values).rank().to_numpy()
    if ranks[1:].std() == 0 or ranks[:-1].std() == 0:
        return 0.0
    return float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1])


def _copies(rows: pd.DataFrame) -> int:
    """Gives how many rows are equal to an earlier one where that is not a coincidence: where other rows differ."""
    first = rows.head(MOST_LOOKED_AT)
    plain = first[[name for name in first if kind_of(first[name]) != "nested"]]
    if plain.empty or any(plain[name].is_unique for name in plain):
        return 0
    copied = plain.duplicated()
    once = plain[~copied]
    if not copied.any() or len(once) < 2 or max(once[name].nunique() for name in once) < 0.9 * len(once):
        return 0
    return int(copied.sum())
