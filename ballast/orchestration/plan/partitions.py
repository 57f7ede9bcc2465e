"""One partition of a pipeline: its key, its window, and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from ballast.errors import DataError, nearest
from ballast.orchestration.spec.pipeline import PartitionsSpec
from ballast.words import listed


@dataclass(frozen=True)
class Partition:
    """One partition: its key and, for a time partition, the window [start, end) it stands for."""

    key: str
    window: tuple[datetime, datetime] | None = None

    def rows(self, table: pd.DataFrame, spec: PartitionsSpec, where: str) -> pd.DataFrame:
        """Gives the rows of this partition; DataError where there are none."""
        if spec.column not in table:
            raise DataError(
                f"{where}: the partition column {spec.column!r} is missing{nearest(spec.column, table.columns)} "
                f"(columns: {listed(table.columns, most=12)})"
            )
        column = table[spec.column]
        if self.window is None:
            kept = column.astype(str) == self.key
        else:
            start, end = (pd.Timestamp(t) for t in self.window)
            stamps = pd.to_datetime(column, utc=True)
            kept = (stamps >= _in_utc(start)) & (stamps < _in_utc(end))
        if not kept.any():
            there = listed(sorted(column.astype(str).unique()), most=12)
            raise DataError(
                f"{where}: partition {self.key!r} has no rows: none of {len(table)} has it in column "
                f"{spec.column!r} (values there: {there})"
            )
        return table[kept].reset_index(drop=True)


def _in_utc(stamp: pd.Timestamp) -> pd.Timestamp:
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
