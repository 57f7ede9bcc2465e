"""Raw columns before encoding."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.columns import row_ids
from ballast.orchestration.provide.rows import positions
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.read.sources import feature_columns
from ballast.orchestration.spec.pipeline import StepSpec


class Table(Source):
    name = "table"

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role()

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return [binding.role]

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        return row_ids(tables, binding.role)

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> pd.DataFrame:
        frame, spec = tables.frame(binding.role), tables.spec
        columns = feature_columns(spec.data[binding.role], frame.columns, spec.control_columns)
        other = "target" if binding.role != "target" else "train"
        if other in spec.data:  # what one role calls a label is not a feature of the other
            columns = feature_columns(spec.data[other], columns)
        return frame[columns].iloc[positions(row_ids(tables, binding.role), ids, f"data.{binding.role}")]
