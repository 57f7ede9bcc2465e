"""Measures levels of tests and coverage of intervals: docs/levels.md and docs/coverage.md (`make levels`)."""

from __future__ import annotations

import sys
from itertools import combinations_with_replacement
from pathlib import Path

from tests.levels import coverage
from tests.levels.grid import ALPHA, SIZES, WIDTHS, WORLDS, World, alarms, most

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


def main() -> int:
    coverage.PAGE.write_text(coverage.page(), encoding="utf-8")
    limits = [100 * most(TABLES * 100 // width) / (TABLES * 100 // width) for width in WIDTHS]
    page, over = HEAD.format(one=limits[0], ten=limits[1], hundred=limits[2]), 0
    for name, world in WORLDS.items():
        page += f"\n## {name} (`{world.test.name}`)\n\n| n, m | " + " | ".join(map(str, SIZES)) + " |\n"
        page += "|---" * (1 + len(SIZES)) + "|\n"
        cells = {}
        for n, m in combinations_with_replacement(SIZES, 2):
            text, exceeded = _cell(world, n, m)
            cells[n, m] = cells[m, n] = text
            over += exceeded
            print(name, n, m, cells[n, m], flush=True)
        for n in SIZES:
            page += f"| **{n}** | " + " | ".join(cells[n, m] for m in SIZES) + " |\n"
    PAGE.write_text(page, encoding="utf-8")
    if over:
        print(f"{over} cells are above what chance allows")
    return 1 if over else 0


def _cell(world: World, n: int, m: int) -> tuple[str, bool]:
    found = alarms(world, n, m, TABLES)
    text = " / ".join(f"{100 * rejected / drawn:.1f}" for rejected, drawn in found.values())
    exceeded = any(rejected > most(drawn) for rejected, drawn in found.values())
    return f"**{text}**" if exceeded else text, exceeded


if __name__ == "__main__":
    sys.exit(main())
