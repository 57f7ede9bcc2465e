"""Overlays: the distribution of one column in two or three samples, one over the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ballast.reporting.pictures.theme import (
    BLUE,
    GREY,
    MUTED,
    ORANGE,
    name_margin,
    panel,
    row_names,
    shorten,
    x_scale,
    y_scale,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = (("■", MUTED), ("━", ORANGE), ("┅", BLUE))
"""The sign and the colour of the training rows, of the target, and of the weighted training rows."""


def overlaid_histograms(
    shares: np.ndarray,
    edges: np.ndarray,
    samples: Sequence[str],
    *,
    label: str = "",
    written: Callable[[Sequence[float]], list[str]] | None = None,
) -> Figure:
    """Gives the shares (2 or 3, k) in bins as one filled histogram with the others drawn over it.

    ``samples`` name them; ``written`` gives the texts of the ticks, where they are not plain numbers.
    """
    figure, axes = panel(height=170, left=52, right=20, bottom=34 if label else 22, legend=_legend(samples))
    axes.stairs(100 * shares[0], edges, fill=True, color=GREY, alpha=0.55)
    axes.stairs(100 * shares[1], edges, color=ORANGE, linewidth=2)
    if len(shares) > 2:
        axes.stairs(100 * shares[2], edges, color=BLUE, linewidth=1.8, linestyle=(0, (3, 2)))
    y_scale(axes, 115 * max(float(shares.max()), 1e-3), "%")
    x_scale(axes, edges[0], edges[-1], label, grid=False, written=written)
    return figure


def paired_bars(shares: np.ndarray, names: Sequence[str], samples: Sequence[str]) -> Figure:
    """Gives the shares (2 or 3, k) of each category as two bars, and the third as a mark over the first."""
    from matplotlib.collections import PolyCollection

    figure, axes = panel(height=70 + 26 * len(names), left=name_margin(names), right=20, legend=_legend(samples))
    row_names(axes, names)
    y, zero = -np.arange(len(names), dtype=float), np.zeros(len(names))
    for values, colour, low, high in ((shares[0], GREY, 0.02, 0.36), (shares[1], ORANGE, -0.36, -0.02)):
        values = 100 * values
        corners = np.stack([(zero, y + low), (values, y + low), (values, y + high), (zero, y + high)])
        alpha = 0.55 if colour == GREY else 1
        bars = PolyCollection(list(corners.transpose(2, 0, 1)), facecolors=colour, alpha=alpha)
        axes.add_collection(bars, autolim=False)
    x_scale(axes, 0, 105 * max(float(shares.max()), 1e-3), "% of rows")
    if len(shares) > 2:
        axes.vlines(100 * shares[2], y - 0.02, y + 0.42, color=BLUE, linewidth=2.4)
    return figure


def _legend(samples: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"{sign} {shorten(name, 34)}", colour) for (sign, colour), name in zip(SAMPLES, samples, strict=False)]
