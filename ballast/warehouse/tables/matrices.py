"""Matrices as columns of a table: one fixed-width vector a row, a FLOAT[d] array in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ballast.errors import DataError, nearest

_NAMES = b"names"


def matrix_table(
    ids: Any,
    matrices: Mapping[str, np.ndarray],
    columns: Mapping[str, Any] | None = None,
    *,
    names: Mapping[str, Sequence[str]] | None = None,
) -> pa.Table:
    """Gives a table of `sample_id`, plain columns and matrices, ready for ``Warehouse.commit``.

    Parameters
    ----------
    ids
        n sample ids, of any type.
    matrices
        Name -> (n, d) array, kept as float32 or float64; other numbers become float64. d >= 1.
    columns
        Name -> n values, such as the label.
    names
        Name of a matrix -> its d column names, which `names_of` gives back, also from the warehouse.

    Raises
    ------
    DataError
        The lengths differ, or something is no (n, d) array of numbers.
    """
    plain = dict(columns or {})
    for name in [*plain, *matrices]:
        if name == "sample_id":
            raise DataError("'sample_id' is the column of the ids; rename the other one")
        if name in plain and name in matrices:
            raise DataError(f"{name!r} is given twice, as a matrix and as a column; rename one")
    if unknown := sorted(set(names or {}) - set(matrices)):
        raise DataError(
            f"names for {unknown[0]!r}, but there is no matrix {unknown[0]!r}{nearest(unknown[0], matrices)}"
        )
    data = {"sample_id": pa.array(ids)} | {name: pa.array(values) for name, values in plain.items()}
    fields = [pa.field(name, array.type) for name, array in data.items()]
    for name, matrix in matrices.items():
        data[name] = _vectors(name, np.asarray(matrix))
        fields.append(pa.field(name, data[name].type, metadata=_labels(name, data[name], (names or {}).get(name))))
    for name, array in data.items():
        if len(array) != len(data["sample_id"]):
            raise DataError(
                f"{name!r} has {len(array)} rows, the ids are {len(data['sample_id'])}; give one row per id"
            )
    return pa.table(list(data.values()), schema=pa.schema(fields))


def _labels(name: str, vectors: pa.FixedSizeListArray, labels: Sequence[str] | None) -> dict[bytes, str] | None:
    if labels is None:
        return None
    if len(labels) != vectors.type.list_size:
        raise DataError(f"matrix {name!r} has {vectors.type.list_size} columns but {len(labels)} names")
    return {_NAMES: json.dumps([str(label) for label in labels])}


def _vectors(name: str, matrix: np.ndarray) -> pa.FixedSizeListArray:
    if matrix.ndim != 2 or matrix.shape[1] == 0 or matrix.dtype.kind not in "fiub":
        raise DataError(
            f"matrix {name!r} must be a 2-D array of numbers with at least one column; got shape {matrix.shape} of "
            f"{matrix.dtype}"
        )
    dtype = matrix.dtype if matrix.dtype in (np.float32, np.float64) else np.float64
    values = np.ascontiguousarray(matrix, dtype).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(values), matrix.shape[1])


def matrix_of(table: pa.Table, name: str) -> np.ndarray:
    """Gives a matrix column as an (n, d) C-contiguous array of its own float type.

    One chunk is not copied, and then cannot be written to: copy it before changing it.

    Raises
    ------
    DataError
        There is no such column, it is no matrix, or a row or value of it is missing.
    """
    if name not in table.column_names:
        raise DataError(
            f"no column {name!r}{nearest(name, table.column_names)}: the table has {', '.join(table.column_names)}"
        )
    column = table[name]
    if not pa.types.is_fixed_size_list(column.type):
        raise DataError(f"column {name!r} is {column.type}, not a matrix")
    if column.null_count:
        raise DataError(f"matrix {name!r} lacks {column.null_count} of {len(column)} rows")
    width = column.type.list_size
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    if not parts:
        return np.empty((0, width), column.type.value_type.to_pandas_dtype())
    return (parts[0] if len(parts) == 1 else np.concatenate(parts)).reshape(-1, width)


def names_of(table: pa.Table, name: str) -> list[str] | None:
    """Gives the column names a matrix was made with, None if it had none."""
    labels = (table.schema.field(name).metadata or {}).get(_NAMES)
    return None if labels is None else json.loads(labels)
