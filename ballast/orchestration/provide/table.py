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
        frame, left_out = tables.frame(binding.role), set(_left_out(tables, binding.role))
        columns = [name for name in frame.columns if name not in left_out]
        return frame[columns].iloc[positions(row_ids(tables, binding.role), ids, f"data.{binding.role}")]


def _left_out(tables: Tables, role: str) -> list[str]:
    """Gives the columns that are not features of a role's rows, for the role itself or the other says so."""
    other = "target" if role != "target" else "train"
    return left_out(tables.spec, *(name for name in (role, other) if name in tables.spec.data))
