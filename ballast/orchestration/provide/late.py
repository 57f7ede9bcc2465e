"""Labels of a data role that stand in a table of their own, for they come later than its rows; some have not come."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.columns import plain
from ballast.orchestration.provide.rows import positions, stored_ids
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.pipeline import PipelineSpec, StepSpec

LATE = {"label": "late_label", "observed": "late_observed"}
"""The sources that stand in for columns where a data role's labels come late."""


def source_for(spec: PipelineSpec, role: str, source: str) -> str:
    """Gives the source of what a call asks of a data role, which is another where its labels come late."""
    late = role in spec.data and spec.data[role].labels_from is not None
    return LATE.get(source, source) if late else source


class LateLabel(Source):
    """The labels that have come; those of the other rows are missing, and nothing looks at them."""

    name = LATE["label"]
    observed_only = True

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role()

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [f"{binding.role}/labels"]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return stored_ids(tables, f"{binding.role}/labels")

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        labels = _labels(tables, binding.role, ids)
        first = labels.first_valid_index()
        return plain(labels if first is None else labels.fillna(labels[first]))


class LateObserved(LateLabel):
    """Which rows have a label by now."""

    name = LATE["observed"]
    observed_only = False

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        return known(tables, binding.role, ids)


def known(tables: Tables, role: str, ids: np.ndarray) -> np.ndarray:
    """Gives (n,) bool: which of the rows `ids` have a label by now."""
    return _labels(tables, role, ids).notna().to_numpy()


def _labels(tables: Tables, role: str, ids: np.ndarray) -> pd.Series:
    table = f"{role}/labels"
    at = positions(stored_ids(tables, table), ids, table)
    return tables.frame(table)["label"].iloc[at].reset_index(drop=True)
