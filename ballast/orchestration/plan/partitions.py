"""A pipeline's partitions: which it declares, and of one its key, its window, and the condition that its rows meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

import dagster as dg

from ballast.errors import DataError
from ballast.orchestration.spec.occasions import BETWEEN, DimensionSpec, PartitionsSpec

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True)
class Partition:
    """One partition: its key and, for a time partition, the window [start, end) it stands for.

    One of two dimensions has `parts`, by the dimension's name.
    """

    key: str
    window: tuple[datetime, datetime] | None = None
    parts: Mapping[str, Partition] = field(default_factory=dict, hash=False)

    def reaching_back(self, last: timedelta | None) -> Partition:
        """Gives the partition with a window that has the same end and is `last` long; itself where there is none."""
        if last is None or self.window is None:
            return self
        return replace(self, window=(self.window[1] - last, self.window[1]))

    def condition(self, column: str, kind: str, where: str) -> tuple[str, list[str]]:
        """Gives the SQL that a partition's rows meet, and its bound values, for a column of a DuckDB type.

        `column` is quoted. A key is compared as a value of the column's type, so 2022 is also 2022.0; times without a
        zone are UTC. Raises DataError for a time window over what is not a time.
        """
        if self.window is None:
            return _has_key(self.key, column, kind)
        start, end = self.window
        after, first = _from(start, column, kind, where)
        before, last = _from(end, column, kind, where)
        return f"{after} AND NOT ({before})", [*first, *last]


Split = Mapping[str, Partition]
"""The columns by which rows are told apart, each with the partition of it that they are of."""


def split_of(spec: PartitionsSpec, partition: Partition, reach: timedelta | None) -> Split:
    """Gives what tells a partition's rows, those of `reach` before its end where there is one."""
    if spec.multi is None:
        return {str(spec.column): partition.reaching_back(reach)}
    return {column: partition.parts[name].reaching_back(reach) for name, column in spec.column_of.items()}


def outside(spec: DimensionSpec, column: str, kind: str, where: str) -> dict[str, tuple[str, list[str]]]:
    """Gives the SQL of the rows that are in none of the partitions that are declared, by what keeps them out, in words.

    `column` is quoted. Of dynamic partitions, whose keys may come, only rows without a key are.
    """
    found: dict[str, tuple[str, list[str]]] = {"without a value": (f"{column} IS NULL", [])}
    if spec.static is not None:
        held = [_has_key(key, column, kind) for key in spec.static]
        any_key = " OR ".join(f"({sql})" for sql, _ in held)
        found["with another key"] = (
            f"NOT coalesce({any_key}, false) AND {column} IS NOT NULL",
            [v for _, vs in held for v in vs],
        )
    definition = _dimension_of(spec)
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        sql, values = _from(definition.start, column, kind, where)
        found[f"before {spec.start}"] = (f"NOT ({sql})", values)
        if spec.end is not None and definition.end is not None:
            found[f"from {spec.end} on"] = _from(definition.end, column, kind, where)
    return found


def _from(moment: datetime, column: str, kind: str, where: str) -> tuple[str, list[str]]:
    """Gives the SQL of a column's times from a moment on, and its bound value.

    A date is a day in the moment's own time zone; times without a zone are UTC.
    """
    if kind not in (*_MOMENTS, "VARCHAR"):
        raise DataError(
            f"{where}: partitions by time need a column of dates or times, and {column} is {kind}; "
            "make it one in the source, or with `types:`"
        )
    if kind == "DATE":
        return f"{column} >= CAST(? AS TIMESTAMP)", [str(moment.replace(tzinfo=None))]
    zoned = kind in ("VARCHAR", "TIMESTAMP WITH TIME ZONE")
    stamp = f"CAST({column} AS TIMESTAMPTZ)" if kind == "VARCHAR" else column
    bound = "CAST(? AS TIMESTAMPTZ)" if zoned else "CAST(? AS TIMESTAMP)"
    return f"{stamp} >= {bound}", [str(_in_utc(moment).replace(tzinfo=None))]


def _has_key(key: str, column: str, kind: str) -> tuple[str, list[str]]:
    number = kind in _WHOLE or kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT")
    if number:
        try:
            value = Decimal(key)
        except InvalidOperation:
            return "false", []
        if kind in _WHOLE and value != value.to_integral_value():
            return "false", []
        return f"{column} = TRY_CAST(? AS {kind})", [str(value)]
    if kind in _MOMENTS or kind in ("BOOLEAN", "TIME"):
        return f"{column} = TRY_CAST(? AS {kind})", [key]
    return f"CAST({column} AS VARCHAR) = ?", [key]


def partitions_of(spec: PartitionsSpec | None) -> dg.PartitionsDefinition | None:
    if spec is None:
        return None
    if spec.multi is not None:
        return dg.MultiPartitionsDefinition({name: _dimension_of(one) for name, one in spec.multi.items()})
    return _dimension_of(spec)


def _dimension_of(spec: DimensionSpec) -> dg.PartitionsDefinition:
    if spec.static is not None:
        return dg.StaticPartitionsDefinition(spec.static)
    if spec.dynamic is not None:
        return dg.DynamicPartitionsDefinition(name=spec.dynamic)
    windows = {
        "hourly": dg.HourlyPartitionsDefinition,
        "daily": dg.DailyPartitionsDefinition,
        "weekly": dg.WeeklyPartitionsDefinition,
        "monthly": dg.MonthlyPartitionsDefinition,
    }
    assert spec.time is not None
    assert spec.start is not None
    start = datetime.fromisoformat(spec.start)
    end = datetime.fromisoformat(spec.end) if spec.end else None
    return windows[spec.time](start_date=start, end_date=end, timezone=spec.timezone)


def is_declared(spec: PartitionsSpec | None, key: str) -> bool:
    """Gives whether a pipeline declares a partition of that key; one that is stored and is not declared is retired.

    Of dynamic partitions any key is: which there are is not the pipeline's to say.
    """
    if spec is None:
        return False
    if spec.multi is None:
        return _has(spec, key)
    parts = key.split(BETWEEN)  # Dagster puts dimensions in the order of their names
    return len(parts) == len(spec.multi) and all(map(_has, [spec.multi[name] for name in sorted(spec.multi)], parts))


def _has(spec: DimensionSpec, key: str) -> bool:
    definition = _dimension_of(spec)
    if isinstance(definition, dg.DynamicPartitionsDefinition):
        return True
    try:
        return definition.has_partition_key(key)
    except (dg.DagsterError, ValueError):  # a key that is not a time
        return False


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
