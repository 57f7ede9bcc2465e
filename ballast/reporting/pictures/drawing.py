"""A figure that a notebook shows where it stands at the end of a cell, whether or not pyplot is there."""

from __future__ import annotations

from matplotlib.figure import Figure

from ballast.reporting.pictures.theme import as_svg


class Drawing(Figure):
    """A figure of matplotlib's that shows itself."""

    def _repr_svg_(self) -> str:
        return as_svg(self)
