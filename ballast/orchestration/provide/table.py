"""Raw columns before encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.columns import declared, left_out, row_ids
from ballast.orchestration.provide.rows import positions
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.spec.pipeline import StepSpec


class Table(Source):
    name = "table"

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role()

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [binding.role]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return row_ids(tables, binding.role)

    def decided_by(self, tables: Tables, binding: Binding) -> Mapping[str, Any]:
        return {**declared(tables, binding.role), "left_out": _left_out(tables, binding.role)}

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> pd.DataFrame:
        frame = tables.frame(binding.role)
        columns, ids_there = columns_of(tables, binding.role, frame.columns), row_ids(tables, binding.role)
        return frame[columns].iloc[positions(ids_there, ids, f"data.{binding.role}")]


def columns_of(tables: Tables, role: str, columns: Iterable[str]) -> list[str]:
    """Gives those of a data role's columns that are features."""
    left_out = set(_left_out(tables, role))
    return [name for name in columns if name not in left_out]


def _left_out(tables: Tables, role: str) -> list[str]:
    """Gives the columns that are not features of a role's rows, for the role itself or the other says so."""
    other = "target" if role != "target" else "train"
    return left_out(tables.spec, *(name for name in (role, other) if name in tables.spec.data))
