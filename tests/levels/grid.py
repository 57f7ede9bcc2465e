"""How often tests by column reject where nothing has changed, over sizes, kinds of columns and widths of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binom

from ballast.errors import DataError
from ballast.methods.frame.base import Test
from ballast.methods.shift import ChiSquared, KolmogorovSmirnov
from ballast.methods.shift._columns import adjust

ALPHA = 0.05
SIZES = (1, 2, 5, 8, 15, 50, 500)
WIDTHS = (1, 10, 100)
"""Columns of a table, all of them tested and corrected for by Holm's method."""
Draw = Callable[[np.random.Generator, int], np.ndarray]
RARE = np.array([0.6, 0.2, *[0.005] * 40])


@dataclass(frozen=True)
class World:
    """A kind of column, the test for it, and the design weights of its rows, where they have some."""

    draw: Draw
    test: type[Test]
    weights: Draw | None = None


WORLDS: dict[str, World] = {
    "continuous": World(lambda rng, n: rng.standard_normal(n), KolmogorovSmirnov),
    "rounded to halves": World(lambda rng, n: np.round(2 * rng.standard_normal(n)) / 2, KolmogorovSmirnov),
    "flag, 30 %": World(lambda rng, n: 1.0 * (rng.random(n) < 0.3), KolmogorovSmirnov),
    "half zeros": World(lambda rng, n: np.maximum(rng.standard_normal(n), 0), KolmogorovSmirnov),
    "3 categories": World(lambda rng, n: rng.choice(list("abc"), n, p=[0.6, 0.3, 0.1]), ChiSquared),
    "42 categories, 40 rare": World(lambda rng, n: rng.choice(len(RARE), n, p=RARE).astype(str), ChiSquared),
}

WEIGHTED_SIZES = (5, 15, 50, 500)
WEIGHTED: dict[str, World] = {
    f"{name}, design weights": World(
        WORLDS[name].draw, WORLDS[name].test, lambda rng, n: rng.choice([1.0, 2.0, 5.0], n)
    )
    for name in ("continuous", "3 categories")
}


def alarms(world: World, n: int, m: int, tables: int, seed: int = 0) -> dict[int, tuple[int, int]]:
    """Gives, by width, how many tables of that many columns were rejected, and of how many.

    ``tables`` of the widest are drawn; narrower ones are parts of these.
    """
    found = {width: [0, 0] for width in WIDTHS}
    for k in range(tables):
        rng = np.random.default_rng([seed, n, m, k])
        names = [f"c{j}" for j in range(max(WIDTHS))]
        table, target = (pd.DataFrame({name: world.draw(rng, size) for name in names}) for size in (n, m))
        design = {}
        if world.weights is not None:
            design = {"design_weight": world.weights(rng, n), "design_weight_target": world.weights(rng, m)}
        by_column = _p_values(world, table, target, names, design)
        for width, counts in found.items():
            for first in range(0, len(names), width):
                p = np.concatenate(by_column[first : first + width])
                counts[0] += bool(len(p) and adjust(p, "holm").min() <= ALPHA)
                counts[1] += 1
    return {width: (rejected, drawn) for width, (rejected, drawn) in found.items()}


def _p_values(
    world: World, table: pd.DataFrame, target: pd.DataFrame, names: list[str], design: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """Gives the p-values of each column's rows; none of a constant, which no test corrects for."""
    try:
        report = world.test(alpha=ALPHA).test(table, target, **design).table.iloc[:-1]  # type: ignore[call-arg]
    except DataError:  # constants alone
        return [np.empty(0)] * len(names)
    counted = report[report["p_value"].notna() & ~report["effect"].str.startswith("no change")]
    by_name = counted.groupby(counted["feature"].str.partition(" ")[0])["p_value"]
    groups = {str(name): p.to_numpy() for name, p in by_name}
    return [groups.get(name, np.empty(0)) for name in names]


def most(drawn: int, chance: float = 1e-4) -> int:
    """Gives the number of alarms that a test at its level exceeds with that chance alone."""
    return int(binom.ppf(1 - chance, drawn, ALPHA))
