"""What a model's rows look like, as its training rows did: a frame is read by it, or refused in the reader's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from ballast.columns import canonical
from ballast.errors import DataError, nearest
from ballast.given.frames import as_arrow
from ballast.given.ids import reconciled, settled
from ballast.given.kinds import plain, said
from ballast.given.schema import converted
from ballast.given.scoring import unseen
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import listed, plural

WHERE = "the frame"


@dataclass(frozen=True)
class Remark:
    """Something of a frame that is not as it was in the training rows.

    Attributes
    ----------
    column : the column it is about.
    message : what was found, with counts, and what would be right.
    refused : whether the model predicts nothing of such a frame; else it predicts, and this is what to know of it.
    """

    column: str
    message: str
    refused: bool

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Threshold:
    """The score beyond which a step flagged rows that stood beside the model's predictions.

    Attributes
    ----------
    value : the score. higher : what a higher score means.
    version, method : the step's.
    """

    value: float
    higher: str
    version: int
    method: str


@dataclass(frozen=True)
class Schema:
    """The columns of the training rows that a model's encoder reads.

    Attributes
    ----------
    types : each column's type, as it is kept.
    missing : column -> how many training rows had no value; those with none are left out.
    categories : column -> its values in the training rows, as text, where the encoder gives each a feature.
    rows : how many training rows there were.
    id, label : the columns with the rows' ids and labels, where they are known; a frame may leave both out.
    id_type : the type of the ids.
    thresholds : step -> its threshold, of those whose flags stand beside the pipeline's predictions of this model.
    """

    types: pa.Schema
    rows: int
    missing: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, list[str]] = field(default_factory=dict)
    id: str | None = None
    label: str | None = None
    id_type: pa.DataType | None = None
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)

    def read(self, frame: Any) -> pd.DataFrame:
        """Gives the columns that the encoder reads, in their types; DataError names the first thing that is wrong."""
        table = as_arrow(frame, WHERE)
        return pandas_frame(pa.table({name: self._column(table, name) for name in self.types.names}))

    def check(self, frame: Any) -> list[Remark]:
        """Gives all of a frame that is not as it was in the training rows, column by column; nothing where all is."""
        table = as_arrow(frame, WHERE)
        found = [*self._check_id(table)] if self.id in table.column_names else []
        for name in self.types.names:
            try:
                column = self._column(table, name)
            except DataError as error:
                found.append(Remark(name, str(error), refused=True))
                continue
            n, blank = len(column), column.null_count
            if blank and not self.missing.get(name):
                found.append(Remark(name, f"{name}: {blank} of {plural(n, 'row')} blank, none was in training", False))
            if (known := self.categories.get(name)) is not None:
                found += self._unseen(name, column, known)
        return found

    def _column(self, table: pa.Table, name: str) -> pa.ChunkedArray:
        if name not in table.column_names:
            there = listed(table.column_names, most=12)
            raise DataError(
                f"{WHERE}: column {name!r} is missing{nearest(name, table.column_names)} (columns: {there}); "
                "the model was trained on it"
            )
        made, wanted = plain(name, _chunked(table[name]), WHERE), self.types.field(name).type
        written = made.type == pa.string() and pa.types.is_temporal(wanted) and not pa.types.is_duration(wanted)
        remedy = "give the column that type"
        if written:  # JSON has no other times, nor has a CSV of which pandas is not told
            remedy += ", or write each value in ISO 8601 (a date as 2026-11-30)"
        return converted(name, made, wanted, "in the training rows", _place, explicit=written, remedy=remedy)

    def _check_id(self, table: pa.Table) -> list[Remark]:
        assert self.id is not None
        try:
            ids = settled(plain(self.id, _chunked(table[self.id]), WHERE), self.id, WHERE)
            if self.id_type is not None:
                ids = reconciled(ids, self.id_type, self.id, WHERE, written=False)
        except DataError as error:
            return [Remark(self.id, str(error), refused=False)]
        counts = Counter(value for value in ids.to_pylist() if value is not None)
        twice = [value for value, n in counts.items() if n > 1]
        found = []
        if ids.null_count:
            found.append(Remark(self.id, f"{self.id}: {ids.null_count} of {plural(len(ids), 'row')} have no id", False))
        if twice:
            found.append(
                Remark(
                    self.id,
                    f"{self.id}: {plural(len(twice), 'id')} occur more than once, such as {twice[0]!r} "
                    f"({counts[twice[0]]} times)",
                    False,
                )
            )
        return found

    def _unseen(self, name: str, column: pa.ChunkedArray, known: list[str]) -> list[Remark]:
        rows = pandas_frame(pa.table({name: column}))
        hit = unseen(rows, {name: known}).get(name)
        if hit is None:
            return []
        counts = Counter(canonical(rows[name][hit]))
        values = listed((f"{value!r} ({n})" for value, n in counts.most_common()), most=5)
        n = sum(counts.values())
        return [
            Remark(
                name, f"{name}: {n} of {plural(len(column), 'row')} hold values never seen in training: {values}", False
            )
        ]


def _chunked(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _place(name: str, position: int) -> str:
    return f"{WHERE}, row {position + 1}"


def described(types: pa.Schema) -> dict[str, str]:
    """Gives each column's type in words, for a person to read."""
    return {field.name: said(field.type) for field in types}
