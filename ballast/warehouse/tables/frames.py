"""From a user's frame to the Arrow table that is stored, and back without loss."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ballast.errors import DataError, WarehouseError
from ballast.warehouse.tables.categories import dictionary_parts
from ballast.warehouse.tables.objects import ARROW_ERRORS, UnstorableError, object_array
from ballast.warehouse.tables.storing import stored_column, stored_type
from ballast.words import plural

VERSION_COLUMN = "_version"
PARTITION_COLUMN = "partition"
_NOTE = b"pandas"  # in a field's metadata: what the column was in a DataFrame, where its Arrow type does not tell


def arrow_table(asset: str, frame: Any, *, partitioned: bool) -> pa.Table:
    """Gives the frame as an Arrow table without schema metadata; a named index becomes columns, others go.

    Raises
    ------
    WarehouseError
        Something a SQL table cannot hold: no column, a name that is not text or occurs twice, mixed types.
    """
    if isinstance(frame, pa.Table):
        table = frame
    elif isinstance(frame, pd.DataFrame):
        table = _from_pandas(asset, frame, partitioned)
    else:
        raise WarehouseError(
            f"asset {asset!r}: expected a pandas.DataFrame, a pyarrow.Table or RecordBatchReader, or a list of Parquet "
            f"files, got {type(frame).__name__}"
        )
    _check_columns(asset, table.column_names, partitioned)
    return pa.table(table.columns, schema=table.schema.remove_metadata())


def _from_pandas(asset: str, frame: pd.DataFrame, partitioned: bool) -> pa.Table:
    if any(name is not None for name in frame.index.names):
        levels = [name for name in frame.index.names if name is not None]
        frame = frame.reset_index(level=levels, names=levels, allow_duplicates=True)
    _check_columns(asset, frame.columns, partitioned)
    arrays, fields = [], []
    for name, series in frame.items():
        try:
            array, note = _arrow_column(series)
        except UnstorableError as error:
            raise _refused(asset, str(name), series.dtype, len(series), error) from error
        arrays.append(array)
        fields.append(pa.field(str(name), array.type, metadata={_NOTE: note} if note else None))
    return pa.table(arrays, schema=pa.schema(fields))


def _refused(asset: str, column: str, kind: object, rows: int, reason: object) -> WarehouseError:
    return WarehouseError(
        f"asset {asset!r}, column {column!r} ({kind}, {plural(rows, 'row')}) cannot be stored: {reason}"
    )


def _arrow_column(series: pd.Series) -> tuple[pa.Array | pa.ChunkedArray, str | None]:
    """Gives a column as Arrow, and what it was if Arrow's type does not tell."""
    dtype = series.dtype
    if dtype == np.dtype(object):
        return object_array(series)
    if isinstance(dtype, pd.SparseDtype):
        raise UnstorableError("it is sparse; give it as column.sparse.to_dense()")
    if isinstance(dtype, pd.CategoricalDtype):
        levels, note = _arrow_column(dtype.categories.to_series())
        note = "categories" if note == "arrow" else note
        if isinstance(levels, pa.ChunkedArray):
            levels = levels.combine_chunks()
        codes = series.cat.codes.to_numpy()
        indices = pa.array(codes, mask=codes < 0)
        return pa.DictionaryArray.from_arrays(indices, levels, ordered=bool(dtype.ordered)), note
    try:
        return pa.array(series, from_pandas=True), _note(dtype)
    except ARROW_ERRORS as error:
        raise UnstorableError(f"{error}; give it another type with frame.astype, or write it as text") from error


def _note(dtype: Any) -> str | None:
    if isinstance(dtype, pd.ArrowDtype):
        return "arrow"
    if isinstance(dtype, pd.StringDtype):
        return f"string {dtype.storage}" if dtype.na_value is pd.NA else f"str {dtype.storage}"
    return str(dtype) if str(dtype) in _MASKED else None


def _check_columns(asset: str, columns: Iterable[object], partitioned: bool) -> None:
    reserved = {VERSION_COLUMN, PARTITION_COLUMN} if partitioned else {VERSION_COLUMN}
    seen: dict[str, object] = {}
    for name in columns:
        if not isinstance(name, str) or not name or "\0" in name or not _encodable(name):
            raise WarehouseError(f"asset {asset!r}: column name {name!r} is not text; rename the column")
        if name.casefold() in reserved:
            raise WarehouseError(
                f"asset {asset!r}: column {name!r} is one the warehouse adds itself; rename the column"
            )
        if name.casefold() in seen:
            raise WarehouseError(
                f"asset {asset!r}: columns {seen[name.casefold()]!r} and {name!r} are the same name in SQL, "
                "which ignores case; rename one"
            )
        seen[name.casefold()] = name
    if not seen:
        raise WarehouseError(f"asset {asset!r}: the frame has no columns, so there is nothing to store")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(asset: str, table: pa.Table, *, arrays: bool, reserved: Collection[str] = ()) -> pa.Table:
    """Gives the table with the column types the store lacks replaced by ones that hold the same values.

    `arrays` says whether it has arrays of a fixed length, `reserved` names columns it cannot have.

    Raises
    ------
    WarehouseError
        A column has a reserved name, or values that the store could not give back.
    """
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.name.casefold() in reserved:
            raise WarehouseError(
                f"asset {asset!r}: column {field.name!r} is one that DuckLake needs; rename the column"
            )
        try:
            kind = stored_type(field.type, arrays=arrays)
            columns.append(stored_column(column, kind))
        except UnstorableError as error:
            raise _refused(asset, field.name, field.type, table.num_rows, error) from error
        fields.append(pa.field(field.name, kind))
    stored = pa.table(columns, schema=pa.schema(fields))
    return stored if arrays else stored.combine_chunks()  # a lake writes several chunks at once, in any order


def pandas_frame(table: pa.Table) -> pd.DataFrame:
    """Gives an Arrow table as the DataFrame that methods and gates take; the one way from Arrow to pandas.

    Whole numbers and truths with gaps are Int64 (of their width) and boolean; decimals are ``decimal.Decimal``, dates
    ``datetime.date``, times of day ``datetime.time``, UUIDs ``uuid.UUID`` objects; timestamps and durations keep unit
    and zone; dictionaries are categories with their levels and order. Lists of numbers are arrays, other nested values
    lists and dicts. Cost: linear, one copy.

    Raises
    ------
    DataError
        A column holds what pandas cannot.
    """
    names = table.column_names
    ours = {name: made for name in names if (made := _own(table[name])) is not None}
    plain = table.drop_columns(list(ours)) if ours else table
    try:
        frame = plain.to_pandas()
    except ARROW_ERRORS:
        for name in plain.column_names:  # which it was
            try:
                plain.select([name]).to_pandas()
            except ARROW_ERRORS as error:
                raise DataError(
                    f"column {name!r} ({plain[name].type}) is more than pandas can hold: {error}; give it another type"
                ) from error
        raise
    if not ours:
        return frame
    series = {name: ours[name] if name in ours else frame[name] for name in names}
    return pd.DataFrame(series, index=pd.RangeIndex(table.num_rows), copy=False)


def _own(column: pa.ChunkedArray) -> pd.Series | None:
    """Gives a column that Arrow would not bring to pandas as it is, None of all others."""
    kind = column.type
    if column.null_count and (nullable := _NULLABLE.get(kind)):
        return pd.Series(nullable.__from_arrow__(column), copy=False)
    if pa.types.is_dictionary(kind):
        indices, levels = dictionary_parts(column)
        categories = _levels(kind, levels)
        there = categories.notna()  # pandas has no category that is not a number
        places = np.append(np.where(there, np.cumsum(there) - 1, -1), -1)
        codes: Any = places[indices.cast(pa.int64()).fill_null(-1).to_numpy()]
        return pd.Series(pd.Categorical.from_codes(codes, categories=categories[there], ordered=kind.ordered))
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid":
        return _objects(column.to_pylist())  # of which older pyarrow makes bytes in pandas
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in _KNOWN_TO_PANDAS:
        bare = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        bare = bare.cast(pa.bool_()) if kind.extension_name == "arrow.bool8" else bare
        return pandas_frame(pa.table({"": bare}))[""]
    if not pa.types.is_nested(kind):
        return None
    if not _arrays_will_do(column):
        return _objects(column.to_pylist())
    if column.null_count and not pa.types.is_floating(kind.value_type):
        return pd.Series(pa.chunked_array([_without_gaps(chunk) for chunk in column.chunks]).to_pandas(), copy=False)
    return None


def _without_gaps(lists: pa.Array) -> pa.Array:
    """Gives lists without the values behind those that are null, for which pandas would make floats of all."""
    lengths: Any = pc.call_function("list_value_length", [lists]).fill_null(0).cast(pa.int64()).to_numpy()
    ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
    return pa.LargeListArray.from_arrays(ends, lists.flatten(), mask=lists.is_null())


def _objects(values: list[Any]) -> pd.Series:
    return pd.Series(np.fromiter(values, object, len(values)), dtype=object)


_KNOWN_TO_PANDAS = frozenset({"arrow.fixed_shape_tensor", "pandas.interval", "pandas.period"})


def _levels(kind: pa.DictionaryType, levels: pa.Array) -> pd.Index:
    if isinstance(kind.value_type, pa.BaseExtensionType) and not isinstance(levels, pa.ExtensionArray):
        levels = pa.ExtensionArray.from_storage(kind.value_type, levels)
    if pa.types.is_float16(levels.type):  # which an index cannot be of
        levels = levels.cast(pa.float32())
    return pd.Index(pandas_frame(pa.table({"": levels}))[""].rename(None))


def _arrays_will_do(column: pa.ChunkedArray) -> bool:
    """Gives whether numpy arrays hold the lists of a column as they are: no gaps among whole numbers and truths."""
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    if not (pa.types.is_primitive(kind.value_type) or pa.types.is_boolean(kind.value_type)):
        return False
    return pa.types.is_floating(kind.value_type) or not any(chunk.flatten().null_count for chunk in column.chunks)


def given_back(table: pa.Table) -> pd.DataFrame:
    """Gives a stored table as the DataFrame it was committed from: as `pandas_frame`, in the types that it had."""
    frame = pandas_frame(table)
    for field, column in zip(table.schema, table.columns, strict=True):
        if note := (field.metadata or {}).get(_NOTE, b"").decode():
            frame[field.name] = _as_noted(note, column, frame[field.name])
    return frame


def _as_noted(note: str, column: pa.ChunkedArray, series: pd.Series) -> Any:
    if note in ("list", "tuple"):
        values = column.to_pylist()
        return _objects([None if value is None else tuple(value) for value in values] if note == "tuple" else values)
    if note == "categories":
        return series.cat.rename_categories(series.cat.categories.astype(pd.ArrowDtype(column.type.value_type)))
    dtype: Any = pd.ArrowDtype(column.type) if note == "arrow" else _dtype(note)
    if isinstance(series.dtype, pd.CategoricalDtype) and note != "arrow":
        return series.cat.rename_categories(series.cat.categories.astype(dtype))
    return pd.Series(dtype.__from_arrow__(column), copy=False)


def _dtype(note: str) -> Any:
    name, _, storage = note.partition(" ")
    text: Any = pd.StringDtype
    if name == "string":
        return text(storage)
    return text(storage, na_value=np.nan) if name == "str" else _MASKED[name]


_NULLABLE: dict[pa.DataType, Any] = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
_MASKED: dict[str, Any] = {str(dtype): dtype for dtype in (*_NULLABLE.values(), pd.Float32Dtype(), pd.Float64Dtype())}
