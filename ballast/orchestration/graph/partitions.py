"""A pipeline's partitions as Dagster knows them."""

from __future__ import annotations

from itertools import product

import dagster as dg

from ballast.orchestration.plan.partitions import Partition


def keys_of(definition: dg.PartitionsDefinition, instance: dg.DagsterInstance | None) -> list[str]:
    """Gives the keys of the partitions that there are; those of dynamic ones are the instance's to say."""
    return list(map(str, definition.get_partition_keys(dynamic_partitions_store=instance)))


def current_keys(definition: dg.PartitionsDefinition, instance: dg.DagsterInstance | None) -> list[str]:
    """Gives the partitions to run when none is named: all there are, or the latest window of a time partition."""
    if isinstance(definition, dg.MultiPartitionsDefinition):
        dimensions = {dim.name: current_keys(dim.partitions_def, instance) for dim in definition.partitions_defs}
        together = (dict(zip(dimensions, keys, strict=True)) for keys in product(*dimensions.values()))
        return [str(dg.MultiPartitionKey(keys)) for keys in together]
    keys = keys_of(definition, instance)
    return keys[-1:] if isinstance(definition, dg.TimeWindowPartitionsDefinition) else keys


def names_of_dynamic(definition: dg.PartitionsDefinition | None) -> list[str]:
    """Gives the names of the dynamic partitions that a pipeline is split by, whose keys are an instance's to say."""
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return [name for dim in definition.partitions_defs for name in names_of_dynamic(dim.partitions_def)]
    return [str(definition.name)] if isinstance(definition, dg.DynamicPartitionsDefinition) else []


def partition_of(definition: dg.PartitionsDefinition | None, key: str | None) -> Partition | None:
    if definition is None or key is None:
        return None
    if isinstance(definition, dg.MultiPartitionsDefinition):
        keys = definition.get_partition_key_from_str(key).keys_by_dimension
        parts = {dim.name: partition_of(dim.partitions_def, keys[dim.name]) for dim in definition.partitions_defs}
        return Partition(str(key), parts={name: part for name, part in parts.items() if part is not None})
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        window = definition.time_window_for_partition_key(key)
        return Partition(key, (window.start, window.end))
    return Partition(key)
