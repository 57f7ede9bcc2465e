"""The picture of an object: as a pipeline's report draws what the same method leaves behind."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ballast.errors import DataError
from ballast.methods.frame.base import Scorer, Weigher
from ballast.methods.frame.reports import Assessment, AssessmentRows, Picture, TestReport
from ballast.methods.frame.summary import WeightSummary
from ballast.methods.frame.vocabulary import finite
from ballast.reporting.figures import figure_for
from ballast.reporting.pictures import love_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BALANCE = Picture("love_plot", ("before", "after"), labels=("standardized difference",) * 2)


def figure(of: Any, *arguments: Any) -> Figure:
    """Gives the picture of an object; DataError where it holds nothing to draw."""
    made = _figure(of, *arguments)
    if made is None:
        raise DataError(f"{type(of).__name__} holds no numbers to draw; look at its table")
    return made


@singledispatch
def _figure(of: Any, *arguments: Any) -> Figure | None:
    raise TypeError(f"{type(of).__name__} has no picture")


@_figure.register(TestReport)
def _(of: TestReport) -> Figure | None:
    return figure_for("test", of.table, of.remembered)


@_figure.register(Assessment)
def _(of: Assessment) -> Figure | None:
    return figure_for("assessor", of.table, of.remembered)


@_figure.register(WeightSummary)
def _(of: WeightSummary) -> Figure | None:
    if of.balance is None:
        raise DataError(f"{of.weigher}: no balance of columns is known to draw; fit it on X and X_target")
    rows = AssessmentRows()
    for name, before, after in of.balance.itertuples():
        rows.add("before", before, n=of.rows, model=of.weigher, slice=name)
        rows.add("after", after, n=of.rows, model=of.weigher, slice=name)
    return love_plot.of_assessment(rows.finish().table, BALANCE)


@_figure.register(Weigher)
def _(of: Weigher) -> Figure | None:
    of.summary()  # says what to do where there are no weights
    return figure_for("weigher", pd.DataFrame({"weight": of.weights_}))


@_figure.register(Scorer)
def _(of: Scorer, scores: Any) -> Figure | None:
    values = finite(scores, f"{of.name}.plot: scores", 1)
    table = pd.DataFrame({"score": values, "flagged": np.asarray(of.flag(values))})
    return figure_for("scorer", table, {"threshold": getattr(of, "threshold_", np.nan)})
