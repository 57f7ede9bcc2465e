"""Curves: values over numbers, one line or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ballast.methods.frame.reports import Picture
from ballast.reporting.pictures.slices import slices_of
from ballast.reporting.pictures.theme import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    headed,
    panel,
    shorten,
    x_scale,
    y_scale,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

COLOURS = (BLUE, GREEN, ORANGE, INK, MUTED, GREY)
"""Colours of the lines, in their order; what is beyond them is not drawn."""


class Line(NamedTuple):
    """One line: its name, x and y (n,), and the ends of the band around it."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(lines: Sequence[Line], *, title: str, subtitle: str, x_label: str, y_label: str) -> Figure:
    """Gives the lines, each with its band, over a scale from zero or, where it goes below, from its lowest value."""
    lines = lines[: len(COLOURS)]
    several = [(f"● {shorten(line.name, 24)}", colour) for line, colour in zip(lines, COLOURS, strict=False)]
    figure, axes = panel(title, subtitle, height=220, left=52, legend=several if len(lines) > 1 else ())
    for line, colour in zip(lines, COLOURS, strict=False):
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.22, linewidth=0)
        axes.plot(line.x, line.y, color=colour, linewidth=2)
    high = max(float(max(line.y.max(), line.high.max())) for line in lines)
    low = min(0.0, *(float(min(line.y.min(), line.low.min())) for line in lines))
    y_scale(axes, high + 0.15 * max(high - low, 1e-9 * max(1.0, abs(high))), y_label, low=low)
    x_scale(axes, min(line.x.min() for line in lines), max(line.x.max() for line in lines), x_label, grid=False)
    return figure


def of_assessment(table: pd.DataFrame, picture: Picture) -> Figure | None:
    """Draws one metric over the slices, which are numbers, a line a model."""
    rows, called = slices_of(table, picture)
    lines = [line for model, own in rows.groupby("model", sort=False) if (line := _line(str(model), own)) is not None]
    if not lines:
        return None
    return curve(lines, title=picture.title or headed(called), subtitle="", x_label="", y_label="")


def _line(name: str, rows: pd.DataFrame) -> Line | None:
    """Gives the line of a model's slices in their order; None of fewer than two, or of names that are no numbers."""
    try:
        x = rows["slice"].astype(float).to_numpy()
    except ValueError:
        return None
    if len(x) < 2:
        return None
    order = np.argsort(x, kind="stable")
    y, low, high = (rows[column].to_numpy(dtype=float)[order] for column in ("value", "low", "high"))
    return Line(name, x[order], y, np.where(np.isfinite(low), low, y), np.where(np.isfinite(high), high, y))
