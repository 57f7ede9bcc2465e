"""A table beyond memory, as gates look at it: batches of some columns, and the answers to questions in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import pyarrow as pa

from ballast.errors import DataError
from ballast.gates.context import Features, GateContext
from ballast.gates.own.form import column
from ballast.words import SHOWN, listed

if TYPE_CHECKING:
    import pandas as pd


class RowTable(Protocol):
    """What is judged; whoever keeps the rows provides it."""

    @property
    def schema(self) -> pa.Schema: ...

    def __len__(self) -> int: ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Gives some columns of all rows, in order, a batch at a time."""
        ...

    def frame(self, table: pa.Table) -> pd.DataFrame:
        """Gives a few of the rows as the store gives tables to gates."""
        ...

    def ask(
        self,
        sql: str,
        columns: Mapping[str, str] = ...,
        values: Sequence[Any] = (),
        others: Mapping[str, Any] = ...,
    ) -> pa.Table:
        """Gives the answer to a SELECT over ``rows``, which are in order, and other tables of the same keeper.

        ``{key}`` in the SELECT is the name of a column, which the keeper quotes, and ``?`` a value.
        """
        ...


class RowsContext(GateContext, Protocol):
    """A GateContext whose data roles are tables beyond memory, too."""

    def id_of(self, role: str) -> str:
        """Gives the column that holds the ids of a data role."""
        ...

    def rows(self, role: str) -> RowTable | None:
        """Gives the rows of a data role; None where the pipeline has none, or they are not stored yet."""
        ...

    def feature_batches(self, role: str) -> Iterator[Features] | None:
        """Gives the encoded features of a data role in the order of its rows; None where ``features`` has none."""
        ...

    def previous_rows(self) -> tuple[int, RowTable] | None:
        """Gives the stage's version before the one that is judged, and its rows; None where that is the first."""
        ...


def chunks(table: RowTable, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Gives some columns of all rows a batch at a time, and never none."""
    return (pa.Table.from_batches([batch]) for batch in table.batches(columns) if len(batch))


def frames(table: RowTable, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Gives some columns of all rows as frames, none of them without rows."""
    return map(table.frame, chunks(table, columns))


def without_rows(table: RowTable) -> pd.DataFrame:
    """Gives the columns alone."""
    return table.frame(table.schema.empty_table())


def field_of(table: RowTable, name: str) -> pa.Field:
    """Gives a column's type; DataError where there is none of the name, and for nested values, which SQL does not
    compare as frames do.
    """
    column(without_rows(table), name)
    field = table.schema.field(name)
    if pa.types.is_nested(field.type) or pa.types.is_union(field.type):
        raise DataError(f"column {name!r} holds nested values ({field.type}), which cannot be told apart over all rows")
    return field


def values_of(table: RowTable, answer: pa.Table, name: str) -> pd.Series:
    """Gives values of a column that SQL gave back as the store gives that column; they are the answer's first column.

    DataError where SQL changed them on the way.
    """
    return table.frame(pa.table({name: typed(table, answer, name)}))[name]


def typed(table: RowTable, answer: pa.Table, name: str) -> pa.ChunkedArray:
    """Gives the first column of an answer in the type of a column of the table."""
    kind, found = table.schema.field(name).type, answer.column(0)
    try:
        if pa.types.is_null(kind):
            return pa.chunked_array([pa.nulls(len(found))])
        if pa.types.is_dictionary(kind):
            return found.cast(kind.value_type).dictionary_encode().cast(kind)
        if isinstance(kind, pa.UuidType):
            ids = [value and UUID(value).bytes for value in found.to_pylist()]
            return pa.chunked_array([pa.ExtensionArray.from_storage(kind, pa.array(ids, kind.storage_type))])
        return found if found.type == kind else found.cast(kind)
    except pa.ArrowException as error:
        raise DataError(f"column {name!r} ({kind}) cannot be asked for in SQL: {error}") from error


def there(field: pa.Field, key: str = "x") -> str:
    """Gives the SQL of a column's values, null where a frame has none: NaN is none."""
    return f"CASE WHEN NOT isnan({{{key}}}) THEN {{{key}}} END" if pa.types.is_floating(field.type) else f"{{{key}}}"


def ordered(field: pa.Field) -> str:
    """Gives the SQL of a column's values v that are there, each with its row's position p."""
    return f"(SELECT * FROM (SELECT {there(field)} AS v, row_number() OVER () AS p FROM rows) WHERE v IS NOT NULL)"


def sample(table: RowTable, name: str) -> pd.Series:
    """Gives the first value of a column, and a null where it has one: what it holds, and its type in a frame."""
    return table.frame(pa.table({name: _sampled(table, name)}))[name]


def anchor(table: RowTable, names: Sequence[str]) -> pa.Table:
    """Gives two rows: of each column its first value, and a null, or that value again where it has none."""
    columns = {name: _sampled(table, name) for name in names}
    rows = {n: [*c.slice(0, 1).chunks, *c.slice(max(0, min(1, len(c) - 1)), 1).chunks] for n, c in columns.items()}
    return pa.table({name: pa.chunked_array(chunks, columns[name].type) for name, chunks in rows.items()})


def ends(table: RowTable, names: Sequence[str], of: Sequence[str]) -> pa.Table:
    """Gives two rows: the least and the greatest values of the columns `of`, nulls in the others."""
    columns = {}
    for name in names:
        field = table.schema.field(name)
        value = there(field)
        asked = f"SELECT min({value}) AS v FROM rows UNION ALL SELECT max({value}) FROM rows"
        columns[name] = typed(table, table.ask(asked, {"x": name}), name) if name in of else pa.nulls(2, field.type)
    return pa.table(columns)


def _sampled(table: RowTable, name: str) -> pa.ChunkedArray:
    value = there(table.schema.field(name))
    return typed(
        table,
        table.ask(
            f"(SELECT {value} AS v FROM rows WHERE {value} IS NOT NULL LIMIT 1) UNION ALL "
            f"(SELECT {value} AS v FROM rows WHERE {value} IS NULL LIMIT 1)",
            {"x": name},
        ),
        name,
    )


def some(values: Iterable[object], total: int, most: int = SHOWN) -> str:
    """Gives what ``listed`` says of so many values, of which the first are given."""
    return listed(list(values)[:most], most=most) + (f" and {total - most} more" if total > most else "")
