"""Rows of stored tables, side by side by their sample ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError
from ballast.warehouse.tables.commits import Commit
from ballast.warehouse.tables.frames import pandas_frame
from ballast.warehouse.tables.matrices import matrix_of, names_of
from ballast.words import plural


def values_of(table: pa.Table, column: str) -> np.ndarray:
    """Gives a column's values (n,) as NumPy has them."""
    return pandas_frame(table.select([column]))[column].to_numpy()


def ids_of(table: pa.Table, column: str, what: str) -> pd.Index:
    """Gives the ids of a table's rows; DataError where one occurs twice, or is missing."""
    ids = pd.Index(values_of(table, column))
    if ids.hasnans or not ids.is_unique:
        twice, blank = int(ids.duplicated().sum()), int(np.sum(ids.isna()))
        raise DataError(
            f"{what}: {plural(twice, 'row')} of {len(ids)} repeat an id of column {column!r} and {blank} "
            "have none, so that rows cannot be told apart by it; mend the ids and run the pipeline again"
        )
    return ids


def one_to_one(ids: pd.Index, wanted: pd.Index, what: str, of: str) -> np.ndarray:
    """Gives the position in `ids` of each id wanted; DataError says how many are missing on either side."""
    if ids.equals(wanted):
        return np.arange(len(ids))
    found = ids.get_indexer(wanted)
    lost, spare = wanted[found < 0], ids[~ids.isin(wanted)]
    if len(lost) or len(spare):
        sides = [
            f"{len(lost)} of {plural(len(wanted), 'row')} of {of} are not in {what}{_such(lost)}" if len(lost) else "",
            f"{len(spare)} of {plural(len(ids), 'row')} of {what} are not in {of}{_such(spare)}" if len(spare) else "",
        ]
        raise DataError(
            f"{what} and {of} are not of the same rows: {' and '.join(filter(None, sides))}; leave the join out, "
            "or run the pipeline so that both are of the same rows"
        )
    return found


def each(ids: pd.Index, wanted: np.ndarray, what: str) -> np.ndarray:
    """Gives the position in `ids` of each id wanted, which may come again; DataError says how many are missing."""
    found = ids.get_indexer(pd.Index(wanted))
    if (lost := found < 0).any():
        raise DataError(
            f"{what} lacks {int(lost.sum())} of {plural(len(wanted), 'row')}{_such(np.asarray(wanted)[lost])}; run the "
            "pipeline again so that all are of the same rows"
        )
    return found


def _such(ids: Sequence[Any] | np.ndarray | pd.Index) -> str:
    return f" (such as {', '.join(repr(str(i)) for i in list(ids)[:3])})"


def spread(table: pa.Table, names: Mapping[str, Sequence[str]]) -> pa.Table:
    """Gives a table whose matrices are a column a feature, by their `names`, else by number: ``probs_0``."""
    taken = [name for name in table.column_names if not is_matrix(table, name)]
    columns: dict[str, Any] = {}
    fields: list[pa.Field] = []
    for field in table.schema:
        if not is_matrix(table, field.name):
            columns[field.name] = table[field.name]
            fields.append(field)
            continue
        width = field.type.list_size
        known = names_of(table, field.name) or names.get(field.name, ())
        told = list(known) if len(known) == width else [f"{field.name}_{j}" for j in range(width)]
        values = matrix_of(table, field.name)
        for j, name in enumerate(apart(told, taken, field.name)):
            taken.append(name)
            columns[name] = pa.array(np.ascontiguousarray(values[:, j]))
            fields.append(pa.field(name, columns[name].type))
    return pa.table(columns, schema=pa.schema(fields))


def is_matrix(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)


def names_in(commit: Commit) -> dict[str, list[str]]:
    """Gives the names of a version's matrices: of features the encoder's, of what is by class the classes."""
    classes = [str(label) for label in commit.summary.get("classes", ())]
    by_class = {kind: [f"{kind}_{label}" for label in classes] for kind in ("probs", "logits")}
    return {"features": list(commit.summary.get("names", ())), **by_class}


def beside(first: pa.Table, second: pa.Table, owner: str) -> pa.Table:
    """Gives two tables side by side; a column of the second whose name is taken gets its `owner` in front."""
    names = apart(second.column_names, first.column_names, owner)
    fields = [*first.schema, *(field.with_name(name) for field, name in zip(second.schema, names, strict=True))]
    return pa.table([*first.columns, *second.columns], schema=pa.schema(fields))


def apart(names: Iterable[str], taken: Iterable[str], owner: str) -> list[str]:
    """Gives names that differ from those taken and from one another also where case does not count."""
    used = {name.casefold() for name in taken}
    found = []
    for name in names:
        made, number = name, 2
        if made.casefold() in used:
            made = f"{owner}_{name}"
        while made.casefold() in used:
            made, number = f"{owner}_{name}_{number}", number + 1
        used.add(made.casefold())
        found.append(made)
    return found
