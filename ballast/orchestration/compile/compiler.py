"""Checks a spec and wires it: every name looked up, every method bound by its signature, every mistake found.

Nothing is read or computed here. What passes can be built into a Dagster graph, run, drawn and reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
from pydantic import ValidationError

from ballast.errors import SpecError
from ballast.orchestration.compile.bindings import bindings_of
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.flagging import with_passes
from ballast.orchestration.compile.gates import with_gates
from ballast.orchestration.compile.labels import check_labels
from ballast.orchestration.compile.lookup import check_encoder, look_up_methods
from ballast.orchestration.compile.names import check_data, check_names
from ballast.orchestration.compile.nodes import nodes_of
from ballast.orchestration.compile.order import in_order
from ballast.orchestration.compile.partitions import check_partitions
from ballast.orchestration.compile.promotion import check_whole
from ballast.orchestration.compile.references import check_references
from ballast.orchestration.compile.targets import check_split_targets, check_targets
from ballast.orchestration.compile.twice import check_counted_once
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.pipeline import PipelineSpec
from ballast.orchestration.spec.problems import error_of, what_is_left

Spec = TypeVar("Spec", bound=PipelineSpec)


def declared(cls: type[Spec], attributes: Any, context: dg.ResolutionContext, where: str, folder: Path) -> Spec:
    """Gives the spec that stands under ``attributes:`` in a file; `folder` is what paths in it count from.

    Raises SpecError with a line for each mistake: those in the keys and values, and those in what is sound of them.
    """
    try:
        return cls.declared(attributes, context, where)
    except SpecError as error:
        rest = what_is_left(attributes, error.__cause__) if isinstance(error.__cause__, ValidationError) else None
        more = _problems_of(cls, *rest, context, where, folder) if rest else []
        raise error_of([*str(error).split("\n"), *more]) from error


def _problems_of(
    cls: type[PipelineSpec], attributes: Any, unsound: set[str], context: dg.ResolutionContext, where: str, folder: Path
) -> list[str]:
    try:
        spec = cls.declared(attributes, context, where)
    except SpecError:
        return []
    try:
        compile_plan(spec, where=where, folder=folder, unsound=unsound)
    except SpecError as error:
        return str(error).split("\n")
    return []


def compile_plan(
    spec: PipelineSpec, *, where: str = "pipeline", folder: Path = Path(), unsound: Iterable[str] = ()
) -> Plan:
    """Checks a spec and gives its plan.

    Paths in it count from `folder`. `unsound` are the steps and data roles with a mistake that is known, of which
    nothing more is said.

    Raises SpecError with a line for each mistake: the file, the key, what was expected and the nearest valid name.
    """
    draft = Draft(spec, where, folder, unsound=set(unsound))
    check_names(draft)
    check_data(draft)
    check_labels(draft)
    check_partitions(draft)
    check_encoder(draft)
    look_up_methods(draft)
    check_references(draft)
    check_counted_once(draft)
    check_targets(draft)
    bindings = bindings_of(draft)
    nodes = with_passes(with_gates(draft, nodes_of(draft, bindings)))
    if draft.problems:
        raise error_of(draft.problems)
    ordered = in_order(draft, nodes)
    check_split_targets(draft, ordered)
    check_whole(draft, ordered)
    if draft.problems:
        raise error_of(draft.problems)
    return Plan(draft.spec, draft.where, ordered)
