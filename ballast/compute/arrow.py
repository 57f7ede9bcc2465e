"""Arrow's arrays as pandas and all of Arrow's functions can take them, whatever their type."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def as_series(values: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Gives ``plain`` values as a Series of Arrow's type."""
    values = plain(values)
    return pd.Series(values, dtype=pd.ArrowDtype(values.type))


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Gives values of a type that pandas has and Arrow's functions have kernels for.

    Dictionaries and run ends are decoded, views become what they are views of, bytes of a fixed width such of any,
    UUIDs text, and other extensions what they are stored as.
    """
    types, kind = pa.types, values.type
    if types.is_dictionary(kind):
        return plain(values.cast(kind.value_type))
    if types.is_run_end_encoded(kind):
        return plain(pc.call_function("run_end_decode", [values]))
    if types.is_string_view(kind):
        return values.cast(pa.large_string())
    if types.is_binary_view(kind) or types.is_fixed_size_binary(kind):
        return values.cast(pa.large_binary())
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
        return plain(values.cast(kind.storage_type))
    return values
