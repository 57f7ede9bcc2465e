"""How a pipeline's partitions go with those of the assets that it reads."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.utils import infer_partition_mapping

from ballast.errors import SpecError
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.places import Place, located
from ballast.words import in_words, listed, one_line

logger = logging.getLogger("ballast.run")

_DAYS = {"hourly": 1 / 24, "daily": 1, "weekly": 7, "monthly": 28}
"""The length of the shortest window of each kind, in days."""

Partitions = dg.PartitionsDefinition


def mapping_of(plan: Plan, role: str, place: Place | None) -> dg.PartitionMapping:
    """Gives which of an asset's partitions the rows of a role's partition are read from.

    These are the same ones; of time windows those within the pipeline's own, and of a role that reaches back those
    before; all for a role that is not split. Where nothing maps them, that is a warning while Dagster loads, and the
    error of a run: one pipeline's mistake does not keep the whole code location from loading.
    """
    told = partial(_told, plan, role, place)
    spec, reach = plan.spec.partitions, plan.spec.data[role].reach
    if spec is None or spec.time is None or reach is None:
        return _AsInferred(told)
    windows = math.ceil(reach / timedelta(days=_DAYS[spec.time]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        mapping = TimeWindowPartitionMapping(start_offset=1 - windows, allow_nonexistent_upstream_partitions=True)
    mapping.told = told
    return mapping


def mapping_of_order(plan: Plan, role: str) -> dg.PartitionMapping:
    """Gives the partitions of an asset that is to be made before a role is read: all, where none go with its own."""
    return _AsInferred(partial(unmapped, plan, role), rows=False)


def settle_mappings(graph: Any, keys: Iterable[dg.AssetKey]) -> None:
    """Settles what goes with what for some assets, once all are known; `graph` is that of all.

    The log says which are read from ones that are split otherwise. For other processes, which would refuse to load
    them, all partitions go together there.
    """
    for key in keys:
        for parent, mapping in graph.get(key).partition_mappings.items():
            theirs = graph.get(parent).partitions_def
            told = getattr(mapping, "told", None)
            if told is None or theirs is None or (problem := told(theirs)) is None:
                continue
            if type(mapping) is _AsInferred:
                mapping.alike = False
            if type(mapping) is TimeWindowPartitionMapping or mapping.rows:
                logger.warning(problem)


def check_mapped(plan: Plan, project: dg.Definitions) -> None:
    """Raises SpecError where a role is split otherwise than the asset that it is read from, and nothing maps them."""
    theirs = partitions_in(project)
    problems = [
        problem
        for role, data in plan.spec.data.items()
        if data.source == "asset" and (its := theirs.get(dg.AssetKey.from_user_string(str(data.asset)))) is not None
        if (problem := unmapped(plan, role, its)) is not None
    ]
    if problems:
        raise SpecError("\n".join(problems))


def partitions_in(project: dg.Definitions) -> Mapping[dg.AssetKey, Partitions | None]:
    """Gives the assets of a project, each with its partitions."""
    return {spec.key: spec.partitions_def for spec in project.resolve_all_asset_specs()}


def unmapped(plan: Plan, role: str, theirs: Partitions) -> str | None:
    """Gives what is wrong where a role is split otherwise than what it is read from; None where the two go together."""
    data, ours = plan.spec.data[role], partitions_of(plan.spec.partitions)
    if ours is None or not plan.nodes[role].partitioned:
        return None
    if data.reach is not None and isinstance(ours, dg.MultiPartitionsDefinition):
        return one_line(
            f"{plan.where}: data.{role}.last: the partitions of {data.asset} are {_said(theirs)}, and Dagster hands a "
            "pipeline that is split by two columns none that lie before: read the asset's rows with `query:` or "
            "`path:` beside `asset:`"
        )
    if _is_mapped(ours, theirs):
        return None
    return one_line(
        f"{plan.where}: data.{role}.asset: the pipeline's partitions are {_said(ours)}, those of {data.asset} "
        f"{_said(theirs)}, and neither is mapped to the other: split both alike, read the asset's rows with "
        f"`query:` or `path:` beside `asset:`, or take {role} out of `partitions: roles:`"
    )


def _told(plan: Plan, role: str, place: Place | None, theirs: Partitions) -> str | None:
    problem = unmapped(plan, role, theirs)
    return problem if problem is None else str(located(SpecError(problem), plan.where, place.lines if place else {}))


class _AsInferred(dg.PartitionMapping):
    """Dagster's own mapping where it has one.

    Where it has none, all partitions of what only is to be made before, and of what rows are read from an error.
    """

    _fields = ()

    def __init__(self, told: Callable[[Partitions], str | None], *, rows: bool = True) -> None:
        self.told, self.rows, self.alike = told, rows, True

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What other processes, which know Dagster's mappings alone, are told that it is: all, or nothing they know."""
        return type(self) if self.alike else dg.AllPartitionMapping

    def _asdict(self) -> dict[str, Any]:
        """Gives what they are told of it, as of Dagster's own."""
        return {}

    def validate_partition_mapping(
        self, upstream_partitions_def: Partitions, downstream_partitions_def: Partitions | None
    ) -> None:
        """Lets everything load; see ``settle_mappings``."""

    def get_upstream_mapped_partitions_result_for_partitions(
        self,
        downstream_partitions_subset: Any,
        downstream_partitions_def: Partitions | None,
        upstream_partitions_def: Partitions,
        *others: Any,
        **named: Any,
    ) -> Any:
        if self.rows:
            _refuse(self.told(upstream_partitions_def))
        return self._of(
            upstream_partitions_def, downstream_partitions_def
        ).get_upstream_mapped_partitions_result_for_partitions(
            downstream_partitions_subset, downstream_partitions_def, upstream_partitions_def, *others, **named
        )

    def get_downstream_partitions_for_partitions(
        self,
        upstream_partitions_subset: Any,
        upstream_partitions_def: Partitions,
        downstream_partitions_def: Partitions,
        *others: Any,
        **named: Any,
    ) -> Any:
        return self._of(upstream_partitions_def, downstream_partitions_def).get_downstream_partitions_for_partitions(
            upstream_partitions_subset, upstream_partitions_def, downstream_partitions_def, *others, **named
        )

    def _of(self, upstream: Partitions, downstream: Partitions | None) -> dg.PartitionMapping:
        return (
            infer_partition_mapping(None, downstream, upstream)
            if self.told(upstream) is None
            else dg.AllPartitionMapping()
        )

    @property
    def description(self) -> str:
        return "The same partitions, or the time windows within the pipeline's own."


class TimeWindowPartitionMapping(dg.TimeWindowPartitionMapping):
    """Dagster's, which other processes know it by, so that it has its name; but it lets what nothing maps load."""

    told: Callable[[Partitions], str | None]

    def validate_partition_mapping(
        self, upstream_partitions_def: Partitions, downstream_partitions_def: Partitions | None
    ) -> None:
        """Lets everything load; see ``settle_mappings``."""

    def get_upstream_mapped_partitions_result_for_partitions(self, *given: Any, **named: Any) -> Any:
        theirs = named.get("upstream_partitions_def") or given[2]
        _refuse(self.told(theirs))
        return super().get_upstream_mapped_partitions_result_for_partitions(*given, **named)


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise SpecError(problem)


def _is_mapped(ours: Partitions, theirs: Partitions) -> bool:
    inferred = infer_partition_mapping(None, ours, theirs)
    try:
        inferred.validate_partition_mapping(theirs, ours)
    except dg.DagsterError:
        return False
    return not isinstance(inferred, dg.IdentityPartitionMapping) or _has_keys(ours, theirs)


def _has_keys(ours: Partitions, theirs: Partitions) -> bool:
    """Whether each key of ours is, or may become, one of theirs."""
    if isinstance(ours, dg.MultiPartitionsDefinition) and isinstance(theirs, dg.MultiPartitionsDefinition):
        these, those = ({dim.name: dim.partitions_def for dim in both.partitions_defs} for both in (ours, theirs))
        return these.keys() == those.keys() and all(_has_keys(these[name], those[name]) for name in these)
    if isinstance(ours, dg.StaticPartitionsDefinition) and isinstance(theirs, dg.StaticPartitionsDefinition):
        return {*ours.get_partition_keys()} <= {*theirs.get_partition_keys()}
    if isinstance(ours, dg.TimeWindowPartitionsDefinition) and isinstance(theirs, dg.TimeWindowPartitionsDefinition):
        return (ours.cron_schedule, ours.timezone) == (theirs.cron_schedule, theirs.timezone)
    if isinstance(ours, dg.DynamicPartitionsDefinition) and isinstance(theirs, dg.DynamicPartitionsDefinition):
        return ours.name == theirs.name
    return False


def _said(definition: Partitions) -> str:
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return f"by time ({definition.cron_schedule} from {definition.start:%Y-%m-%d} on, {definition.timezone})"
    if isinstance(definition, dg.StaticPartitionsDefinition):
        return f"static ({listed(definition.get_partition_keys())})"
    if isinstance(definition, dg.DynamicPartitionsDefinition):
        return f"dynamic ({definition.name})"
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return in_words(f"{dim.name} {_said(dim.partitions_def)}" for dim in definition.partitions_defs)
    return type(definition).__name__.removesuffix("PartitionsDefinition").lower()
