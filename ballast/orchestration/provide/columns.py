"""Columns of a data role's own table, each by what the spec says it means."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.rows import values_of
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.pipeline import StepSpec


class Column(Source):
    """The column that a data role declares under the key `name`."""

    def __init__(self, name: str, *, observed_only: bool = False) -> None:
        self.name = name
        self.observed_only = observed_only

    def missing(self, asked: Asked) -> Fault | None:
        declared = asked.role in asked.spec.data and getattr(asked.spec.data[asked.role], self.name)
        return asked.without_role() or (
            None if declared else (f"data.{asked.role}", f"declare the column with `{self.name}:`")
        )

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [binding.role]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return row_ids(tables, binding.role)

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        return column(tables, binding.role, self.name, ids)


def row_ids(tables: Tables, role: str) -> np.ndarray:
    """Gives the sample ids of a data role's own table."""
    return tables.frame(role)[tables.spec.data[role].id].to_numpy()


def column(tables: Tables, role: str, key: str, ids: np.ndarray) -> np.ndarray:
    """Gives the column that a data role declares under `key`, for the rows `ids`."""
    values = tables.frame(role)[getattr(tables.spec.data[role], key)].to_numpy()
    return values_of(values, row_ids(tables, role), ids, f"data.{role}")
