"""A pipeline's partitions as Dagster knows them."""

from __future__ import annotations

import dagster as dg

from ballast.orchestration.plan.partitions import Partition


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
