"""One figure for each kind of stage, drawn from the stage's table in the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.frame.reports import OVERALL
from ballast.reporting.pictures.theme import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    as_markdown,
    as_svg,
    bars,
    dots,
    name_margin,
    notes,
    panel,
    row_names,
    shorten,
    small,
    x_scale,
    y_scale,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "as_markdown",
    "as_svg",
    "balance_figure",
    "comparison_figure",
    "drift_figure",
    "estimate_figure",
    "features_figure",
    "figure_for",
    "metrics_figure",
    "multiplicity_figure",
    "score_figure",
    "source_figure",
    "training_figure",
    "truth_figure",
    "weight_figure",
]

MOST_ROWS = 12
"""Features, models or slices that one figure names; the rest is counted in the subtitle."""


def figure_for(stage: str, table: pd.DataFrame, **details: Any) -> Figure | None:
    """Gives the figure of a stage, or None where there is nothing to see.

    Parameters
    ----------
    stage : one of ``outline.STAGES``, or "dynamics" for the table of a recorded training.
    table : the stage's table, as ``warehouse.read`` gives it.
    details : more for some stages. scorer: ``threshold``. weigher: ``true_weight`` (n,). assessor:
        ``truth``, the accuracy that an estimate without labels is held against.
    """
    draw = _FIGURES.get(stage)
    return draw(table, **details) if draw is not None and len(table) else None


def source_figure(table: pd.DataFrame) -> Figure | None:
    """Share of missing values of each column that has any; None where all are complete."""
    missing = table.isna().mean()
    missing = missing[missing > 0].sort_values(ascending=False)
    if missing.empty:
        return None
    shown = missing.head(MOST_ROWS)
    figure, axes = panel(
        "Missing values",
        f"{len(missing)} of {table.shape[1]} columns have some, in {len(table):,} rows",
        height=92 + 22 * len(shown),
        left=name_margin(list(shown.index)),
        right=56,
    )
    row_names(axes, list(shown.index))
    bars(axes, shown.to_numpy(), [BLUE] * len(shown))
    x_scale(axes, 0, float(shown.max()) * 1.05, "share of rows")
    notes(axes, shown.to_numpy(), [f"{v:.1%}" for v in shown])
    return figure


def features_figure(table: pd.DataFrame) -> Figure | None:
    """The spread of each encoded feature: middle half, 5 to 95 % and median; of a sample of the rows."""
    X = _matrix(table["features"])
    shown = X[:, :60]
    low, lower, middle, upper, high = np.quantile(shown, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    at = np.arange(shown.shape[1])
    note = "" if X.shape[1] == shown.shape[1] else f", the first {shown.shape[1]} shown"
    figure, axes = panel(
        f"{X.shape[1]} encoded features{note}", "median, middle half and 5 to 95 % of the rows", height=210, left=44
    )
    axes.vlines(at, low, high, color=GREY, linewidth=1.5)
    axes.vlines(at, lower, upper, color=BLUE, linewidth=min(5.0, 260 / len(at)))
    axes.plot(at, middle, "o", markersize=2.5, color=INK)
    spread = max(float(high.max() - low.min()), 1e-9)
    axes.set_ylim(low.min() - 0.05 * spread, high.max() + 0.05 * spread)
    for value in (low.min(), high.max()):
        axes.text(-8 / 420, value, f"{value:.3g}", transform=axes.get_yaxis_transform(), **small(ha="right"))
    x_scale(axes, -0.7, len(at) - 0.3, "column", grid=False)
    return figure


def drift_figure(table: pd.DataFrame) -> Figure:
    """Effect size of each feature, the largest first; orange where the test rejects."""
    overall = table[table["feature"] == OVERALL]
    features = table[table["feature"] != OVERALL]
    shown = (features if len(features) else overall).copy()
    shown = shown.sort_values("effect_size", ascending=False, key=np.abs).head(MOST_ROWS)
    size = shown["effect_size"].abs().fillna(0).to_numpy(dtype=float)
    found = bool(overall["rejected"].iloc[0]) if len(overall) else bool(features["rejected"].any())
    parts = [p_text(p) for p in overall["adjusted_p_value"].fillna(overall["p_value"])]
    if len(features):
        parts.append(f"{int(features['rejected'].sum())} of {len(features)} features differ")
    if len(shown) < len(features):
        parts.append(f"the {len(shown)} largest shown")
    names = [f if f != OVERALL else "all features" for f in shown["feature"]]
    figure, axes = panel(
        "Shift found" if found else "No shift found",
        ", ".join(p for p in parts if p),
        height=94 + 22 * len(shown),
        left=name_margin(names),
        right=74,
    )
    row_names(axes, names)
    bars(axes, size, [ORANGE if r else GREY for r in shown["rejected"]])
    effect = ", ".join(shown["effect"].astype(str).unique()).replace("_", " ")
    x_scale(axes, 0, max(float(size.max()) * 1.05, 1e-6), effect)
    notes(axes, size, [p_text(p) for p in shown["adjusted_p_value"].fillna(shown["p_value"])])
    return figure


def score_figure(table: pd.DataFrame, *, threshold: float | None = None) -> Figure:
    """Histogram of the scores, those flagged in orange, and the threshold where there is one."""
    scores, flagged = table["score"].to_numpy(dtype=float), table["flagged"].to_numpy(dtype=bool)
    edges = _edges(scores)
    counts, of_flagged = np.histogram(scores, edges)[0], np.histogram(scores[flagged], edges)[0]
    figure, axes = panel(
        f"{flagged.sum():,} of {len(scores):,} rows flagged ({flagged.mean():.1%})" if flagged.any() else "Scores",
        "" if flagged.any() else f"{len(scores):,} rows, none flagged",
        height=220,
        left=52,
    )
    axes.stairs(counts, edges, fill=True, color=BLUE)
    axes.stairs(of_flagged, edges, fill=True, color=ORANGE)
    y_scale(axes, counts.max() * 1.15, "rows")
    if threshold is not None and np.isfinite(threshold):
        axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    x_scale(axes, edges[0], edges[-1], "score", grid=False)
    return figure


def weight_figure(table: pd.DataFrame, *, true_weight: np.ndarray | None = None) -> Figure:
    """Histogram of the weights with the effective sample size; the true weights' outline where they are known."""
    weight = table["weight"].to_numpy(dtype=float)
    n, size = len(weight), effective_sample_size(weight)
    last = max(float(np.quantile(weight, 0.995)), 1.0)
    edges = np.linspace(0, last * 1.02, 41)
    counts = np.histogram(np.minimum(weight, last), edges)[0]
    figure, axes = panel(
        f"Effective sample size {size:,.0f} of {n:,} rows ({size / n:.0%})",
        f"largest weight {weight.max():.3g}, {(weight == 0).mean():.0%} of rows weigh nothing"
        if (weight == 0).any()
        else f"largest weight {weight.max():.3g}, smallest {weight.min():.2g}",
        height=224,
        left=52,
    )
    axes.stairs(counts, edges, fill=True, color=BLUE)
    top = counts.max()
    if true_weight is not None:
        truth = np.histogram(np.minimum(true_weight / np.mean(true_weight), last), edges)[0]
        axes.stairs(truth, edges, color=ORANGE, linewidth=1.6)
        top = max(top, truth.max())
        axes.text(1, 0.9, "true weights", transform=axes.transAxes, **small(ha="right", color=ORANGE))
    axes.axvline(1, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    y_scale(axes, top * 1.15, "rows")
    clipped = (weight > last).any()
    x_scale(axes, 0, edges[-1], f"weight, mean 1{'; the last bar holds all above' if clipped else ''}", grid=False)
    return figure


def truth_figure(weight: np.ndarray, true_weight: np.ndarray, *, name: str = "estimated") -> Figure:
    """Estimated against true weights of at most 400 rows, with the diagonal that they should lie on."""
    pick = np.linspace(0, len(weight) - 1, min(len(weight), 400)).astype(int)
    estimate, truth = weight / weight.mean(), true_weight / true_weight.mean()
    error = ((estimate - truth) ** 2).mean() / max(((truth - 1) ** 2).mean(), 1e-12)
    high = float(max(np.quantile(truth, 0.995), np.quantile(estimate, 0.995))) * 1.05
    figure, axes = panel(
        f"Estimated and true weights: {shorten(name, 30)}",
        f"squared error {error:.2f} of that of uniform weights",
        height=250,
        left=62,
    )
    axes.plot([0, high], [0, high], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(truth[pick], estimate[pick], "o", markersize=3.2, color=BLUE, alpha=0.45, markeredgewidth=0)
    y_scale(axes, high, "estimated")
    x_scale(axes, 0, high, "true weight")
    return figure


def balance_figure(table: pd.DataFrame) -> Figure | None:
    """The love plot: standardized mean differences before (hollow) and after weighting (filled), per feature."""
    prefix = "standardized_mean_difference_"
    before = table[table["metric"] == prefix + "before"].drop_duplicates("slice").set_index("slice")["value"]
    after = table[table["metric"] == prefix + "after"].pivot(index="slice", columns="model", values="value")
    if before.empty:
        return None
    shown = before.sort_values(ascending=False).head(MOST_ROWS)
    models = list(table["model"].unique())[: len(_MARKERS)]
    legend = [(f"○ before {int((before > 0.1).sum())}", ORANGE)]
    for model, (_, symbol, colour) in zip(models, _MARKERS, strict=False):
        legend.append((f"{symbol} {shorten(model, 18)} {int((after[model] > 0.1).sum())}", colour))
    figure, axes = panel(
        f"Features out of balance by more than 0.1, of {len(before)}",
        legend=legend,
        height=98 + 22 * len(shown),
        left=name_margin(list(shown.index)),
    )
    y = -np.arange(len(shown))
    row_names(axes, list(shown.index))
    axes.axvline(0.1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    values = after.loc[shown.index, models]
    nearest, farthest = values.min(axis=1), values.max(axis=1)
    axes.hlines(y, np.minimum(nearest, shown), np.maximum(farthest, shown), color=GREY, linewidth=1, zorder=1)
    for model, (marker, _, colour) in zip(models, _MARKERS, strict=False):
        axes.plot(values[model], y, marker, markersize=6, color=colour, markeredgewidth=0, zorder=3)
    axes.plot(shown, y, "o", markersize=6.5, markerfacecolor=PAPER, markeredgecolor=ORANGE, markeredgewidth=1.6)
    high = max(float(shown.max()), float(values.to_numpy().max()), 0.12)
    x_scale(axes, 0, high * 1.05, "standardized mean difference")
    return figure


def multiplicity_figure(table: pd.DataFrame) -> Figure:
    """How many source rows were drawn once, twice and so on, and how many rows are synthetic."""
    synthetic = table["is_synthetic"].to_numpy(dtype=bool)
    times = np.unique(table["sample_id"].to_numpy()[~synthetic], return_counts=True)[1]
    most = 8
    counts = np.bincount(np.minimum(times, most), minlength=2)[1:]
    names = [f"drawn {k}×" if k < most else f"{most}× or more" for k in range(1, len(counts) + 1)]
    values = [*counts.tolist(), *([int(synthetic.sum())] if synthetic.any() else [])]
    colours = [*([BLUE] * len(counts)), *([ORANGE] if synthetic.any() else [])]
    names += ["synthetic"] if synthetic.any() else []
    figure, axes = panel(
        f"A dataset of {len(table):,} rows",
        f"{len(times):,} different source rows, {synthetic.mean():.0%} synthetic",
        height=94 + 22 * len(values),
        left=name_margin(names),
        right=60,
    )
    row_names(axes, names)
    bars(axes, np.asarray(values, dtype=float), colours)
    x_scale(axes, 0, max(values) * 1.05, "rows")
    notes(axes, np.asarray(values, dtype=float), [f"{v:,}" for v in values])
    return figure


def training_figure(table: pd.DataFrame) -> Figure | None:
    """Mean training loss by epoch with the middle half of the rows, of a sample of them; None without losses."""
    if "losses" not in table:
        return None
    losses = _matrix(table["losses"])
    if losses.shape[1] < 2:
        return None
    lower, upper = np.quantile(losses, [0.25, 0.75], axis=0)
    mean, epoch = losses.mean(axis=0), np.arange(1, losses.shape[1] + 1)
    figure, axes = panel(
        f"Training loss {mean[-1]:.3g} after {len(epoch)} epochs",
        "mean, and the middle half of the rows",
        height=220,
        left=52,
    )
    axes.fill_between(epoch, lower, upper, color=BLUE, alpha=0.22, linewidth=0)
    axes.plot(epoch, mean, color=BLUE, linewidth=2)
    y_scale(axes, float(max(mean.max(), upper.max())) * 1.15, "loss")
    x_scale(axes, 1, len(epoch), "epoch", grid=False)
    return figure


def comparison_figure(table: pd.DataFrame) -> Figure:
    """Each model's (or arm's) first metric with its interval, and its difference from the one it is held against."""
    overall = table[table["slice"] == OVERALL]
    metric = str(overall["metric"].iloc[0])
    rows = overall[overall["metric"].isin([metric, "effect"])].fillna({"versus": ""})
    models = rows[rows["versus"] == ""].head(MOST_ROWS)
    versus = rows[rows["versus"] != ""].set_index("model")
    effects = "effect" in set(versus["metric"])
    others = set(versus["versus"])
    sign = -1 if metric.endswith("error") else 1
    texts, colours = [], []
    for model in models["model"]:
        if model not in versus.index:
            texts.append("compared with" if model in others or not others else "")
            colours.append(MUTED)
            continue
        value, low, high = versus.loc[model, ["value", "low", "high"]]
        worst, best = (low, high) if sign > 0 else (-high, -low)
        colours.append(MUTED if effects else GREEN if worst > 0 else ORANGE if best < 0 else MUTED)
        held = str(versus.loc[model, "versus"])
        texts.append(
            f"{value:+.3g} " + (f"[{low:+.3g}, {high:+.3g}]" if len(others) < 2 else f"vs {shorten(held, 12)}")
        )
    subtitle = "difference from the one named at the right"
    if len(others) < 2:
        first = shorten(next(iter(others), models["model"].iloc[0]), 30)
        subtitle = f"difference from {first} at the right, with its {'interval' if effects else 'paired interval'}"
    return dots(models, "model", _words(metric).capitalize(), texts, colours, _words(metric), subtitle=subtitle)


def estimate_figure(table: pd.DataFrame, *, truth: float | None = None) -> Figure:
    """Accuracy estimated without labels beside its rivals, with the true accuracy where it is known."""
    rows = table[table["slice"] == OVERALL].copy()
    rows["name"] = rows["metric"].map(_words)
    subtitle = "" if truth is None else f"true accuracy {truth:.3f} (dashed)"
    texts = [f"{v:.3f}" if truth is None else f"{v:.3f}, off by {v - truth:+.3f}" for v in rows["value"]]
    first = [INK if m == "estimated_accuracy" else MUTED for m in rows["metric"]]
    return dots(rows, "name", "Accuracy without labels", texts, first, "accuracy", line=truth, subtitle=subtitle)


def metrics_figure(table: pd.DataFrame) -> Figure:
    """The overall metrics with their intervals or, where there are slices, the first metric of each slice."""
    metric = str(table["metric"].iloc[0])
    if (table["slice"] != OVERALL).any():
        rows = table[table["metric"] == metric].head(MOST_ROWS)
        title, name, label = f"{_words(metric).capitalize()} by slice", "slice", _words(metric)
    else:
        rows = table[table["metric"] != "r2"].head(MOST_ROWS)
        rows = rows.assign(name=rows["metric"].map(_words))
        title, name, label = f"Metrics of {int(rows['n'].iloc[0]):,} rows", "name", ""
    texts = [f"{v:.3g}" for v in rows["value"]]
    return dots(rows, name, title, texts, [INK] * len(rows), label)


def _assessor_figure(table: pd.DataFrame, *, truth: float | None = None) -> Figure | None:
    metrics = set(table["metric"])
    if "standardized_mean_difference_after" in metrics:
        return balance_figure(table)
    if "estimated_accuracy" in metrics:
        return estimate_figure(table, truth=truth)
    return comparison_figure(table) if (table["model"] != "").any() else metrics_figure(table)


_MARKERS = (
    ("o", "●", BLUE),
    ("D", "◆", GREEN),
    ("^", "▲", INK),
    ("s", "■", BLUE),
    ("v", "▼", GREEN),
    ("*", "★", INK),
)
"""Shape, its letter and colour of each weight table in the balance figure."""

_FIGURES: dict[str, Callable[..., Figure | None]] = {
    "source": source_figure,
    "features": features_figure,
    "test": drift_figure,
    "scorer": score_figure,
    "weigher": weight_figure,
    "sampler": multiplicity_figure,
    "learner": training_figure,
    "dynamics": training_figure,
    "assessor": _assessor_figure,
}


def p_text(p: float) -> str:
    """Gives "p = 0.012", "p < 0.001", or nothing where there is none."""
    if np.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _words(metric: object) -> str:
    words = str(metric).replace("_", " ")
    return {"auroc": "AUROC", "macro f1": "macro F1", "r2": "R²"}.get(words, words)


def _matrix(column: pd.Series) -> np.ndarray:
    """Gives the arrays of a column as a matrix, of every k-th row so that at most 4,000 are read."""
    return np.stack(column.to_numpy()[:: max(1, len(column) // 2000)])


def _edges(values: np.ndarray) -> np.ndarray:
    """Gives the edges of 40 bins; the lowest and highest half per cent do not stretch them beyond thrice the rest."""
    low, inner_low, inner_high, high = np.quantile(values, [0, 0.005, 0.995, 1])
    reach = max(inner_high - inner_low, 1e-9)
    return np.linspace(max(low, inner_low - reach), max(min(high, inner_high + reach), low + 1e-9), 41)
