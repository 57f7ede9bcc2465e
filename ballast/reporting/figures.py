"""The figures of each kind of stage, drawn from the stage's table in the warehouse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.frame.reports import LEFT_TO, OVERALL
from ballast.reporting.pictures.assessment import assessment_figures
from ballast.reporting.pictures.bars import bars
from ballast.reporting.pictures.curve import Line, curve
from ballast.reporting.pictures.histogram import bins, histogram
from ballast.reporting.pictures.ranges import ranges
from ballast.reporting.pictures.scatter import scatter
from ballast.reporting.pictures.theme import BLUE, GREY, MOST_ROWS, ORANGE, shorten
from ballast.stages import LABELLED_SHARE
from ballast.words import spaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Known:
    """What a figure may show beyond its step's table and summary.

    Attributes
    ----------
    name : the step's.
    true_weights : the known right weight of each training row by its id.
    value : gives what labelled rows tell of a metric of the model that the step judges, None where nothing tells.
    """

    name: str = ""
    true_weights: pd.Series | None = None
    value: Callable[[str], float | None] = lambda metric: None


def figures_for(
    stage: str, table: pd.DataFrame, summary: Mapping[str, Any] = NOTHING, known: Known | None = None
) -> Iterator[Figure]:
    """Gives the figures of a stage, the first one first; none where there is nothing to see.

    Parameters
    ----------
    stage : the kind of stage; one that is not known has nothing to show.
    table : the stage's table, as ``warehouse.read`` gives it.
    summary : what the stage remembered with its commit.
    """
    if stage in FIGURES and len(table):
        yield from FIGURES[stage](table, summary, known or Known())


def figure_for(
    stage: str, table: pd.DataFrame, summary: Mapping[str, Any] = NOTHING, known: Known | None = None
) -> Figure | None:
    """Gives the first of ``figures_for``, None where there is none."""
    return next(figures_for(stage, table, summary, known), None)


def _source(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """Share of missing values of each column that has any."""
    missing = table.isna().mean()
    missing = missing[missing > 0].sort_values(ascending=False)
    shown = missing.head(MOST_ROWS)
    if len(shown):
        yield bars(
            list(shown.index), shown.to_numpy(), [f"{v:.1%}" for v in shown], [BLUE] * len(shown),
            title="Missing values",
            subtitle=f"{len(missing)} of {table.shape[1]} columns have some, in {len(table):,} rows",
            label="share of rows",
            right=56,
        )  # fmt: skip


def _features(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """The spread of each encoded feature, of a sample of the rows."""
    X = _matrix(table["features"])
    shown = X[:, :60]
    note = "" if X.shape[1] == shown.shape[1] else f", the first {shown.shape[1]} shown"
    title = f"{X.shape[1]} encoded features{note}"
    yield ranges(shown, title=title, subtitle="median, middle half and 5 to 95 % of the rows", label="column")


def _test(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """Effect size of each feature, the largest first; orange where the test rejects."""
    overall = table[table["feature"] == OVERALL]
    features = table[(table["feature"] != OVERALL) & ~table["effect"].astype(str).str.startswith(LEFT_TO)]
    shown = (features if len(features) else overall).copy()
    shown = shown.sort_values("effect_size", ascending=False, key=np.abs).head(MOST_ROWS)
    found = bool(overall["rejected"].iloc[0]) if len(overall) else bool(features["rejected"].any())
    parts = [p_text(p) for p in overall["adjusted_p_value"].fillna(overall["p_value"])]
    if len(features):
        parts.append(f"{int(features['rejected'].sum())} of {len(features)} features differ")
    if len(shown) < len(features):
        parts.append(f"the {len(shown)} largest shown")
    yield bars(
        [f if f != OVERALL else "all features" for f in shown["feature"]],
        shown["effect_size"].abs().fillna(0).to_numpy(dtype=float),
        [p_text(p) for p in shown["adjusted_p_value"].fillna(shown["p_value"])],
        [ORANGE if r else GREY for r in shown["rejected"]],
        title=verdict_of(found, str(summary.get("supposes", ""))),
        subtitle=", ".join(p for p in parts if p),
        label=spaced(", ".join(dict.fromkeys(map(_measure, shown["effect"].astype(str))))),
        right=74,
    )


def _measure(effect: str) -> str:
    """Gives what an effect size measures, without what is said of it, and without the value that it is taken at."""
    return re.sub(r"^largest of \d+: | at \S+$", "", re.split(r" \(|;", effect)[0])


def verdict_of(rejected: bool, supposes: str) -> str:
    """Gives what a test found, in words."""
    if supposes:
        return f"{'Contradicted' if rejected else 'Not contradicted'}: {supposes}"
    return "Shift found" if rejected else "No shift found"


def _scorer(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """Histogram of the scores, those flagged in orange, and the threshold where there is one."""
    scores, flagged = table["score"].to_numpy(dtype=float), table["flagged"].to_numpy(dtype=bool)
    yield histogram(
        scores,
        bins(scores),
        title=f"{flagged.sum():,} of {len(scores):,} rows flagged ({flagged.mean():.1%})"
        if flagged.any()
        else "Scores",
        subtitle="" if flagged.any() else f"{len(scores):,} rows, none flagged",
        label="score",
        marked=scores[flagged],
        line=summary.get("threshold"),
    )


def _weigher(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """Histogram of the weights with the effective sample size; where the true weights are known, both against them."""
    weight, truth = table["weight"].to_numpy(dtype=float), None
    if known.true_weights is not None:
        truth = known.true_weights.reindex(table["sample_id"]).to_numpy(dtype=float)
        truth = truth / truth.mean() if np.isfinite(truth).all() and truth.sum() > 0 else None
    n, size = len(weight), effective_sample_size(weight)
    last = max(float(np.quantile(weight, 0.995)), 1.0)
    clipped = (weight > last).any()
    lightest = f"{(weight == 0).mean():.0%} of rows weigh nothing"
    yield histogram(
        np.minimum(weight, last),
        np.linspace(0, last * 1.02, 41),
        title=f"Effective sample size {size:,.0f} of {n:,} rows ({size / n:.0%})",
        subtitle=f"largest weight {weight.max():.3g}, "
        + (lightest if (weight == 0).any() else f"smallest {weight.min():.2g}"),
        label=f"weight, mean 1{'; the last bar holds all above' if clipped else ''}",
        outline=None if truth is None else ("true weights", np.minimum(truth, last)),
        line=1,
        height=224,
    )
    if truth is not None:
        estimate = weight / weight.mean()
        error = ((estimate - truth) ** 2).mean() / max(((truth - 1) ** 2).mean(), 1e-12)
        high = float(max(np.quantile(truth, 0.995), np.quantile(estimate, 0.995))) * 1.05
        yield scatter(
            truth,
            estimate,
            title=f"Estimated and true weights: {shorten(known.name, 30)}",
            subtitle=f"squared error {error:.2f} of that of uniform weights",
            x_label="true weight",
            y_label="estimated",
            x_range=(0, high),
            y_range=(0, high),
            diagonal=True,
        )


def _sampler(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """How many source rows were drawn once, twice and so on, and how many rows are synthetic."""
    synthetic = table["is_synthetic"].to_numpy(dtype=bool)
    times = np.unique(table["sample_id"].to_numpy()[~synthetic], return_counts=True)[1]
    most = 8
    counts = np.bincount(np.minimum(times, most), minlength=2)[1:]
    names = [f"drawn {k}×" if k < most else f"{most}× or more" for k in range(1, len(counts) + 1)]
    values, colours = counts.tolist(), [BLUE] * len(counts)
    if synthetic.any():
        names, values, colours = [*names, "synthetic"], [*values, int(synthetic.sum())], [*colours, ORANGE]
    yield bars(
        names,
        np.asarray(values, dtype=float),
        [f"{v:,}" for v in values],
        colours,
        title=f"A dataset of {len(table):,} rows",
        subtitle=f"{len(times):,} different source rows, {synthetic.mean():.0%} synthetic",
        label="rows",
    )


def _dynamics(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """Mean training loss by epoch with the middle half of the rows, of a sample of them."""
    losses = _matrix(table["losses"]) if "losses" in table else np.empty((0, 0))
    if losses.shape[1] < 2:
        return
    lower, upper = np.quantile(losses, [0.25, 0.75], axis=0)
    mean, epoch = losses.mean(axis=0), np.arange(1, losses.shape[1] + 1)
    yield curve(
        [Line("", epoch, mean, lower, upper)],
        title=f"Training loss {mean[-1]:.3g} after {len(epoch)} epochs",
        subtitle="mean, and the middle half of the rows",
        x_label="epoch",
        y_label="loss",
    )


def _assessor(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    return assessment_figures(table, summary, known.value)


def _metrics(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """As of an assessor; nothing while there is no label to hold a prediction against."""
    return _assessor(table, summary, known) if (table["metric"] != LABELLED_SHARE).any() else iter(())


def _prediction(table: pd.DataFrame, summary: Mapping[str, Any], known: Known) -> Iterator[Figure]:
    """The rows by predicted class; of numbers their histogram, flagged ones in orange."""
    found, flagged = table["prediction"], table["flagged"].to_numpy(dtype=bool)
    title = f"{flagged.sum():,} of {len(table):,} predictions flagged ({flagged.mean():.1%})"
    subtitle = f"by {summary['model']}, version {summary['model_version']}"
    if "classes" not in summary:
        values = found.to_numpy(dtype=float)
        yield histogram(
            values, bins(values), title=title, subtitle=subtitle, label="prediction", marked=values[flagged]
        )
        return
    counts = found.value_counts()
    shown = counts.head(MOST_ROWS)
    more = f", the {len(shown)} most frequent of {len(counts)} classes" if len(shown) < len(counts) else ""
    yield bars(
        [str(label) for label in shown.index],
        shown.to_numpy(dtype=float),
        [f"{n:,} ({n / len(table):.1%})" for n in shown],
        [BLUE] * len(shown),
        title=title,
        subtitle=subtitle + more,
        label="rows",
        right=90,
    )


FIGURES: dict[str, Callable[[pd.DataFrame, Mapping[str, Any], Known], Iterator[Figure]]] = {
    "source": _source,
    "features": _features,
    "test": _test,
    "scorer": _scorer,
    "weigher": _weigher,
    "sampler": _sampler,
    "dynamics": _dynamics,
    "assessor": _assessor,
    "metrics": _metrics,
    "prediction": _prediction,
}
"""What is drawn of each kind of stage that has something to see."""


def p_text(p: float) -> str:
    """Gives "p = 0.012", "p < 0.001", or nothing where there is none."""
    if np.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _matrix(column: pd.Series) -> np.ndarray:
    """Gives the arrays of a column as a matrix, of every k-th row so that at most 4,000 are read."""
    return np.stack(column.to_numpy()[:: max(1, len(column) // 2000)])
