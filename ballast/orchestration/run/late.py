"""Labels that are known later than their rows, and what they say of the predictions: two stages of a run."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from ballast.given.judging import judged_classes, judged_numbers
from ballast.given.scoring import probability_columns
from ballast.methods.common.tasks import task_of_estimator
from ballast.orchestration.provide.columns import plain
from ballast.orchestration.provide.rows import positions
from ballast.orchestration.read.labels import read_labels
from ballast.orchestration.run.inputs import Inputs
from ballast.orchestration.spec.data import as_list


def labels(inputs: Inputs, given: Any) -> tuple[pa.Table, dict[str, Any]]:
    """Reads the labels of a data role's rows that have come so far, from the value `given` where an asset has them."""
    run, role = inputs.run, str(inputs.node.role)
    spec, train = run.plan.spec.data[role], run.plan.spec.data["train"]
    assert spec.labels_from is not None
    assert train.label is not None
    ids, kind = inputs.arrow(role).column(spec.id), inputs.arrow("train").schema.field(train.label).type
    where = f"{run.plan.where}: data.{role}.labels_from"
    found, converted = read_labels(spec.labels_from, ids, kind, where=where, folder=run.folder, given=given)
    run.log(f"{run.plan.asset(inputs.node.name)}: {found.told}")
    return found.table, {**found.counts, "told": found.told, "converted": converted}


def metrics(inputs: Inputs) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Holds a step's predictions against the labels that have come."""
    step = inputs.node.step
    assert step is not None
    assert step.predict is not None
    scored, labelled = inputs.node.upstream
    table, found = inputs.frame(scored), inputs.frame(labelled)
    at = positions(found["sample_id"].to_numpy(), table["sample_id"].to_numpy(), labelled)
    truth, said, seed = found["label"].iloc[at], table["prediction"], inputs.spec.seed
    classes = inputs.summary(scored).get("classes")
    learner = next(iter(as_list(inputs.spec.steps[step.predict].candidates)), step.predict)
    if classes is None and task_of_estimator(inputs.run.plan.method_of(learner), plain(said)) == "regression":
        report = judged_numbers(said, truth, seed=seed)
    else:
        probs = None if classes is None else table[probability_columns(classes)].to_numpy()
        report = judged_classes(said, truth, probs, classes or (), seed=seed)
    return report.table, report.remembered
