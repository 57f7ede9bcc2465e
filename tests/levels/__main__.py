"""Measures levels of tests and coverage of intervals: docs/levels.md and docs/coverage.md (`make levels`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import combinations_with_replacement
from pathlib import Path

from tests.levels import coverage
from tests.levels.grid import ALPHA, SIZES, WEIGHTED, WEIGHTED_SIZES, WIDTHS, WORLDS, World, alarms, most

PAGE = Path(__file__).parents[2] / "docs" / "levels.md"
TABLES = 20
HEAD = f"""# Levels of the tests by column

For whoever leans on a p-value: how often `kolmogorov_smirnov` and `chi_squared` reject at {ALPHA} where nothing has
changed, in percent of {TABLES * 100} columns, and, behind the slashes, of {TABLES * 10} tables of 10 and {TABLES} of
100 columns corrected by
Holm's method. By chance alone, a test at its level exceeds {{one:.1f}} / {{ten:.1f}} / {{hundred:.1f}} once in 10,000
cells. Levels of samples of a few rows, and of columns of a few values, lie below {ALPHA}: few outcomes are possible
there, and none that is as rare. The page is made by `make levels`.
"""


WEIGHTED_TABLES = 5
WEIGHTED_HEAD = f"""
# Levels where rows have design weights

The same of {WEIGHTED_TABLES * 100} columns, {WEIGHTED_TABLES * 10} tables of 10, {WEIGHTED_TABLES} of 100, where each
row of either sample stands for 1, 2 or 5 of its population, whatever its value. Chance: {{one:.1f}} / {{ten:.1f}} /
{{hundred:.1f}}.
"""


def main() -> int:
    coverage.PAGE.write_text(coverage.page(), encoding="utf-8")
    plain, over = _part(HEAD, WORLDS, SIZES, TABLES)
    weighted, over_weighted = _part(WEIGHTED_HEAD, WEIGHTED, WEIGHTED_SIZES, WEIGHTED_TABLES)
    PAGE.write_text(plain + weighted, encoding="utf-8")
    if over + over_weighted:
        print(f"{over + over_weighted} cells are above what chance allows")
    return 1 if over + over_weighted else 0


def _part(head: str, worlds: Mapping[str, World], sizes: tuple[int, ...], tables: int) -> tuple[str, int]:
    """Gives a part of the page, a table for each kind of column, and how many cells are above what chance allows."""
    one, ten, hundred = (100 * most(tables * 100 // width) / (tables * 100 // width) for width in WIDTHS)
    page, over = head.format(one=one, ten=ten, hundred=hundred), 0
    for name, world in worlds.items():
        page += f"\n## {name} (`{world.test.name}`)\n\n| n, m | " + " | ".join(map(str, sizes)) + " |\n"
        page += "|---" * (1 + len(sizes)) + "|\n"
        cells = {}
        for n, m in combinations_with_replacement(sizes, 2):
            text, exceeded = _cell(world, n, m, tables)
            cells[n, m] = cells[m, n] = text
            over += exceeded
            print(name, n, m, cells[n, m], flush=True)
        for n in sizes:
            page += f"| **{n}** | " + " | ".join(cells[n, m] for m in sizes) + " |\n"
    return page, over


def _cell(world: World, n: int, m: int, tables: int) -> tuple[str, bool]:
    found = alarms(world, n, m, tables)
    text = " / ".join(f"{100 * rejected / drawn:.1f}" for rejected, drawn in found.values())
    exceeded = any(rejected > most(drawn) for rejected, drawn in found.values())
    return f"**{text}**" if exceeded else text, exceeded


if __name__ == "__main__":
    sys.exit(main())
