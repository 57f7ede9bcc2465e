"""A first pipeline for a table that somebody has: its steps, and gates that the table suggests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pandas.api.types import is_float_dtype, is_integer_dtype

from ballast.gates.suggest import Suggestion, suggested
from ballast.methods.common.tasks import MANY_VALUES
from ballast.orchestration.graph.component import Pipeline
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.read.sources import read_path, read_role
from ballast.warehouse.names import RESERVED
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import plural

MOST_COLUMNS = 50
"""Gates are suggested of so many columns: what nobody reads judges nothing."""


def pipeline_of(train: Path, folder: Path, *, label: str, id: str, target: Path | None) -> tuple[str, str]:
    """Gives a pipeline's name, after the table's file, and its YAML, to stand in ``folder/NAME/defs.yaml``.

    Parameters
    ----------
    train : the labelled rows: a CSV, Parquet or JSON file.
    target : rows that the model will meet. With the label in them they are also what it is judged on.

    Raises SpecError or DataError where a file cannot be read or lacks a column, naming it.

    Cost: reads both files whole.
    """
    name = pipeline_name(train.name.split(".")[0])
    roles: dict[str, dict[str, Any]] = {"train": {"path": str(train.absolute()), "id": id, "label": label}}
    frame = _rows(roles, "train")
    task = "regression" if _is_regression(frame[label]) else "classification"
    labelled = False
    if target is not None:
        file = str(target.absolute())
        labelled = label in read_path(file, f"--target {target}", Path.cwd()).column_names
        roles["target"] = {"path": file, "id": id} | ({"drop": [label]} if labelled else {})
        if labelled:
            roles["test"] = {"path": file, "id": id, "label": label}
        _rows(roles, "target")
    for role in roles.values():
        role["path"] = Path(os.path.relpath(role["path"], (folder / name).absolute())).as_posix()
    steps = dict(_steps(task, target is not None, labelled, _has_categories(frame, {id, label})))
    columns = list(frame.columns[:MOST_COLUMNS])
    gates = list(suggested(frame[columns], id=id, classes=label if task == "classification" else None))
    text = _text(name, train, frame, roles, steps, gates)
    attributes = yaml.safe_load(text)["attributes"]
    Pipeline(**attributes).plan(f"{name}/defs.yaml")
    return name, text


def pipeline_name(stem: str) -> str:
    """Gives a file's stem as a pipeline can be named: a letter, then letters, digits and _."""
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_")[:60]
    name = name if name[:1].isalpha() else f"data_{name}".rstrip("_")
    return f"{name}_data" if name.casefold() in RESERVED else name


def _rows(roles: dict[str, dict[str, Any]], role: str) -> pd.DataFrame:
    """Gives the rows of a role as a run would read them."""
    attributes: dict[str, Any] = {"name": "first", "data": roles, "steps": {"model": {"use": "logistic_regression"}}}
    plan: Plan = Pipeline(**attributes).plan("init")
    return pandas_frame(read_role(plan, plan.nodes[role], folder=Path.cwd(), partition=None))


def _is_regression(label: pd.Series) -> bool:
    """Says whether labels are numbers to regress on: fractions, or more whole numbers than classes would be."""
    if is_float_dtype(label.dtype) and (label.dropna() % 1 != 0).any():
        return True
    return (is_float_dtype(label.dtype) or is_integer_dtype(label.dtype)) and label.nunique() > MANY_VALUES


def _has_categories(frame: pd.DataFrame, others: set[str]) -> bool:
    return any(not pd.api.types.is_numeric_dtype(frame[name].dtype) for name in frame.columns if name not in others)


def _steps(task: str, targeted: bool, labelled: bool, categories: bool) -> Iterator[tuple[str, str]]:
    """Gives the steps by name: what a first look at a shift takes, where there is a target to look at."""
    learner = "ridge_regression" if task == "regression" else "logistic_regression"
    if targeted:
        yield "drift", "{use: classifier_two_sample_test}"
        yield "drift_by_column", "{use: kolmogorov_smirnov}"
        if categories:
            yield "drift_by_category", "{use: chi_squared}"
        yield "density", "{use: density_ratio_classifier}"
        yield "balance", "{use: weight_diagnostics, weights: density}"
    yield "baseline", f"{{use: {learner}}}"
    if targeted:
        yield "reweighted", f"{{use: {learner}, weights: density}}"
    if targeted and task == "classification":
        yield "estimate", "{use: average_thresholded_confidence, model: baseline}"
    if labelled:
        yield "verdict", "{use: compare_models, models: [baseline, reweighted]}"
        return
    if targeted:
        compared = "weights: density, on: train, models: [baseline, reweighted]"
        yield "expected_error", f"{{use: importance_weighted_cross_validation, {compared}}}"
    yield "metrics", f"{{use: {task}_metrics, model: baseline, on: train}}"


def _text(
    name: str,
    train: Path,
    frame: pd.DataFrame,
    roles: dict[str, dict[str, Any]],
    steps: dict[str, str],
    gates: list[Suggestion],
) -> str:
    n = f"{len(frame):,} rows of {plural(frame.shape[1], 'column')}"
    more = frame.shape[1] - MOST_COLUMNS
    lines = [
        f"# Made from {train.name}: {n}. Everything here is yours to change; `ballast catalog` lists more methods.",
        "type: ballast.Pipeline",
        "",
        "attributes:",
        f"  name: {name}",
        "  data: # paths count from this file's folder",
        *(f"    {role}: {_flow(data)}" for role, data in roles.items()),
    ]
    if "target" not in roles:
        lines.append(
            "    # target: {path: ..., id: ...} # rows that the model will meet: to test and weigh for a shift"
        )
    lines += ["  steps:", *(f"    {step}: {use}" for step, use in steps.items())]
    if gates:
        lines += ["  gates: # suggested by the rows: each holds now, for the figure behind it", "    train:"]
        lines += [f"      - {_flow({gate.expectation: gate.arguments})} # {_comment(gate.why)}" for gate in gates]
    if more > 0:
        lines.append(f"      # and none of the last {plural(more, 'column')}")
    return "\n".join(lines) + "\n"


def _flow(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True).strip()


def _comment(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
