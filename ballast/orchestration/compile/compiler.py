"""Checks a spec and wires it: every name looked up, every method bound by its signature, every mistake found.

Nothing is read or computed here. What passes can be built into a Dagster graph, run, drawn and reported.
"""

from __future__ import annotations

from ballast.errors import SpecError
from ballast.orchestration.compile.bindings import bindings_of
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.gates import with_gates
from ballast.orchestration.compile.lookup import check_encoder, look_up_methods
from ballast.orchestration.compile.names import check_data, check_names
from ballast.orchestration.compile.nodes import nodes_of
from ballast.orchestration.compile.order import in_order
from ballast.orchestration.compile.references import check_references
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.pipeline import PipelineSpec
from ballast.words import one_line


def compile_plan(spec: PipelineSpec, *, where: str = "pipeline") -> Plan:
    """Checks a spec and gives its plan.

    Raises SpecError naming the file, the key, what was expected and the nearest valid name.
    """
    try:
        return _plan(Draft(spec, where))
    except SpecError as error:
        raise SpecError(one_line(str(error))) from error


def _plan(draft: Draft) -> Plan:
    check_names(draft)
    check_data(draft)
    check_encoder(draft)
    look_up_methods(draft)
    check_references(draft)
    bindings = {name: bindings_of(draft, name) for name in draft.spec.steps}
    nodes = with_gates(draft, nodes_of(draft, bindings))
    return Plan(draft.spec, draft.where, in_order(draft, nodes))
