"""What a claim's test is given: its seeds, and where it leaves its figures."""

from __future__ import annotations

from typing import Any

import numpy as np

QUICK_SEEDS = 2


class QuickFormDone(Exception):  # noqa: N818
    """Ends the quick form of a claim, whose figures are recorded."""


class Claim:
    """The form that a claim's test is run in, and the figures that it has recorded.

    The full form runs all seeds and holds the margins. The quick form runs the first two and ends at ``record``: its
    figures must be those that ``claims.json`` has of it, so that what was measured in full still holds.
    """

    def __init__(self) -> None:
        self.full = True
        self.figures: dict[str, tuple[float, float | None]] = {}

    def seeds(self, seeds: int | range, quick: int = QUICK_SEEDS) -> range:
        """Gives the seeds to run: all of them (0 to n - 1 for a number n), or the first few in the quick form."""
        every = range(seeds) if isinstance(seeds, int) else seeds
        return every if self.full else every[:quick]

    def record(self, **figures: Any) -> None:
        """Keeps figures, each a number or one a seed; what must hold over a few seeds alone comes before.

        Call it once, when all is measured, and assert the margins after it: the quick form ends here.
        """
        if self.figures:
            raise TypeError("claim.record was called before; record all figures of a claim at once")
        self.figures = {name: _mean_and_error(values) for name, values in figures.items()}
        if not self.full:
            raise QuickFormDone


def _mean_and_error(values: Any) -> tuple[float, float | None]:
    """Gives the mean and its standard error; None in place of the error for a number."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim > 1:
        raise TypeError(f"a figure is a number or one a seed, got an array of shape {array.shape}")
    if array.ndim == 0:
        return _rounded(array), None
    error = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return _rounded(array.mean()), _rounded(error)


def _rounded(number: Any) -> float:
    return float(f"{float(number):.10g}")
