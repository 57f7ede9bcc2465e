"""What the judgements of a pipeline say of its models, looked up by the pictures that they declare."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ballast.methods.frame.reports import OVERALL, Picture
from ballast.reporting.snapshot import Snapshot, Step


def shown_as(snapshot: Snapshot, shape: str) -> Iterator[tuple[Step, pd.DataFrame, Picture]]:
    """Gives each picture of a shape that a judgement declares, with its step and table."""
    for step in snapshot.steps.values():
        for picture in step.declared[1]:
            if picture.shape == shape and step.table is not None and len(step.table):
                yield step, step.table.fillna({"model": "", "versus": ""}), picture


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
