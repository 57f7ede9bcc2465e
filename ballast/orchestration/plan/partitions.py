"""A pipeline's partitions: which it declares, and of one its key, its window, and the condition that its rows meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import dagster as dg

from ballast.errors import DataError
from ballast.orchestration.spec.pipeline import PartitionsSpec

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Partition:
    """One partition: its key and, for a time partition, the window [start, end) it stands for."""

    key: str
    window: tuple[datetime, datetime] | None = None

    def condition(self, column: str, kind: str, where: str) -> tuple[str, list[str]]:
        """Gives the SQL that a partition's rows meet, and its bound values, for a column of a DuckDB type.

        `column` is quoted. A key is compared as a value of the column's type, so 2022 is also 2022.0; times without a
        zone are UTC. Raises DataError for a time window over what is not a time.
        """
        if self.window is None:
            return self._has_key(column, kind)
        start, end = (str(_in_utc(t).replace(tzinfo=None)) for t in self.window)
        if kind not in (*_MOMENTS, "VARCHAR"):
            raise DataError(
                f"{where}: partitions by time need a column of dates or times, and {column} is {kind}; "
                "make it one in the source, or with `types:`"
            )
        zoned = kind in ("VARCHAR", "TIMESTAMP WITH TIME ZONE")
        stamp = f"CAST({column} AS TIMESTAMPTZ)" if kind == "VARCHAR" else column
        bound = "CAST(? AS TIMESTAMPTZ)" if zoned else "CAST(? AS TIMESTAMP)"
        return f"{stamp} >= {bound} AND {stamp} < {bound}", [start, end]

    def _has_key(self, column: str, kind: str) -> tuple[str, list[str]]:
        number = kind in _WHOLE or kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT")
        if number:
            try:
                value = Decimal(self.key)
            except InvalidOperation:
                return "false", []
            if kind in _WHOLE and value != value.to_integral_value():
                return "false", []
            return f"{column} = TRY_CAST(? AS {kind})", [str(value)]
        if kind in _MOMENTS or kind in ("BOOLEAN", "TIME"):
            return f"{column} = TRY_CAST(? AS {kind})", [self.key]
        return f"CAST({column} AS VARCHAR) = ?", [self.key]


def partitions_of(spec: PartitionsSpec | None) -> dg.PartitionsDefinition | None:
    if spec is None:
        return None
    if spec.static is not None:
        return dg.StaticPartitionsDefinition(spec.static)
    windows = {
        "hourly": dg.HourlyPartitionsDefinition,
        "daily": dg.DailyPartitionsDefinition,
        "weekly": dg.WeeklyPartitionsDefinition,
        "monthly": dg.MonthlyPartitionsDefinition,
    }
    assert spec.time is not None
    assert spec.start is not None
    start = datetime.fromisoformat(spec.start)
    return windows[spec.time](start_date=start)


def is_declared(spec: PartitionsSpec | None, key: str) -> bool:
    """Gives whether a pipeline declares a partition of that key; one that is stored and is not declared is retired."""
    definition = partitions_of(spec)
    try:
        return definition is not None and definition.has_partition_key(key)
    except (dg.DagsterError, ValueError):  # a key that is not a time
        return False


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
