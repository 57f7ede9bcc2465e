"""Whether what a pipeline is split by can be meant."""

from __future__ import annotations

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.spec.occasions import BETWEEN, DimensionSpec, PartitionsSpec
from ballast.words import shown


def check_partitions(draft: Draft) -> None:
    """Notes what is wrong with the partitions, and with the roles that they split."""
    if (partitions := draft.spec.partitions) is None:
        return
    with draft.noting():
        if partitions.multi is not None:
            _check_multi(draft, partitions, partitions.multi)
        elif partitions.column is None:
            raise draft.fault("partitions.column", "this key is missing")
        else:
            _check_dimension(draft, "partitions", partitions)
    for role in partitions.roles:
        with draft.noting():
            draft.check_role(role, "partitions.roles")


def _check_multi(draft: Draft, partitions: PartitionsSpec, multi: dict[str, DimensionSpec]) -> None:
    for key in DimensionSpec.model_fields:
        if key in partitions.model_fields_set:
            raise draft.fault(
                f"partitions.{key}", f"beside multi this key is of one of its dimensions ({', '.join(multi)})"
            )
    if len(multi) != 2:
        raise draft.fault(
            "partitions.multi",
            f"Dagster splits by exactly two columns, and these are {len(multi)}; for one write `partitions: {{column: "
            "...}}`, of more make one in the source",
        )
    for name, dimension in multi.items():
        _check_dimension(draft, f"partitions.multi.{name}", dimension)
        if odd := [key for key in dimension.static or () if BETWEEN in key]:
            raise draft.fault(
                f"partitions.multi.{name}.static", f"{shown(odd[0])} holds {BETWEEN}, which stands between the two keys"
            )
    if len(partitions.dimensions) < len(multi):
        raise draft.fault(
            "partitions.multi", f"both split by the column {next(iter(partitions.dimensions))!r}; name two"
        )


def _check_dimension(draft: Draft, where: str, dimension: DimensionSpec) -> None:
    if len(dimension.kinds) != 1:
        raise draft.fault(
            where,
            "give exactly one of static (a list of keys), time (daily, weekly ...) and dynamic (the name of "
            "Dagster's dynamic partitions)",
        )
    if dimension.time and not dimension.start:
        raise draft.fault(f"{where}.start", "a time partition needs its first day, as YYYY-MM-DD")
    if dimension.start and dimension.end and dimension.end <= dimension.start:
        raise draft.fault(f"{where}.end", f"the end must lie after the start, {dimension.start}")
    for key in {"start", "end", "timezone"} & dimension.model_fields_set if not dimension.time else ():
        raise draft.fault(f"{where}.{key}", f"only partitions by time have one; these are {dimension.kinds[0]}")
