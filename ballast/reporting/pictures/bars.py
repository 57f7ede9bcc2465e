"""Bars: one number a row, named at the left and written after its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ballast.reporting.pictures.theme import name_margin, panel, row_names, small, x_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THICKNESS = 0.62
"""Share of a row's height that its bar takes."""


def bars(
    names: Sequence[object],
    values: np.ndarray,
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    title: str,
    subtitle: str,
    label: str,
    right: float = 60,
) -> Figure:
    """Gives horizontal bars from zero, a row each; ``right`` is the margin in pixels that the texts need."""
    from matplotlib.collections import PolyCollection

    figure, axes = panel(title, subtitle, height=94 + 22 * len(names), left=name_margin(names), right=right)
    row_names(axes, names)
    y, zero, half = -np.arange(len(values), dtype=float), np.zeros(len(values)), THICKNESS / 2
    corners = np.stack([(zero, y - half), (values, y - half), (values, y + half), (zero, y + half)])
    axes.add_collection(PolyCollection(list(corners.transpose(2, 0, 1)), facecolors=list(colours)), autolim=False)
    x_scale(axes, 0, max(float(values.max()) * 1.05, 1e-6), label)
    reach = axes.get_xlim()[1] * 6 / axes.get_window_extent().width
    for j, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.text(value + reach, -j, text, **small(va="center_baseline"))
    return figure
