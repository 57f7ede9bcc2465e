"""Rows by their sample ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ballast.errors import DataError
from ballast.orchestration.provide.source import Tables
from ballast.warehouse import matrix_of


def positions(ids: np.ndarray, wanted: np.ndarray, where: str) -> np.ndarray:
    """Gives the row of each wanted id; DataError naming some that are missing."""
    if len(ids) == len(wanted) and np.array_equal(ids, wanted):
        return np.arange(len(ids))
    found = pd.Index(ids).get_indexer(pd.Index(wanted))
    if (found < 0).any():
        lost = [str(i) for i in np.asarray(wanted)[found < 0][:3]]
        raise DataError(
            f"{where} has no row for {int((found < 0).sum())} of {len(wanted)} sample ids (such as {', '.join(lost)}); "
            "run the steps before it again so that all are of the same rows"
        )
    return found


def values_of(values: Any, ids: np.ndarray, wanted: np.ndarray, where: str) -> Any:
    """Gives the values (n, ...) of the rows `wanted`; the same array where these are all rows in their order."""
    return values if np.array_equal(ids, wanted) else values[positions(ids, wanted, where)]


def units_of_parents(dataset: pa.Table, units: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Gives (k, 2) the units of both parents of a dataset's rows, from the ``units`` (n,) of the source rows `ids`."""
    first = dataset.column("sample_id")
    parents = (first, pc.call_function("coalesce", [dataset.column("second_parent_id"), first]))
    return np.column_stack([units[positions(ids, parent.to_numpy(), "train/features")] for parent in parents])


def stored_ids(tables: Tables, name: str) -> np.ndarray:
    """Gives the sample ids of a stored table."""
    return tables.arrow(name).column("sample_id").to_numpy()


def matrix(tables: Tables, name: str, column: str, ids: np.ndarray, where: str) -> np.ndarray:
    """Gives a matrix (n, d) that a stored table holds, for the rows `ids`."""
    return values_of(matrix_of(tables.arrow(name), column), stored_ids(tables, name), ids, where)


def features(tables: Tables, role: str, ids: np.ndarray) -> np.ndarray:
    """Gives the encoded rows (n, d) of a data role."""
    return matrix(tables, f"{role}/features", "features", ids, f"data.{role}")
