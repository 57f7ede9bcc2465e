"""Categories: a column of values in SQL, and beside it the levels that its categories are, in their order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.errors import WarehouseError


class Levels:
    """The levels of a dictionary column whose chunks come one after the other.

    They are the dictionary that all chunks have, unused ones and all, or where they have several, or one with a level
    twice, what appears, in that order.
    """

    def __init__(self, kind: pa.DictionaryType) -> None:
        self.shared = True  # whether all chunks have one dictionary
        self._first: pa.Array | None = None
        self._none = pa.array([], kind.value_type)
        self._used = pa.array([], pa.int64())  # the places, in the first dictionary, of what has appeared
        self._appeared = bare(self._none)

    def add(self, chunk: pa.DictionaryArray) -> None:
        """Takes the next chunk."""
        if self._first is None:
            self._first, self.shared = chunk.dictionary, _distinct(chunk.dictionary)
        elif self.shared and not _alike(chunk.dictionary, self._first):
            self.shared, self._appeared = False, distinct(_taken(self._first, self._used))
        used = chunk.indices.unique().drop_null().cast(pa.int64())
        if self.shared:
            self._used = pa.concat_arrays([self._used, used]).unique()
        else:
            self._appeared = distinct(pa.concat_arrays([self._appeared, distinct(_taken(chunk.dictionary, used))]))

    def found(self) -> pa.Array:
        """Gives the levels of all chunks so far: each once, none null."""
        if not self.shared:
            return self._appeared
        return self._none if self._first is None else self._first


def dictionary_parts(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Gives a dictionary column as (indices, levels): one level a value, none null, whatever the chunks held."""
    known = Levels(column.type)
    for chunk in column.chunks:
        known.add(chunk)
    levels = known.found()
    if not known.shared:
        return positions(decoded(column), levels), levels
    indices = [chunk.indices for chunk in column.chunks]
    return (pa.concat_arrays(indices) if indices else pa.array([], column.type.index_type)), levels


def _alike(one: pa.Array, other: pa.Array) -> bool:
    if pa.types.is_floating(one.type):  # of which Arrow takes no two NaN for equal
        one, other = (values.cast(pa.float64()).to_numpy(zero_copy_only=False) for values in (one, other))
        return np.array_equal(one, other, equal_nan=True)
    return one.equals(other)


def decoded(column: pa.ChunkedArray) -> pa.Array:
    """Gives the values of a dictionary column."""
    parts = [_taken(chunk.dictionary, chunk.indices) for chunk in column.chunks]
    return pa.concat_arrays(parts) if parts else pa.array([], column.type.value_type)


def _taken(levels: pa.Array, indices: pa.Array) -> pa.Array:
    if isinstance(levels, pa.ExtensionArray):
        return pa.ExtensionArray.from_storage(levels.type, levels.storage.take(indices))
    if pa.types.is_null(levels.type):
        return pa.nulls(len(indices))
    return levels.cast(_KERNELS.get(levels.type, levels.type)).take(indices).cast(levels.type)


def _distinct(levels: pa.Array) -> bool:
    return levels.null_count == 0 and len(distinct(levels)) == len(levels)


def distinct(values: pa.Array) -> pa.Array:
    """Gives each value that is not null once, in the order they first appear in."""
    values = bare(values)
    try:
        return values.drop_null().unique()
    except pa.ArrowNotImplementedError:
        seen = {repr(value): row for row, value in reversed(list(enumerate(values.to_pylist()))) if value is not None}
        return values.take(pa.array(sorted(seen.values()), pa.int64()))


def positions(values: pa.Array, levels: pa.Array) -> pa.Array:
    """Gives the position of each value among the levels, null where it is null.

    Raises
    ------
    WarehouseError
        A value is not among them.
    """
    values, levels = bare(values), bare(levels)
    try:
        found = pc.call_function("index_in", [values], pc.SetLookupOptions(levels))
    except pa.ArrowNotImplementedError:  # of structs such as intervals
        places = {repr(level): place for place, level in enumerate(levels.to_pylist())}
        found = pa.array([places.get(repr(value)) for value in values.to_pylist()], pa.int32())
    if found.null_count != values.null_count:
        lost = values.filter(found.is_null()).drop_null()
        raise WarehouseError(f"the value {lost[0]} is not among the {len(levels)} categories stored with it")
    return found


def category(kind: pa.DictionaryType, values: pa.Array, levels: pa.Array | None) -> pa.DictionaryArray:
    """Gives values as a dictionary of the levels, or of what appears where no levels were kept."""
    known = distinct(values) if levels is None else bare(levels)
    indices = positions(values, known)
    if isinstance(kind.value_type, pa.BaseExtensionType):
        known = pa.ExtensionArray.from_storage(kind.value_type, known)
    else:
        known = known.cast(kind.value_type)
    return pa.DictionaryArray.from_arrays(indices.cast(kind.index_type), known, ordered=kind.ordered)


def bare(values: pa.Array) -> pa.Array:
    """Gives levels as the store holds them: no extension type, none that Arrow cannot look up, one zero."""
    values = values.storage if isinstance(values, pa.ExtensionArray) else values
    values = values.cast(bare_type(values.type))
    if pa.types.is_floating(values.type):
        return pc.call_function(
            "add", [values, pa.scalar(0.0, values.type)]
        )  # the store does not keep the sign of zero
    return values


def bare_type(kind: pa.DataType) -> pa.DataType:
    """Gives the type of levels as the store holds them."""
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return _KERNELS.get(kind, kind)


_KERNELS = {  # in which Arrow has the functions that it lacks of a type
    pa.string_view(): pa.large_string(),
    pa.binary_view(): pa.large_binary(),
    pa.float16(): pa.float32(),
}


def merged(kind: pa.DictionaryType, levels: list[pa.Array]) -> tuple[pa.DictionaryType, pa.Array]:
    """Gives the category that those of several versions are part of: ordered only if all have the same levels."""
    levels = [bare(each) for each in levels]
    same = all(each.equals(levels[0]) for each in levels)
    union = levels[0] if same else distinct(pa.concat_arrays(levels))
    fits = len(union) <= np.iinfo(kind.index_type.to_pandas_dtype()).max
    return pa.dictionary(kind.index_type if fits else pa.int32(), kind.value_type, ordered=kind.ordered and same), union
