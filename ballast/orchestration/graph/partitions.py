"""A pipeline's partitions as Dagster knows them."""

from __future__ import annotations

import math
import warnings
from datetime import timedelta
from itertools import product

import dagster as dg

from ballast.errors import SpecError
from ballast.orchestration.plan.partitions import Partition, partitions_of
from ballast.orchestration.plan.plan import Plan
from ballast.words import listed

_DAYS = {"hourly": 1 / 24, "daily": 1, "weekly": 7, "monthly": 28}
"""The length of the shortest window of each kind, in days."""


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


def mapping_of(plan: Plan, role: str) -> dg.PartitionMapping | None:
    """Gives how many of an asset's partitions a role's partition reads that reaches back; None: as Dagster maps them.

    These are the same ones; of time windows those within the pipeline's own; all for a pipeline without partitions.
    """
    spec, reach = plan.spec.partitions, plan.spec.data[role].reach
    if spec is None or spec.time is None or reach is None:
        return None
    windows = math.ceil(reach / timedelta(days=_DAYS[spec.time]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(start_offset=1 - windows, allow_nonexistent_upstream_partitions=True)


def check_mapped(plan: Plan, project: dg.Definitions) -> None:
    """Raises SpecError where a role is split otherwise than the asset that it is read from, and nothing maps them."""
    ours = partitions_of(plan.spec.partitions)
    specs = {spec.key: spec for assets in project.assets or () for spec in _specs(assets)}
    for role, data in plan.spec.data.items():
        if ours is None or data.source != "asset" or not plan.nodes[role].partitioned:
            continue
        spec = specs.get(dg.AssetKey.from_user_string(str(data.asset)))
        theirs = spec.partitions_def if spec is not None else None
        if theirs is not None and not _is_mapped(ours, theirs):
            raise SpecError(
                f"{plan.where}: data.{role}.asset: the pipeline's partitions are {_said(ours)}, those of {data.asset} "
                f"{_said(theirs)}, and neither is mapped to the other: split both alike, read the asset's rows with "
                f"`query:` or `path:` beside `asset:`, or take {role} out of `partitions: roles:`"
            )


def _specs(assets: object) -> list[dg.AssetSpec]:
    return list(assets.specs) if isinstance(assets, dg.AssetsDefinition) else []


def _is_mapped(ours: dg.PartitionsDefinition, theirs: dg.PartitionsDefinition) -> bool:
    if isinstance(ours, dg.TimeWindowPartitionsDefinition) and isinstance(theirs, dg.TimeWindowPartitionsDefinition):
        return ours.timezone == theirs.timezone
    if isinstance(ours, dg.StaticPartitionsDefinition) and isinstance(theirs, dg.StaticPartitionsDefinition):
        return {*ours.get_partition_keys()} <= {*theirs.get_partition_keys()}
    return type(ours) is type(theirs)


def _said(definition: dg.PartitionsDefinition) -> str:
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return f"by time ({definition.cron_schedule} from {definition.start:%Y-%m-%d} on, {definition.timezone})"
    if isinstance(definition, dg.StaticPartitionsDefinition):
        return f"static ({listed(definition.get_partition_keys())})"
    if isinstance(definition, dg.DynamicPartitionsDefinition):
        return f"dynamic ({definition.name})"
    return type(definition).__name__.removesuffix("PartitionsDefinition").lower()
