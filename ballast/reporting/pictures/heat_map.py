"""Heat maps: a number for every pair of a row and a column, the deeper the higher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ballast.methods.frame.reports import Picture
from ballast.reporting.pictures.slices import slices_of
from ballast.reporting.pictures.theme import (
    BLUE,
    INK,
    MOST_ROWS,
    PAPER,
    WIDTH,
    headed,
    name_margin,
    panel,
    row_names,
    shorten,
    small,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PALE = 0.65
"""The deepest colour that dark ink can be read on."""

MOST_COLUMNS = 8
"""Columns that one figure has room for."""


def heat_map(
    values: np.ndarray, rows: Sequence[object], columns: Sequence[object], *, title: str, subtitle: str
) -> Figure:
    """Gives the values (r, c) in cells, each written into its own; NaN leaves one empty."""
    from matplotlib.collections import PolyCollection

    left = name_margin(rows)
    figure, axes = panel(title, subtitle, height=78 + 24 * len(rows) + 10, left=left, bottom=30)
    row_names(axes, rows)
    axes.set_xlim(0, len(columns))
    low, high = (np.nanmin(values), np.nanmax(values)) if np.isfinite(values).any() else (0.0, 1.0)
    depth = 0.12 + 0.78 * (np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-12)
    y, x = (grid[np.isfinite(values)] for grid in np.mgrid[: len(rows), : len(columns)])
    corners = np.stack([(x, 0.46 - y), (x + 0.97, 0.46 - y), (x + 0.97, -0.46 - y), (x, -0.46 - y)])
    cells = PolyCollection(
        list(corners.transpose(2, 0, 1)), facecolors=[(BLUE, float(depth[i, j])) for i, j in zip(y, x, strict=True)]
    )
    axes.add_collection(cells, autolim=False)
    for i, j in zip(y, x, strict=True):
        ink = PAPER if depth[i, j] > PALE else INK
        axes.text(j + 0.485, -i, f"{values[i, j]:.3g}", **small(color=ink, ha="center", va="center_baseline"))
    width = (WIDTH - left - 16) / len(columns)
    for j, name in enumerate(columns):
        text = shorten(name, max(int(width / 6.2), 3))
        axes.text(j + 0.485, 0.4 - len(rows), text, **small(ha="center", va="top"))
    return figure


def of_assessment(table: pd.DataFrame, picture: Picture) -> Figure | None:
    """Draws one metric of each model in each slice."""
    rows, called = slices_of(table, picture)
    if rows.empty:
        return None
    models, slices = list(rows["model"].unique()), list(rows["slice"].unique())
    cells = rows.pivot_table(index="model", columns="slice", values="value", aggfunc="first")
    shown = cells.reindex(index=models[:MOST_ROWS], columns=slices[:MOST_COLUMNS])
    parts = [f"{shown.shape[k]} of {len(all_)} {what}" for k, all_, what in
             ((0, models, "models"), (1, slices, "slices")) if shown.shape[k] < len(all_)]  # fmt: skip
    title = picture.title or f"{headed(called)} by model and slice"
    return heat_map(
        shown.to_numpy(dtype=float), models[:MOST_ROWS], slices[:MOST_COLUMNS], title=title, subtitle=", ".join(parts)
    )
