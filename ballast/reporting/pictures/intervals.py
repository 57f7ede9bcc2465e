"""Intervals: a value with its interval in each row, and beside it what is to be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ballast.methods.frame.reports import OVERALL, Direction, Picture
from ballast.reporting.pictures.theme import (
    BLUE,
    GREEN,
    INK,
    MOST_ROWS,
    MUTED,
    ORANGE,
    PAPER,
    headed,
    name_margin,
    panel,
    row_names,
    shorten,
    small,
    x_scale,
)
from ballast.words import spaced

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PRAISE = {"good": GREEN, "bad": ORANGE, "": MUTED}


def praise(low: float, high: float, direction: Direction | None) -> Literal["good", "bad", ""]:
    """Gives what a difference from ``low`` to ``high`` is where a metric has a direction: "" where 0 lies between."""
    if direction is None:
        return ""
    worst, best = (low, high) if direction == "higher" else (-high, -low)
    return "good" if worst > 0 else "bad" if best < 0 else ""


def intervals(
    rows: pd.DataFrame,
    names: Sequence[object],
    texts: Sequence[str],
    colours: Sequence[str],
    *,
    title: str,
    subtitle: str,
    label: str,
    line: float | None = None,
) -> Figure:
    """Gives a dot plot of ``value`` from ``low`` to ``high``, a row each, with a text in its colour at the right."""
    value, low, high = (rows[c].to_numpy(dtype=float) for c in ("value", "low", "high"))
    low, high = np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)
    right, height = 26 + 6.0 * max(map(len, texts)), (78 if subtitle else 62) + 24 * len(rows) + 16
    figure, axes = panel(title, subtitle, height=height, left=name_margin(names), right=right)
    row_names(axes, names)
    y = -np.arange(len(rows))
    ends = [low.min(), high.max()] + ([] if line is None else [line])
    spread = max(max(ends) - min(ends), 1e-3 * max(map(abs, ends))) or 1.0
    x_scale(axes, min(ends) - 0.06 * spread, max(ends) + 0.06 * spread, label)
    axes.hlines(y, low, high, color=BLUE, linewidth=2.2)
    axes.plot(value, y, "o", markersize=7, color=BLUE, markeredgecolor=PAPER, markeredgewidth=1)
    if line is not None:
        axes.axvline(line, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    at = {"x": 1 + 10 / axes.get_window_extent().width, "transform": axes.get_yaxis_transform()}
    for j, (text, colour) in enumerate(zip(texts, colours, strict=True)):
        axes.text(y=-j, s=text, **at, **small(color=colour, va="center_baseline"))
    return figure


def by_metric(table: pd.DataFrame, picture: Picture, known: float | None = None) -> Figure | None:
    """Draws the metrics of all rows or, where there are slices, the leading one of each slice.

    Where something is known that the values are held against, it is a line, and the leading metric stands out.
    """
    metrics = picture.metrics or tuple(dict.fromkeys(table["metric"]))
    rows = table[table["metric"].isin(metrics) & (table["versus"] == "")]
    if rows.empty:
        return None
    first = next(metric for metric in metrics if (rows["metric"] == metric).any())
    if (rows["slice"] != OVERALL).any() and not picture.known:
        slices, label = rows[rows["metric"] == first], picture.called(first)
        rows = _farthest(slices)
        note = f", {len(rows)} of {len(slices)} shown" if len(rows) < len(slices) else ""
        title, names = f"{picture.title or f'{headed(label)} by slice'}{note}", list(rows["slice"])
    else:
        rows, label = rows[rows["slice"] == OVERALL].head(MOST_ROWS), spaced(picture.known)
        title = picture.title or f"Metrics of {int(rows['n'].iloc[0]):,} rows"
        names = [picture.called(metric) for metric in rows["metric"]]
    colours = [INK if not picture.known or metric == first else MUTED for metric in rows["metric"]]
    if known is None:
        texts, subtitle = [f"{v:.3f}" if picture.known else f"{v:.3g}" for v in rows["value"]], ""
    else:
        texts = [f"{v:.3f}, off by {v - known:+.3f}" for v in rows["value"]]
        subtitle = f"true {spaced(picture.known)} {known:.3f} (dashed)"
    return intervals(rows, names, texts, colours, title=title, subtitle=subtitle, label=label, line=known)


def _farthest(slices: pd.DataFrame) -> pd.DataFrame:
    """Gives as many slices as there is room for: all rows, and those farthest from them."""
    middle = slices.loc[slices["slice"] == OVERALL, "value"].mean()
    if len(slices) <= MOST_ROWS or np.isnan(middle):
        return slices.head(MOST_ROWS)
    distance = (slices["value"] - middle).abs().where(slices["slice"] != OVERALL, np.inf)
    return slices[distance.rank(ascending=False, method="first") <= MOST_ROWS]


def by_model(table: pd.DataFrame, picture: Picture, better: Mapping[str, Direction]) -> Figure | None:
    """Draws a metric of each model (or arm), and its difference from the one that it is held against."""
    overall = table[table["slice"] == OVERALL]
    metric = picture.metrics[0] if picture.metrics else str(overall["metric"].iloc[0]) if len(overall) else ""
    rows = overall[(overall["metric"] == metric) & (overall["versus"] == "")].head(MOST_ROWS)
    if rows.empty:
        return None
    beside = picture.beside or metric
    versus = overall[(overall["metric"] == beside) & (overall["versus"] != "")].drop_duplicates("model")
    told = {row["model"]: row for row in versus.to_dict("records")}
    others = {row["versus"] for row in told.values()}
    texts, colours = [], []
    for model, value in zip(rows["model"], rows["value"], strict=True):
        row = told.get(model)
        if row is None:
            texts.append(f"{value:.3g}" if not told else "compared with" if model in others else "")
            colours.append(MUTED if told else INK)
            continue
        ends, other = f"[{row['low']:+.3g}, {row['high']:+.3g}]", shorten(row["versus"], 12)
        texts.append(f"{row['value']:+.3g} {ends if len(others) < 2 else f'vs {other}'}")
        colours.append(PRAISE[praise(row["low"], row["high"], better.get(beside))])
    subtitle = ""
    if len(others) == 1:
        interval = "interval" if picture.beside else "paired interval"  # of the same rows, where it is the same metric
        subtitle = f"difference from {shorten(next(iter(others)), 30)} at the right, with its {interval}"
    elif others:
        subtitle = "difference from the one named at the right"
    called = picture.called(metric)
    title = picture.title or headed(called)
    return intervals(rows, list(rows["model"]), texts, colours, title=title, subtitle=subtitle, label=called)
