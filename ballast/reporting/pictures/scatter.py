"""Scatters: one number against another, a dot each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.frame.reports import Picture
from ballast.reporting.pictures.theme import BLUE, MUTED, headed, panel, x_scale, y_scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_DOTS = 400
"""Dots of a figure; of more pairs so many are picked, evenly in their order."""


def scatter(
    x: np.ndarray,
    y: np.ndarray,
    *,
    title: str,
    subtitle: str,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    diagonal: bool = False,
) -> Figure:
    """Gives dots at x and y (n,), with the diagonal that they should lie on where there is one."""
    pick = np.linspace(0, len(x) - 1, min(len(x), MOST_DOTS)).astype(int)
    figure, axes = panel(title, subtitle, height=250, left=62)
    if diagonal:
        axes.plot(x_range, x_range, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(
        x[pick], y[pick], "o", markersize=3.2 if len(pick) > 100 else 6, color=BLUE, alpha=0.45, markeredgewidth=0
    )
    y_scale(axes, y_range[1], y_label, low=y_range[0])
    x_scale(axes, *x_range, x_label)
    return figure


def of_assessment(table: pd.DataFrame, picture: Picture) -> Figure | None:
    """Draws the second metric against the first, a dot a model and slice that has both."""
    if len(picture.metrics) < 2:
        return None
    alone = table[table["versus"] == ""]
    pairs = alone.pivot_table(index=["model", "slice"], columns="metric", values="value", aggfunc="first")
    pairs = pairs.reindex(columns=list(picture.metrics[:2])).dropna()
    if pairs.empty:
        return None
    x, y = pairs.to_numpy(dtype=float).T
    x_label, y_label = map(picture.called, picture.metrics[:2])
    title = picture.title or f"{headed(y_label)} against {x_label}"
    return scatter(
        x, y, title=title, subtitle=f"{len(x)} slices and models", x_label=x_label, y_label="",
        x_range=_range(x), y_range=_range(y),
    )  # fmt: skip


def _range(values: np.ndarray) -> tuple[float, float]:
    slack = 0.06 * max(float(np.ptp(values)), 1e-3 * float(np.abs(values).max()), 1e-9)
    return float(values.min()) - slack, float(values.max()) + slack
