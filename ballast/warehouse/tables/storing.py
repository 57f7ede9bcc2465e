"""The types that the store has, and the way of every Arrow type into one of them and back without loss."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ballast.warehouse.names import quoted
from ballast.warehouse.tables.categories import bare_type, category, decoded
from ballast.warehouse.tables.hashing import ContentHash
from ballast.warehouse.tables.objects import UnstorableError

if TYPE_CHECKING:
    import duckdb

WIDEST_ARRAY = 100_000  # values in an array of DuckDB; longer ones are lists there
WIDEST_DECIMAL = 38
_DICTIONARY = b"dictionary"
_EPOCH = dt.date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (dt.date.min - _EPOCH).days, (dt.date.max - _EPOCH).days


def stored_type(kind: pa.DataType, *, arrays: bool) -> pa.DataType:
    """Gives the type that holds a column's values in the store; `arrays` says whether it has arrays of a fixed length.

    Raises
    ------
    UnstorableError
        It has none.
    """
    if pa.types.is_nested(kind) and not pa.types.is_run_end_encoded(kind):
        return _stored_nested(kind, arrays=arrays)
    if isinstance(kind, pa.BaseExtensionType):
        return kind if is_uuid(kind) else stored_type(kind.storage_type, arrays=arrays)
    if pa.types.is_dictionary(kind) and pa.types.is_nested(kind.value_type):
        raise UnstorableError(f"{kind} has nested values as categories; give it the values themselves")
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return stored_type(kind.value_type, arrays=arrays)
    if pa.types.is_decimal(kind):
        return _stored_decimal(kind)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    if pa.types.is_interval(kind) and not arrays:
        raise UnstorableError("a lake keeps intervals to the millisecond only; write months, days and a duration")
    for is_kind, stored in _STORED:
        if is_kind(kind):
            return stored
    return kind


_STORED = (
    (pa.types.is_null, pa.int32()),
    (pa.types.is_float16, pa.float32()),
    (pa.types.is_duration, pa.int64()),
    (pa.types.is_time, pa.time64("us")),
    (pa.types.is_date64, pa.date32()),
    (lambda kind: kind == pa.string_view(), pa.large_string()),
    (lambda kind: kind == pa.binary_view(), pa.large_binary()),
)


def is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"


def _stored_nested(kind: pa.DataType, *, arrays: bool) -> pa.DataType:
    if pa.types.is_fixed_size_list(kind) and arrays and 0 < kind.list_size <= WIDEST_ARRAY:
        return pa.list_(stored_type(kind.value_type, arrays=arrays), kind.list_size)
    if pa.types.is_map(kind):
        return pa.map_(stored_type(kind.key_type, arrays=arrays), stored_type(kind.item_type, arrays=arrays))
    if pa.types.is_large_list(kind):
        return pa.large_list(stored_type(kind.value_type, arrays=arrays))
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(stored_type(kind.value_type, arrays=arrays))
    if pa.types.is_struct(kind) and kind.num_fields:
        return pa.struct([pa.field(field.name, stored_type(field.type, arrays=arrays)) for field in kind])
    raise UnstorableError(f"the store has no type for {kind}; write it as columns of their own, as lists or as text")


def _stored_decimal(kind: pa.DataType) -> pa.DataType:
    scale = max(kind.scale, 0)
    return pa.decimal128(min(max(kind.precision + scale - kind.scale, scale, 1), WIDEST_DECIMAL), scale)


def stored_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Gives a column as the store holds it.

    Raises
    ------
    UnstorableError
        A value is not one that the store, or pandas, can hold.
    """
    _check(column)
    try:
        if pa.types.is_dictionary(column.type):
            return pa.chunked_array([_converted(decoded(column), kind)], kind)
        return pa.chunked_array([_converted(chunk, kind) for chunk in column.chunks], kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UnstorableError(f"{error}; {_remedy(column.type)}") from error


def _check(column: pa.ChunkedArray) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnstorableError(f"Arrow finds it damaged: {error}; make it anew from the source") from error
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        try:
            pa.array([0], column.type).to_pandas()
        except Exception as error:  # of whichever library of time zones Arrow asks
            raise UnstorableError(
                f"its time zone {column.type.tz!r} is not known; take one of the IANA's names"
            ) from error
    if pa.types.is_date(column.type) and len(column) != column.null_count:
        ends = [
            value.as_py() for value in pc.call_function("min_max", [column.cast(pa.date32()).cast(pa.int32())]).values()
        ]
        if ends[0] < _FIRST_DAY or ends[1] > _LAST_DAY:
            raise UnstorableError(
                "it holds dates outside of the years 1 to 9999, which Python cannot hold; give None for them"
            )


def _remedy(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "times with a time zone are kept to the microsecond: round them first"
    if pa.types.is_time(kind):
        return "times of day are kept to the microsecond: round them first"
    if pa.types.is_decimal(kind):
        return f"SQL holds decimals of up to {WIDEST_DECIMAL} digits: write it as text, or round it"
    return "give it another type"


def _converted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Gives an array in another type that holds the same values: the stored one, or back."""
    if array.type == kind:
        return array
    if isinstance(array.type, pa.BaseExtensionType):
        return _converted(array.storage, kind)
    if pa.types.is_dictionary(array.type):
        return _converted(decoded(pa.chunked_array([array])), kind)
    if pa.types.is_run_end_encoded(array.type):
        return _converted(pc.call_function("run_end_decode", [array]), kind)
    if pa.types.is_null(kind):
        return pa.nulls(len(array))
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, _converted(array, kind.storage_type))
    if pa.types.is_dictionary(kind):
        return category(kind, _converted(array, bare_type(kind.value_type)), None)
    if pa.types.is_run_end_encoded(kind):
        return pc.call_function(
            "run_end_encode", [_converted(array, kind.value_type)], pc.RunEndEncodeOptions(kind.run_end_type)
        )
    if pa.types.is_nested(kind):
        return _converted_nested(array, kind)
    return array.cast(kind)


def _converted_nested(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_struct(kind):
        children = [_converted(child, field.type) for child, field in zip(_children(array), kind, strict=True)]
        gaps = array.is_null() if array.null_count else None  # older pyarrow takes a mask without one for gaps
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=gaps)
    if pa.types.is_map(kind):
        items = pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])
        return pa.Array.from_buffers(
            kind, len(array), array.buffers()[:2], array.null_count, array.offset, [_converted(array.values, items)]
        )
    # First the values in the list that it is, then the list in the kind that is wanted: no cast where it is that, and
    # before its values where offsets grow, for a cast forgets how many nulls of no type are in a list.
    child = kind.value_field
    if pa.types.is_large_list(kind) and pa.types.is_list(array.type):
        array = array.cast(pa.large_list(array.type.value_field))
    if pa.types.is_fixed_size_list(array.type):
        same, buffers = pa.list_(child, array.type.list_size), array.buffers()[:1]
    else:
        same, buffers = (pa.large_list if pa.types.is_large_list(array.type) else pa.list_)(child), array.buffers()[:2]
    values = _converted(array.values, child.type)
    inner = pa.Array.from_buffers(same, len(array), buffers, array.null_count, array.offset, [values])
    if pa.types.is_fixed_size_list(array.type) and pa.types.is_list(kind):
        inner = pa.array([], same) if not len(inner) else inner
    return inner if inner.type == kind else inner.cast(kind)


def _children(array: pa.StructArray) -> list[pa.Array]:
    return [array.field(number) for number in range(array.type.num_fields)]


def restored_column(column: pa.ChunkedArray, field: pa.Field, levels: pa.Array | None) -> pa.ChunkedArray:
    """Gives a stored column the type it was committed with, of categories the levels."""
    kind = field.type
    if pa.types.is_dictionary(kind):
        values = [_converted(chunk, bare_type(kind.value_type)) for chunk in column.chunks]
        whole = pa.concat_arrays(values) if values else pa.array([], bare_type(kind.value_type))
        return pa.chunked_array([category(kind, whole, levels)], kind)
    return pa.chunked_array([_converted(chunk, kind) for chunk in column.chunks], kind)


def check_kept(con: duckdb.DuckDBPyConnection, held: str, schema: pa.Schema, hashes: Mapping[str, str]) -> None:
    """Refuses the columns of unusual types that DuckDB would not give back as they are.

    `held` names what it has, `hashes` are those of the columns as they were given.

    Raises
    ------
    UnstorableError
        With the column's name before a colon.
    """
    import duckdb  # here, so that a model is read without it

    for field in schema:
        if not is_unusual(field.type):
            continue
        back = ContentHash(pa.schema([field]))
        try:
            for batch in con.execute(f"SELECT {quoted(field.name)} FROM {held}").to_arrow_reader():
                values = restored_column(pa.chunked_array([batch.column(0)]), field, None)
                back.add(pa.table([values], schema=back.schema))
        except (duckdb.Error, pa.ArrowException) as error:
            raise UnstorableError(f"column {field.name!r}: {error}; give it another type") from error
        if back.columns()[field.name] != hashes[field.name]:
            raise UnstorableError(f"column {field.name!r}: DuckDB changes values of {field.type}; give it another type")


def is_unusual(kind: pa.DataType) -> bool:
    """Says whether a type is one that DuckDB might not give back as it is."""
    if pa.types.is_dictionary(kind):
        return False
    if pa.types.is_fixed_size_list(kind):
        return not pa.types.is_floating(kind.value_type)
    return (
        pa.types.is_nested(kind)
        or pa.types.is_run_end_encoded(kind)
        or isinstance(kind, pa.BaseExtensionType)
        or pa.types.is_interval(kind)
        or (pa.types.is_decimal(kind) and _stored_decimal(kind) != kind)
    )


def holds_structs(kind: pa.DataType) -> bool:
    """Gives whether there is a struct in the values of a type."""
    kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    if pa.types.is_struct(kind):
        return True
    return any(holds_structs(kind.field(number).type) for number in range(kind.num_fields))


def written_schema(schema: pa.Schema) -> bytes:
    """Gives a schema as bytes; Arrow's format lacks categories of extension types, which go into the metadata."""
    fields = []
    for field in schema:
        if pa.types.is_dictionary(field.type) and isinstance(field.type.value_type, pa.BaseExtensionType):
            said = json.dumps({"index": str(field.type.index_type), "ordered": bool(field.type.ordered)})
            field = pa.field(field.name, field.type.value_type, metadata={**(field.metadata or {}), _DICTIONARY: said})
        fields.append(field)
    return pa.schema(fields).serialize().to_pybytes()


def kept_schema(blob: bytes) -> pa.Schema:
    """Gives the schema that `written_schema` wrote."""
    pa.array(pd.PeriodIndex([], freq="D"))  # makes Arrow know the types of pandas
    fields = []
    for field in pa.ipc.read_schema(pa.py_buffer(blob)):
        metadata: Mapping[bytes, bytes] = field.metadata or {}
        if _DICTIONARY in metadata:
            said = json.loads(metadata[_DICTIONARY])
            rest = {key: value for key, value in metadata.items() if key != _DICTIONARY}
            kind = pa.dictionary(pa.type_for_alias(said["index"]), field.type, ordered=said["ordered"])
            field = pa.field(field.name, kind, metadata=rest or None)
        fields.append(field)
    return pa.schema(fields)
