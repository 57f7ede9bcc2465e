"""Data roles whose labels come late: what is wrong with them, and the assets that hold the labels and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ballast.gates import Expectation
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.plan import PREDICTION, Node
from ballast.orchestration.spec.labels import LabelsSpec
from ballast.orchestration.spec.pipeline import predicted

SOURCES = ("path", "asset", "query")


def check_labels(draft: Draft) -> None:
    """Notes the data roles whose late labels do not say where they come from, or are labels of nothing."""
    for role, data in draft.data.items():
        if data.labels_from is not None:
            with draft.noting(role):
                _check_labels(draft, role, data.labels_from)


def _check_labels(draft: Draft, role: str, labels: LabelsSpec) -> None:
    key, data = f"data.{role}.labels_from", draft.spec.data[role]
    given = [name for name in SOURCES if getattr(labels, name)]
    if len(given) != 1:
        raise draft.fault(key, f"give exactly one of {', '.join(SOURCES)} (given: {' and '.join(given) or 'none'})")
    if role == "train":
        raise draft.fault(key, "a model is trained on labels that are there: give 'train' a `label:` of its own table")
    for name in ("label", "observed"):
        if getattr(data, name) is not None:
            raise draft.fault(f"data.{role}.{name}", "the labels come from elsewhere (`labels_from:`); leave this out")
    train = draft.spec.data.get("train")
    if train is not None and train.label is None:
        raise draft.fault(key, "the labels are to have the type of the training rows': declare `label:` of 'train'")


def labels_of(draft: Draft) -> Iterator[Node]:
    """Gives the asset of each data role's late labels."""
    for role, data in draft.data.items():
        if (labels := data.labels_from) is not None:
            kind = next(name for name in SOURCES if getattr(labels, name))
            about = f"The labels of the {role} rows that have come so far."
            name = f"{role}/labels"
            yield Node(name, "labels", kind, (role, "train"), name, role=role, description=about)


def metrics_of(draft: Draft, name: str) -> Iterator[Node]:
    """Gives the asset of what the late labels say of a step's predictions, where these rows have such labels."""
    step = draft.spec.steps[name]
    role = predicted(step)
    if draft.spec.data[role].labels_from is not None:
        about = (
            f"How good {name} is by the labels that have come: (all) weighs them to stand for all rows, "
            "(labelled) does not."
        )
        made = f"{name}/metrics"
        own = step.model_copy(update={"to": None})  # where the predictions are written, nothing else is
        yield Node(made, "metrics", "late_labels", (name, f"{role}/labels"), made, step=own, description=about)


METRIC = "expect_metric"


def behind(draft: Draft, nodes: Mapping[str, Node], name: str, entries: Any) -> dict[str, Any]:
    """Gives the entries of a gate by the node that they stand behind.

    Metrics of a step that predicts stand behind what late labels say of it, so that predictions can be used before.
    """
    if nodes[name].stage != PREDICTION or not isinstance(entries, list):
        return {name: entries}
    metrics = [entry for entry in entries if METRIC in (entry, *(entry if isinstance(entry, dict) else ()))]
    if not metrics:
        return {name: entries}
    if (made := f"{name}/metrics") not in nodes:
        role = nodes[name].role
        raise draft.fault(
            f"gates.{name}", f"{METRIC} needs labels of the rows predicted: name them with `data.{role}.labels_from`"
        )
    others = [entry for entry in entries if entry not in metrics]
    return {**({name: others} if others else {}), made: metrics}


def check_least_labelled(draft: Draft, key: str, suite: Iterable[Expectation]) -> None:
    """Raises SpecError for a metric by late labels that does not say how many rows must have one."""
    for expectation in suite:
        if expectation.type == METRIC and expectation.arguments.get("least_labelled") is None:
            raise draft.fault(
                key,
                f"{METRIC}: least_labelled is missing: the share of the rows that must have a label before the metric "
                "is believed, such as 0.3",
            )
