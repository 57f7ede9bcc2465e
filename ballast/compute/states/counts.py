"""How often each value of a column of categories occurs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ballast.columns import canonical, is_missing
from ballast.compute.arrow import as_series, plain
from ballast.compute.states.packing import packed, unpacked
from ballast.errors import DataError

LIMIT = 100_000
"""Distinct values that are told apart where nothing else is said."""


class Counts:
    """The counts of a column's values by their canonical text, so 1, 1.0 and "1" are one value and "" is another.

    Parameters
    ----------
    limit : the most distinct values that are told apart. Of a column that has more only rows are counted, and
    ``too_many`` says so, wherever the rows are cut.

    Attributes
    ----------
    count : rows with a value. missing : rows without one: null or NaN. too_many : whether there are more
    than `limit` distinct values.

    Notes
    -----
    Exact, and the same for any cut and order of the rows. Cost O(n) and a text for each distinct value of each part;
    the state has the texts and the counts of at most `limit` values.
    """

    def __init__(self, limit: int = LIMIT):
        self.limit = limit
        self.count = self.missing = 0
        self.too_many = False
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> dict[str, int]:
        """The count of each value, in the order of their texts; DataError where there are too many."""
        if self.too_many:
            raise DataError(
                f"a column has more than {self.limit} distinct values in {self.count} rows, so they were not counted "
                "one by one; drop it if it is an id, or raise the limit"
            )
        return dict(sorted(self._counts.items()))

    def add(self, column: pa.Array | pa.ChunkedArray) -> None:
        """Adds a column of any type of Arrow's that has one value a cell."""
        column = plain(column)
        if self.too_many:
            missing = int(is_missing(as_series(column)).sum())
        else:
            values, counts = pc.call_function("value_counts", [column]).flatten()
            texts = canonical(as_series(values))
            missing = sum(count for text, count in zip(texts, counts.tolist(), strict=True) if text is None)
            self._take((text, count) for text, count in zip(texts, counts.tolist(), strict=True) if text is not None)
        self.count, self.missing = self.count + len(column) - missing, self.missing + missing

    def pad(self, n: int) -> None:
        """Adds n rows that have no value."""
        self.missing += n

    def merge(self, other: Counts) -> None:
        """Takes up another state; DataError for one of another limit."""
        if other.limit != self.limit:
            raise DataError(f"counts of at most {other.limit} values cannot be added to those of at most {self.limit}")
        self.too_many |= other.too_many
        self._take(list(other._counts.items()))
        self.count, self.missing = self.count + other.count, self.missing + other.missing

    def _take(self, counts: Iterable[tuple[str, int]]) -> None:
        if not self.too_many:
            for text, count in counts:
                self._counts[text] = self._counts.get(text, 0) + count
        if self.too_many or len(self._counts) > self.limit:
            self.too_many, self._counts = True, {}

    def to_bytes(self) -> bytes:
        """Gives the state as bytes; see ``packing``."""
        names = ("limit", "count", "missing", "too_many")
        fields = {name: getattr(self, name) for name in names} | {"values": sorted(self._counts)}
        counts = np.array([self._counts[value] for value in fields["values"]], dtype=np.int64)
        return packed("counts 1", fields, {"counts": counts})

    @classmethod
    def from_bytes(cls, data: bytes) -> Counts:
        """Gives the state that ``to_bytes`` gave; DataError for bytes that are damaged, or of another state."""
        fields, arrays = unpacked("counts 1", data)
        state = cls(fields["limit"])
        state.count, state.missing, state.too_many = fields["count"], fields["missing"], fields["too_many"]
        state._counts = dict(zip(fields["values"], arrays["counts"].tolist(), strict=True))
        return state
