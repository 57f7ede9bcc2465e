"""A pipeline's partitions as Dagster knows them."""

from __future__ import annotations

from datetime import datetime

import dagster as dg

from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.spec.pipeline import PartitionsSpec


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


def current_keys(definition: dg.PartitionsDefinition) -> list[str]:
    """Gives the partitions to run when none is named: all static ones, or the latest window of a time partition."""
    keys = list(definition.get_partition_keys())
    return keys[-1:] if isinstance(definition, dg.TimeWindowPartitionsDefinition) else keys


def partition_of(definition: dg.PartitionsDefinition | None, key: str | None) -> Partition | None:
    if definition is None or key is None:
        return None
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        window = definition.time_window_for_partition_key(key)
        return Partition(key, (window.start, window.end))
    return Partition(key)
