"""Love plots: how far each feature is out of balance, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.frame.reports import OVERALL, Picture
from ballast.reporting.pictures.theme import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MOST_ROWS,
    MUTED,
    ORANGE,
    PAPER,
    name_margin,
    panel,
    row_names,
    shorten,
    x_scale,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MARKERS = (
    ("o", "●", BLUE),
    ("D", "◆", GREEN),
    ("^", "▲", INK),
    ("s", "■", BLUE),
    ("v", "▼", GREEN),
    ("*", "★", INK),
)
"""Shape, its letter and colour of each model or weight table."""

LIMIT = 0.1
"""Where a picture names none: the imbalance beyond which a feature counts."""


def of_assessment(table: pd.DataFrame, picture: Picture) -> Figure | None:
    """Draws the value of each slice before (hollow) and after (filled), the farthest first; ``after`` a model each."""
    if len(picture.metrics) < 2:
        return None
    first, second = picture.metrics[:2]
    table = table[table["slice"] != OVERALL]
    before = table[table["metric"] == first].drop_duplicates("slice").set_index("slice")["value"]
    after = table[table["metric"] == second].pivot_table(
        index="slice", columns="model", values="value", aggfunc="first"
    )
    models = [m for m in table["model"].unique() if m in after][: len(MARKERS)]
    if before.empty or not models:
        return None
    shown = before.sort_values(ascending=False).head(MOST_ROWS)
    limit = LIMIT if picture.limit is None else picture.limit
    legend = [(f"○ before {int((before > limit).sum())}", ORANGE)]
    for model, (_, symbol, colour) in zip(models, MARKERS, strict=False):
        legend.append((f"{symbol} {shorten(model, 18)} {int((after[model] > limit).sum())}", colour))
    figure, axes = panel(
        picture.title or f"Features out of balance by more than {limit:g}, of {len(before)}",
        legend=legend,
        height=98 + 22 * len(shown),
        left=name_margin(list(shown.index)),
    )
    y = -np.arange(len(shown))
    row_names(axes, list(shown.index))
    axes.axvline(limit, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    values = after.reindex(index=shown.index, columns=models)
    nearest, farthest = values.min(axis=1), values.max(axis=1)
    axes.hlines(y, np.minimum(nearest, shown), np.maximum(farthest, shown), color=GREY, linewidth=1, zorder=1)
    for model, (marker, _, colour) in zip(models, MARKERS, strict=False):
        axes.plot(values[model], y, marker, markersize=6, color=colour, markeredgewidth=0, zorder=3)
    axes.plot(shown, y, "o", markersize=6.5, markerfacecolor=PAPER, markeredgecolor=ORANGE, markeredgewidth=1.6)
    high = max(float(shown.max()), float(values.to_numpy().max()), 1.2 * limit)
    x_scale(axes, 0, high * 1.05, picture.called(second))
    return figure
