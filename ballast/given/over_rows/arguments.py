"""The arguments of a method's calls, of each batch, wherever it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ballast.methods.features.encoder import FeatureEncoder
from ballast.warehouse.tables.frames import pandas_frame

Arguments = Callable[[pa.RecordBatch], Mapping[str, Any]]
"""Makes the arguments of a call of a batch; it is sent to whoever does the work, and so must be picklable."""


@dataclass(frozen=True)
class Encoded:
    """The features of a batch, and columns of it as they are.

    Attributes
    ----------
    encoder : fitted; it reads of a batch the columns that it was fitted on.
    term : the argument that the features are: "X", or "X_target" of the target's rows.
    columns : other arguments, and the column of each: {"y": "label", "sample_weight": "weight"}.
    """

    encoder: FeatureEncoder
    term: str = "X"
    columns: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, batch: pa.RecordBatch) -> dict[str, Any]:
        described = [name for name in batch.schema.names if name in self.encoder.columns_]
        X = self.encoder.transform(pandas_frame(pa.table(batch.select(described))))
        return {self.term: np.asarray(X), **Columns(self.columns)(batch)}


@dataclass(frozen=True)
class Columns:
    """Columns of a batch as they are, and matrices of several: {"y": "label", "probs": ["p_no", "p_yes"]}."""

    columns: Mapping[str, str | list[str]]

    def __call__(self, batch: pa.RecordBatch) -> dict[str, np.ndarray]:
        return {term: _values(batch, names) for term, names in self.columns.items()}


def _values(batch: pa.RecordBatch, names: str | list[str]) -> np.ndarray:
    if isinstance(names, str):
        return batch.column(names).to_numpy(zero_copy_only=False)
    return np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in names])
