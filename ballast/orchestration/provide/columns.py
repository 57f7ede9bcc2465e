"""Columns of a data role's own table, each by what the spec says it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ballast.columns import kind_of, numbers_of
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.rows import positions
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables
from ballast.orchestration.read.sources import not_features
from ballast.orchestration.spec.pipeline import PipelineSpec, StepSpec


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

    def decided_by(self, tables: Tables, binding: Binding) -> Mapping[str, Any]:
        return declared(tables, binding.role, self.name)

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        if not self.observed_only or tables.spec.data[binding.role].observed is None:
            return column(tables, binding.role, self.name, ids)
        seen = flags_of(tables, binding.role, ids)
        values = column(tables, binding.role, self.name, ids[seen])
        if seen.all() or not seen.any():
            return values if seen.all() else column(tables, binding.role, self.name, ids)
        whole = np.full(len(ids), values[0], dtype=values.dtype)  # the others' are missing, and nothing looks at them
        whole[seen] = values
        return whole


class Treatment(Column):
    """The column of treatments, and which of its values means treated."""

    def __init__(self) -> None:
        super().__init__("treatment")

    def decided_by(self, tables: Tables, binding: Binding) -> Mapping[str, Any]:
        return declared(tables, binding.role, "treatment", "treated")


class Dependence(Column):
    """The column of units that rows are of; where a learner trains on drawn rows, and none is declared, their ids."""

    def __init__(self) -> None:
        super().__init__("dependence")

    def missing(self, asked: Asked) -> Fault | None:
        return asked.without_role() if asked.step.rows else super().missing(asked)

    def read(self, tables: Tables, binding: Binding, ids: np.ndarray) -> np.ndarray:
        return ids if tables.spec.data[binding.role].dependence is None else super().read(tables, binding, ids)


def declared(tables: Tables, role: str, *keys: str) -> dict[str, Any]:
    """Gives what a data role declares under `keys`, and the column of its ids."""
    return {key: getattr(tables.spec.data[role], key) for key in ("id", *keys)}


def left_out(spec: PipelineSpec, *roles: str) -> list[str]:
    """Gives the columns that are not features where all these data roles have a say, sorted."""
    return sorted(set().union(spec.control_columns, *(not_features(spec.data[role]) for role in roles)))


def row_ids(tables: Tables, role: str) -> np.ndarray:
    """Gives the sample ids of a data role's own table."""
    return tables.frame(role)[tables.spec.data[role].id].to_numpy()


def column(tables: Tables, role: str, key: str, ids: np.ndarray) -> np.ndarray:
    """Gives the column that a data role declares under `key`, for the rows `ids`."""
    values = tables.frame(role)[getattr(tables.spec.data[role], key)]
    where = f"data.{role}"
    return plain(values.iloc[positions(row_ids(tables, role), ids, where)])


def flags_of(tables: Tables, role: str, ids: np.ndarray) -> np.ndarray:
    """Gives (n,) bool: which of the rows `ids` were observed, by the column that the data role declares."""
    return VOCABULARY["observed"].check(column(tables, role, "observed", ids), f"data.{role}: observed")


def plain(values: pd.Series) -> np.ndarray:
    """Gives a column's values (n,) as NumPy has them: numbers of any type as int64, float64 ..., NaN where missing."""
    if values.dtype == object and kind_of(values) == "number":
        return numbers_of(values)
    if not pd.api.types.is_extension_array_dtype(values.dtype) or kind_of(values) not in ("number", "truth"):
        return values.to_numpy()
    if values.isna().any():
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.to_numpy(dtype=getattr(values.dtype, "numpy_dtype", None))
