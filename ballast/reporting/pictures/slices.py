"""Which numbers of an assessment a picture of its slices shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ballast.methods.frame.reports import OVERALL, Picture

if TYPE_CHECKING:
    import pandas as pd


def slices_of(table: pd.DataFrame, picture: Picture) -> tuple[pd.DataFrame, str]:
    """Gives the rows of a picture's leading metric for every model and slice, and what that metric is called."""
    metric = picture.metrics[0] if picture.metrics else str(table["metric"].iloc[0])
    rows = table[(table["metric"] == metric) & (table["slice"] != OVERALL) & (table["versus"] == "")]
    return rows, picture.called(metric)
