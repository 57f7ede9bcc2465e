"""What a node's result depends on beside its inputs: the code behind it, and what of the spec it was made by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ballast import __version__
from ballast.methods.frame.catalogue import resolve
from ballast.methods.frame.closure import closure, digest, digest_of
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.provide.arguments import decided_by
from ballast.orchestration.provide.columns import declared, left_out
from ballast.orchestration.run.inputs import Inputs

STAGES = "ballast.orchestration.run.stages"
WITHIN = (
    "ballast.compute",
    "ballast.methods",
    "ballast.orchestration.plan",
    "ballast.orchestration.provide",
    "ballast.orchestration.read",
    "ballast.orchestration.run.inputs",
    STAGES,
    "ballast.warehouse.tables.matrices",
)
"""What lies between a method and the tables before and after it; the rest of Ballast changes no numbers."""


def code_version(plan: Plan, node: Node) -> str:
    """Gives what changes when the code behind a node does: Ballast's version, and a digest.

    The digest is of all that the node's method and those named in its parameters reach by imports, and of the code that
    hands it its arguments and takes its result.
    """
    if node.stage in ("source", "report"):
        return __version__
    made_by = node.step or plan.spec.features
    named = [made_by.use] if made_by.use else []
    method = digest(*map(resolve, named), *sorted(set(_texts(made_by.params))))
    return f"{__version__}+{method[:12]}.{digest_of(stage_modules())[:12]}"


@cache
def stage_modules() -> frozenset[str]:
    """Gives the modules that carry tables to a method and its result back to tables."""
    return closure(STAGES, within=lambda module: module.startswith(WITHIN))


def _texts(value: Any) -> Iterator[str]:
    """Gives every text in a step's parameters, for any may name a method."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def what_is_done(inputs: Inputs) -> dict[str, Any]:
    """Gives what a node's result depends on beside its inputs' tables and its code.

    The tables say what is in them; which of their columns is the label, say, the spec alone. Only what the node's own
    calls read of it counts, so that another label of the test rows leaves all that is made of the others as it is.
    """
    node, spec = inputs.node, inputs.spec
    if node.step is not None:
        return {"step": node.step.model_dump(exclude={"description"}), "seed": spec.seed, "read": decided_by(inputs)}
    if node.stage == "encoder":
        return {"features": spec.features.model_dump(), "seed": spec.seed, "left_out": left_out(spec, "train")}
    if node.stage == "features":
        role = str(node.role)
        return {**declared(inputs, role), "left_out": left_out(spec, "train", role)}
    return {}
