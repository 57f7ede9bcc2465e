"""A hash of a table's content that does not depend on how Arrow happens to hold it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.warehouse.tables.categories import decoded, dictionary_parts

_BLOCK = 2**18  # values, so that the copies stay in the processor's cache


def content_hash(table: pa.Table) -> str:
    """Gives the sha256, in hexadecimal, of the column names, types and values of a table.

    Chunks, offsets, unused dictionary entries and whatever lies under a null do not enter; the order of rows
    and columns does, and that of the levels of an ordered category. All zeros count as one and all NaN as one, since
    DuckDB's compression does not keep the sign of either. Cost: two passes over the values (about 0.4 GB/s).
    """
    digest = hashlib.sha256()
    digest.update(str(table.num_rows).encode())
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(repr((field.name, str(field.type))).encode())
        if pa.types.is_dictionary(column.type) and column.type.ordered:
            _update(digest, dictionary_parts(column)[1])
        _update(digest, _one_array(column))
    return digest.hexdigest()


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return decoded(column)
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):  # older pyarrow: no or several chunks
        return combined.chunk(0) if combined.num_chunks == 1 else pa.concat_arrays(combined.chunks)
    return combined


def _update(digest: Any, array: pa.Array) -> None:
    """Feeds one array: which values are null, then the values, nulls as zeros."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.call_function("run_end_decode", [array])
    kind = array.type
    digest.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)) if array.null_count else b"full")
    if pa.types.is_null(kind):
        return
    if pa.types.is_boolean(kind):
        digest.update(np.packbits(pc.fill_null(array, False).to_numpy(zero_copy_only=False)))
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            _update(digest, child)
    elif pa.types.is_fixed_size_list(kind):
        _update(digest, array.flatten())
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _update(digest, pc.call_function("list_value_length", [array]).cast(pa.int64()))
        _update(digest, array.flatten())
    elif _is_text(kind):
        _update_text(digest, array)
    elif _is_fixed_width(kind):
        values = _fixed_width_bytes(array)
        if pa.types.is_floating(kind):
            _update_floats(digest, values.view(kind.to_pandas_dtype()))
        else:
            digest.update(values)
    else:  # maps, views: rare and small
        digest.update(repr(array.to_pylist()).encode())


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _is_fixed_width(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind)


def _fixed_width_bytes(array: pa.Array) -> np.ndarray:
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    values = np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    if array.null_count:
        values = values.reshape(-1, width) * array.is_valid().to_numpy(zero_copy_only=False)[:, None]
    return np.ascontiguousarray(values)


def _update_floats(digest: Any, values: np.ndarray) -> None:
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK] + 0.0  # a copy, in which -0.0 is 0.0
        block[np.isnan(block)] = np.nan
        digest.update(block)


def _update_text(digest: Any, array: pa.Array) -> None:
    """Feeds the length of every text, then all the texts in a row."""
    wide = pa.large_string() if pa.types.is_string(array.type) or pa.types.is_large_string(array.type) else None
    array = array.cast(wide or pa.large_binary())
    if array.null_count:
        array = pc.fill_null(array, "" if wide else b"")
    if not len(array):
        return
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    digest.update(np.diff(offsets))
    if data is not None:
        digest.update(np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]])
