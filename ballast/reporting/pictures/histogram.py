"""Histograms: how many rows have which value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.frame.reports import Picture
from ballast.reporting.pictures.slices import slices_of
from ballast.reporting.pictures.theme import BLUE, INK, ORANGE, headed, panel, small, x_scale, y_scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def histogram(
    values: np.ndarray,
    edges: np.ndarray,
    *,
    title: str,
    subtitle: str,
    label: str,
    marked: np.ndarray | None = None,
    outline: tuple[str, np.ndarray] | None = None,
    line: float | None = None,
    unit: str = "rows",
    height: float = 220,
) -> Figure:
    """Gives a histogram of values (n,) in bins between the edges.

    ``marked`` is some of the values, filled in another colour; ``outline`` the name and values of another histogram to
    hold it against; ``line`` a value worth one.
    """
    counts = np.histogram(values, edges)[0]
    top = counts.max()
    figure, axes = panel(title, subtitle, height=height, left=52)
    axes.stairs(counts, edges, fill=True, color=BLUE)
    if marked is not None:
        axes.stairs(np.histogram(marked, edges)[0], edges, fill=True, color=ORANGE)
    if outline is not None:
        beside = np.histogram(outline[1], edges)[0]
        axes.stairs(beside, edges, color=ORANGE, linewidth=1.6)
        top = max(top, beside.max())
        axes.text(1, 0.9, outline[0], transform=axes.transAxes, **small(ha="right", color=ORANGE))
    if line is not None and np.isfinite(line):
        axes.axvline(line, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    y_scale(axes, top * 1.15, unit)
    x_scale(axes, edges[0], edges[-1], label, grid=False)
    return figure


def bins(values: np.ndarray) -> np.ndarray:
    """Gives the edges of 40 bins; the lowest and highest half per cent do not stretch them beyond thrice the rest."""
    low, inner_low, inner_high, high = np.quantile(values, [0, 0.005, 0.995, 1])
    least = 1e-9 * max(1.0, abs(low), abs(high))
    reach = max(inner_high - inner_low, least)
    return np.linspace(max(low, inner_low - reach), max(min(high, inner_high + reach), low + least), 41)


def of_assessment(table: pd.DataFrame, picture: Picture) -> Figure | None:
    """Draws the values of one metric for all models and slices."""
    rows, called = slices_of(table, picture)
    if rows.empty:
        return None
    values = rows["value"].to_numpy(dtype=float)
    title, subtitle = picture.title or headed(called), f"{len(values)} values, median {np.median(values):.3g}"
    return histogram(values, bins(values), title=title, subtitle=subtitle, label=called, unit="values")
