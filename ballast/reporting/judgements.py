"""What the judgements of a pipeline say of its models, looked up by the pictures that they declare."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ballast.methods.frame.reports import OVERALL, Picture
from ballast.reporting.columns.sides import Sides
from ballast.reporting.metadata import BALANCE
from ballast.reporting.snapshot import Snapshot, Step


def shown_as(snapshot: Snapshot, shape: str) -> Iterator[tuple[Step, pd.DataFrame, Picture]]:
    """Gives each picture of a shape that a judgement declares, with its step and table."""
    for step in snapshot.steps.values():
        for picture in step.declared[1]:
            if picture.shape == shape and step.table is not None and len(step.table):
                yield step, step.table.fillna({"model": "", "versus": ""}), picture


def is_itself(step: Step, model: object, versus: object) -> bool:
    """Says whether a comparison held a model against an alias that named just the version of it which was judged."""
    if step.commit is None or versus not in (used := step.commit.summary.get("in_use", {})):
        return False
    asset, version = used[versus]
    return asset.partition("/")[2] == model and step.commit.inputs.get(asset) == version


def known_value(snapshot: Snapshot, metric: str, model: object) -> float | None:
    """Gives a model's metric on labelled rows from the pipeline's other judgements, None where nothing tells."""
    for step in snapshot.of("assessor"):
        t = step.table
        if t is None or step.node.notes.get("on") == "train":
            continue
        found = t[(t["metric"] == metric) & (t["slice"] == OVERALL) & (t["versus"].fillna("") == "")]
        by_name = found[found["model"] == model]
        if len(by_name):
            return float(by_name["value"].iloc[0])
        if len(found) and step.node.notes.get("model") == model:
            return float(found["value"].iloc[0])
    return None


def leading_metric(table: pd.DataFrame, picture: Picture) -> str:
    """Gives the metric that a comparison is told by: the first that its picture names, else its table's first."""
    return picture.metrics[0] if picture.metrics else str(table["metric"].iloc[0])


def best_model(snapshot: Snapshot) -> str | None:
    """Gives the model that is best by the leading metric of the first comparison; None where nothing tells."""
    for step, table, picture in shown_as(snapshot, "comparison"):
        metric = leading_metric(table, picture)
        direction = step.declared[0].get(metric)
        rows = table[(table["metric"] == metric) & (table["slice"] == OVERALL) & (table["versus"] == "")]
        values = rows.set_index("model")["value"].dropna()
        if direction is not None and len(values):
            return str(values.idxmax() if direction == "higher" else values.idxmin())
    return None


def weights_of(snapshot: Snapshot, model: str | None) -> str | None:
    """Gives the weights that a model was trained with, or that its dataset was drawn by; None where it has none."""
    step = snapshot.named(model) if model is not None else None
    while step is not None:
        if weights := step.node.notes.get("weights"):
            return str(weights) if isinstance(weights, str) else None
        step = snapshot.named(str(step.node.notes.get("rows")))
    return None


def ranked_weights(snapshot: Snapshot) -> list[Step]:
    """Gives the weights that are stored: first what the best model used, then what any used, then the best balanced."""
    best = weights_of(snapshot, best_model(snapshot))
    using = [*snapshot.of("learner"), *(effect for effect, _, _ in shown_as(snapshot, "effect"))]
    used = {weights_of(snapshot, step.node.name) for step in using}

    def rank(step: Step) -> tuple[bool, bool, float]:
        balance = step.commit.summary.get(BALANCE[1]) if step.commit else None
        return step.node.name != best, step.node.name not in used, float("inf") if balance is None else balance

    return sorted((s for s in snapshot.of("weigher") if s.table is not None and len(s.table)), key=rank)


def sides_of(snapshot: Snapshot) -> Sides | None:
    """Gives the training rows and the target, where both are stored, with the weights that come first."""
    train, target = snapshot.named("train"), snapshot.named("target")
    if train is None or target is None or not train.row_count or not target.row_count:
        return None
    return Sides(train, target, next(iter(ranked_weights(snapshot)), None))
