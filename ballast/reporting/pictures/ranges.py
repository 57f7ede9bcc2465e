"""Ranges: where the values of each of many columns lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.reporting.pictures.theme import BLUE, GREY, INK, panel, small, x_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ranges(matrix: np.ndarray, *, title: str, subtitle: str, label: str) -> Figure:
    """Gives the median, middle half and 5 to 95 % of each column of a matrix (n, d), side by side."""
    low, lower, middle, upper, high = np.quantile(matrix, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    at = np.arange(matrix.shape[1])
    figure, axes = panel(title, subtitle, height=210, left=44)
    axes.vlines(at, low, high, color=GREY, linewidth=1.5)
    axes.vlines(at, lower, upper, color=BLUE, linewidth=min(5.0, 260 / len(at)))
    axes.plot(at, middle, "o", markersize=2.5, color=INK)
    spread = max(float(high.max() - low.min()), 1e-9)
    axes.set_ylim(low.min() - 0.05 * spread, high.max() + 0.05 * spread)
    for value in (low.min(), high.max()):
        axes.text(-8 / 420, value, f"{value:.3g}", transform=axes.get_yaxis_transform(), **small(ha="right"))
    x_scale(axes, -0.7, len(at) - 0.3, label, grid=False)
    return figure
