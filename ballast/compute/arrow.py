"""Arrow's arrays as pandas holds them, whatever their type."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa


def as_series(values: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Gives Arrow's values as a Series of Arrow's type: dictionaries decoded, views as what they are views of."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_string_view(kind):  # pandas has no such types
        values = values.cast(pa.large_string())
    elif pa.types.is_binary_view(kind):
        values = values.cast(pa.large_binary())
    return pd.Series(values, dtype=pd.ArrowDtype(values.type))
