"""From a user's frame to the Arrow table that is stored, and back without loss."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import pandas as pd
import pyarrow as pa

from ballast.errors import WarehouseError

VERSION_COLUMN = "_version"
PARTITION_COLUMN = "partition"


def arrow_table(asset: str, frame: pd.DataFrame | pa.Table, *, partitioned: bool) -> pa.Table:
    """Gives the frame as an Arrow table without schema metadata; a named index becomes columns, others go.

    Raises
    ------
    WarehouseError
        Something a SQL table cannot hold: no column, a name that is not text or occurs twice, mixed types.
    """
    if isinstance(frame, pa.Table):
        table = frame
    elif isinstance(frame, pd.DataFrame):
        named = any(name is not None for name in frame.index.names)
        frame = frame.reset_index() if named else frame
        _check_columns(asset, frame.columns, partitioned)  # before Arrow turns every name into text
        try:
            table = pa.Table.from_pandas(frame, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise WarehouseError(
                f"asset {asset!r}: a column mixes types or holds objects ({'; '.join(map(str, error.args))}); "
                "give each column one type, for example with frame.astype"
            ) from error
    else:
        raise WarehouseError(
            f"asset {asset!r}: expected a pandas.DataFrame or pyarrow.Table, got {type(frame).__name__}"
        )
    _check_columns(asset, table.column_names, partitioned)
    return pa.table(table.columns, schema=table.schema.remove_metadata())


def _check_columns(asset: str, columns: Iterable[object], partitioned: bool) -> None:
    reserved = {VERSION_COLUMN, PARTITION_COLUMN} if partitioned else {VERSION_COLUMN}
    seen: dict[str, object] = {}
    for name in columns:
        if not isinstance(name, str) or not name or "\0" in name:
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


def storable(asset: str, table: pa.Table, *, arrays: bool, reserved: Collection[str] = ()) -> pa.Table:
    """Gives the table with the few column types the store lacks replaced by ones that hold the same values.

    `arrays` says whether it has arrays of a fixed length, `reserved` names columns it cannot have.
    """
    for name in table.column_names:
        if name.casefold() in reserved:
            raise WarehouseError(f"asset {asset!r}: column {name!r} is one that DuckLake needs; rename the column")
    fields = [pa.field(field.name, _stored_type(field.type, arrays=arrays)) for field in table.schema]
    try:
        return table.cast(pa.schema(fields))
    except pa.ArrowInvalid as error:
        raise WarehouseError(
            f"asset {asset!r}: {error}; times with a time zone are kept to the microsecond: round them first"
        ) from error


def _stored_type(kind: pa.DataType, *, arrays: bool) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _stored_type(kind.value_type, arrays=arrays)
    if pa.types.is_fixed_size_list(kind) and not arrays:
        return pa.list_(_stored_type(kind.value_type, arrays=arrays))
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_duration(kind):
        return pa.int64()
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    return kind


def restored(table: pa.Table, schemas: Sequence[pa.Schema]) -> pa.Table:
    """Gives each stored column the type it was committed with, where all the given schemas agree on one."""
    fields, columns = [], []
    for stored, column in zip(table.schema, table.columns, strict=True):
        wanted = [schema.field(stored.name) for schema in schemas if stored.name in schema.names]
        field = wanted[0] if len({field.type for field in wanted}) == 1 else stored
        fields.append(field)
        columns.append(pa.nulls(len(column)) if pa.types.is_null(field.type) else column.cast(field.type))
    return pa.table(columns, schema=pa.schema(fields))


def pandas_frame(table: pa.Table) -> pd.DataFrame:
    """Gives the table as a DataFrame; whole numbers and booleans with gaps keep their type (Int64, boolean)."""
    frame = table.to_pandas()
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count and (nullable := _NULLABLE.get(column.type)):
            frame[name] = column.to_pandas(types_mapper={column.type: nullable}.get)
    return frame


_NULLABLE: dict[pa.DataType, pd.api.extensions.ExtensionDtype] = {
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
