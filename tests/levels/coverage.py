"""Measures how often intervals of accuracy hold it, over sizes, accuracies and weights: docs/coverage.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ballast.methods.evaluation.shares import Interval, of_difference, of_share

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
LEVEL, DRAWS = 0.95, 2000
SIZES = (10, 30, 100, 1000)
ACCURACIES = (0.5, 0.9, 0.99, 0.999)
REDRAWN, LOST = 0.3, 0.1
WEIGHTS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "none": lambda rng, n: np.ones(n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
}
HEAD = f"""# Coverage of the intervals of accuracy

How often a {100 * LEVEL:.0f} % interval holds the truth, in percent of {DRAWS} samples: of the accuracy of a model
(`classification_metrics`) and, behind the slash, of its paired difference from another (`compare_models`) that is right
{100 * LOST:.0f} % less often on the {100 * REDRAWN:.0f} % of the rows where its predictions are its own. Chance moves a
figure by up to 1 or so. Where rows weigh the same, Wilson's interval holds at its level on average over accuracies; at
a single one near 1 it may fall to 89, since the number of wrong rows is whole. Where weights differ, the intervals hold
at least at their level. The page is made by `make levels`.
"""


def page() -> str:
    """Gives the page, a table for each kind of weights."""
    text = HEAD
    for name, weights in WEIGHTS.items():
        text += f"\n## Weights: {name}\n\n| n | " + " | ".join(f"accuracy {a}" for a in ACCURACIES) + " |\n"
        text += "|---" * (1 + len(ACCURACIES)) + "|\n"
        for n in SIZES:
            cells = [held(weights, n, accuracy, DRAWS) for accuracy in ACCURACIES]
            text += f"| **{n}** | " + " | ".join(f"{100 * one:.1f} / {100 * two:.1f}" for one, two in cells) + " |\n"
    return text


def held(
    weights: Callable[[np.random.Generator, int], np.ndarray], n: int, accuracy: float, draws: int
) -> tuple[float, float]:
    """Gives the shares of samples of n rows whose intervals hold the accuracy, and the difference."""
    rng, found = np.random.default_rng([n, round(1000 * accuracy)]), np.zeros(2)
    for _ in range(draws):
        first, weight = rng.random(n) < accuracy, weights(rng, n)
        second = np.where(rng.random(n) < REDRAWN, rng.random(n) < (1 - LOST) * accuracy, first)
        found += [
            _holds(of_share(first, weight, LEVEL), accuracy),
            _holds(of_difference(first, second, weight, LEVEL), -REDRAWN * LOST * accuracy),
        ]
    return float(found[0]) / draws, float(found[1]) / draws


def _holds(ends: Interval, truth: float) -> bool:
    return ends[0] <= truth <= ends[1]
