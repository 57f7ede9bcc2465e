"""The numbers and the figure that a stage shows of itself, as plain values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ballast.compute.effective_sample_size import worth
from ballast.methods.frame.reports import OVERALL
from ballast.reporting.figures import figure_for
from ballast.reporting.pictures.theme import as_markdown

BALANCE = ("max_standardized_difference_before", "max_standardized_difference", "share_at_bound")
"""What a weigher remembers of the columns before and after its weights, and of the weights that its bound cuts."""

FEW = 0.1
"""The effective share of the rows below which better balance alone is not good news."""


def stage_metadata(stage: str, table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Gives what is worth showing of a stage, by name: numbers as numbers, the figure as a Markdown image.

    Parameters
    ----------
    stage : the kind of stage; one that is not known has nothing to show.
    table : the stage's table.
    summary : the figures that the stage remembered with its commit.

    Numbers that are not finite are left out: they have no place on a plot over time.
    """
    shown = stage_values(stage, table, summary)
    figure = figure_for(stage, table, summary)
    if figure is not None:
        shown["figure"] = as_markdown(figure)
    return shown


def stage_values(stage: str, table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the numbers of ``stage_metadata`` alone."""
    values = VALUES[stage](table, summary) if stage in VALUES else {}
    values |= {f"streamed_{name}": value for name, value in summary.get("streamed", {}).items()}
    values |= {f"sampled_of_{role}": taken for role, (taken, _) in summary.get("sampled", {}).items()}
    shown = {name: _plain(value) for name, value in values.items()}
    return {name: value for name, value in shown.items() if not isinstance(value, float) or math.isfinite(value)}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _source(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    missing = table.isna().to_numpy().sum()
    return {
        "columns": table.shape[1],
        "missing_values": missing,
        "missing_share": missing / table.size if table.size else 0.0,
    }


def _features(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    repaired = {name: sum(summary.get(name, {}).values()) for name in ("imputed_nan", "imputed_inf")}
    return {
        "features": summary.get("n_features", len(summary.get("names", ()))),
        "imputed_values": sum(repaired.values()),
        "unseen_categories": sum(summary.get("unseen_categories", {}).values()),
        "dropped_columns": len(summary.get("dropped_columns", {})),
    }


def _test(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    features = table[table["feature"] != OVERALL]
    shown = {name: summary[name] for name in ("statistic", "p_value", "threshold", "rejected") if name in summary}
    effects = (features if len(features) else table)["effect_size"].abs()
    if effects.notna().any():
        shown["largest_effect"] = effects.max()
    if len(features):
        shown["features_rejected"] = int(features["rejected"].sum())
        if effects.notna().any():
            shown["most_shifted_feature"] = str(features.loc[effects.idxmax(), "feature"])
    return shown


def _scorer(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    if not len(table):
        return {}
    low, middle, high = np.quantile(table["score"].to_numpy(dtype=float), [0.05, 0.5, 0.95])
    return {
        "flagged_share": table["flagged"].mean(),
        "score_5_percent": low,
        "score_median": middle,
        "score_95_percent": high,
    }


def weight_figures(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Gives what weights are worth and what they changed: of a table of weights with rows, and its summary."""
    known = {name: summary[name] for name in BALANCE if name in summary}
    return {**worth(table["weight"].to_numpy(dtype=float)), **known}


def sentences_of_weights(found: Mapping[str, Any]) -> list[str]:
    """Gives the largest weight, the balance before and after, and what is cut, in words, of ``weight_figures``."""
    said = [f"largest weight {found['maximum_weight']:.3g}"]
    before, after, cut = (found.get(name) for name in BALANCE)
    if before is not None and after is not None:
        said.append(f"largest standardized difference {before:.3g} → {after:.3g}")
    if cut:
        said.append(f"{cut:.1%} of the weights cut to the bound")
    return said


def _weigher(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    if not len(table):
        return {}
    found = weight_figures(table, summary)
    return {name: value for name, value in found.items() if name != "rows"}


def _sampler(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    synthetic = table["is_synthetic"].to_numpy(dtype=bool)
    shown = {"rows": len(table), "synthetic_share": synthetic.mean() if len(table) else 0.0}
    if summary.get("n_source"):
        shown["unique_share"] = len(np.unique(table["sample_id"].to_numpy()[~synthetic])) / summary["n_source"]
    return shown


def _learner(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: summary[name] for name in ("n_rows", "n_features") if name in summary}
    if "class" in table and len(table):
        shown["class"] = str(table["class"].iloc[0])
    shown |= {name: value for name, value in summary.get("sampling", {}).items() if isinstance(value, int | float)}
    return shown


def _assessor(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in summary.items() if isinstance(value, int | float)}


def _labels(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    first = {"labels": summary["told"], "labelled": summary["labelled"], "missing": summary["missing"]}
    share = {"labelled_share": summary["labelled"] / summary["rows"]} if summary["rows"] else {}
    return {**first, **share, **{name: n for name, n in summary.items() if isinstance(n, int) and name != "rows"}}


def _prediction(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"model": summary["model"], "model_version": summary["model_version"]}
    return {**shown, "flagged_share": summary["flagged"] / len(table)} if len(table) else shown


def _promotion(table: pd.DataFrame, summary: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: summary[name] for name in ("model", "model_version", "moved") if name in summary}
    value = {summary["metric"]: summary["value"]} if "value" in summary else {}
    return {**shown, "why": summary["said"], **value}


VALUES: dict[str, Callable[[pd.DataFrame, Mapping[str, Any]], dict[str, Any]]] = {
    "source": _source,
    "features": _features,
    "test": _test,
    "scorer": _scorer,
    "weigher": _weigher,
    "sampler": _sampler,
    "learner": _learner,
    "assessor": _assessor,
    "promotion": _promotion,
    "labels": _labels,
    "metrics": _assessor,
    "prediction": _prediction,
}
