"""The pictures that an assessment asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ballast.methods.frame.reports import Picture, declared
from ballast.reporting.pictures import curve, heat_map, histogram, love_plot, scatter
from ballast.reporting.pictures.intervals import by_metric, by_model

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SHAPES: Mapping[str, Callable[[pd.DataFrame, Picture], Figure | None]] = {
    "curve": curve.of_assessment,
    "histogram": histogram.of_assessment,
    "scatter": scatter.of_assessment,
    "heat_map": heat_map.of_assessment,
    "love_plot": love_plot.of_assessment,
}
"""How each shape is drawn; beside them there are the intervals, which may praise."""


def assessment_figures(
    table: pd.DataFrame, summary: Mapping[str, Any], known: Callable[[str], float | None]
) -> Iterator[Figure]:
    """Gives the pictures that the summary declares; of one that declares none, the intervals of all it has.

    ``known`` gives what labelled rows tell of a metric of the model that is judged, None where nothing tells.
    """
    better, pictures = declared(summary)
    asked = [p for p in pictures if p.shape == "intervals" or p.shape in SHAPES]
    table = table.fillna({"model": "", "versus": ""})
    for picture in asked or [Picture("intervals", by="model" if (table["model"] != "").any() else "metric")]:
        if picture.shape in SHAPES:
            figure = SHAPES[picture.shape](table, picture)
        elif picture.by == "model":
            figure = by_model(table, picture, better)
        else:
            figure = by_metric(table, picture, known(picture.known) if picture.known else None)
        if figure is not None:
            yield figure
