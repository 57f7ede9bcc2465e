"""A hash of a table's content that does not depend on how Arrow happens to hold it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.warehouse.tables.categories import Levels, decoded

_ROWS = 2**16  # fed at a time, whatever the batches are, so that the copies stay in the processor's cache
_BLOCK = 2**18  # values of a vector that are copied at a time


def content_hash(table: pa.Table) -> str:
    """Gives the sha256, in hexadecimal, of the column names, types and values of a table; see `ContentHash`."""
    hashed = ContentHash(table.schema)
    hashed.add(table)
    return hashed.hexdigest()


class ContentHash:
    """The hash of a table whose batches come one after the other.

    Batches, chunks, offsets, dictionaries and whatever lies under a null do not enter; the order of rows and columns
    does, and that of the levels of an ordered category. All zeros count as one and all NaN as one, since DuckDB's
    compression does not keep the sign of either. Cost: two passes over the values (about 0.9 GB/s), and memory for
    some thousand rows.

    >>> batches = pa.table({"x": [1.5, None, 3.0]}).to_batches(max_chunksize=2)
    >>> hashed = ContentHash(batches[0].schema)
    >>> for batch in batches:
    ...     hashed.add(batch)
    >>> hashed.hexdigest() == content_hash(pa.table({"x": [1.5, None, 3.0]}))
    True
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows = 0
        self._columns = [_Column(field.type) for field in schema]

    def add(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Takes the next rows, whose columns are those of the schema."""
        self.rows += batch.num_rows
        for column, values in zip(self._columns, batch.columns, strict=True):
            for chunk in values.chunks if isinstance(values, pa.ChunkedArray) else [values]:
                column.add(chunk)

    def columns(self) -> dict[str, str]:
        """Gives the hash of each column's values."""
        return {name: column.hexdigest() for name, column in zip(self.schema.names, self._columns, strict=True)}

    def hexdigest(self) -> str:
        """Gives the hash of all rows so far."""
        said = [(field.name, str(field.type)) for field in self.schema]
        return hashlib.sha256(repr((self.rows, said, [*self.columns().values()])).encode()).hexdigest()


class _Column:
    """The values of one column, fed in blocks of `_ROWS` rows."""

    def __init__(self, kind: pa.DataType) -> None:
        self._digest = hashlib.sha256()
        self._levels = Levels(kind) if pa.types.is_dictionary(kind) and kind.ordered else None
        self._pending: list[pa.Array] = []
        self._waiting = 0

    def add(self, chunk: pa.Array) -> None:
        if self._levels is not None:
            self._levels.add(chunk)
        start = 0
        while start < len(chunk):
            piece = chunk.slice(start, _ROWS - self._waiting)
            start += len(piece)
            self._pending.append(piece)
            self._waiting += len(piece)
            if self._waiting == _ROWS:
                _update(self._digest, _joined(self._pending))
                self._pending, self._waiting = [], 0

    def hexdigest(self) -> str:
        digest = self._digest.copy()
        if self._pending:
            _update(digest, _joined(self._pending))
        if self._levels is not None:
            _update(digest, self._levels.found())
        return digest.hexdigest()


def _joined(pieces: list[pa.Array]) -> pa.Array:
    """Gives the pieces of a block as one array of plain values."""
    plain = [_plain(piece) for piece in pieces]
    return plain[0] if len(plain) == 1 else pa.concat_arrays(plain)


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = decoded(pa.chunked_array([array]))
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.call_function("run_end_decode", [array])
    return array


def _update(digest: Any, array: pa.Array) -> None:
    """Feeds one array: which values are null, then the values, nulls as zeros."""
    array = _plain(array) if not pa.types.is_dictionary(array.type) else array
    kind = array.type
    if array.null_count:
        digest.update(b"\0")
        digest.update(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)))
    else:
        digest.update(b"\1")
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
