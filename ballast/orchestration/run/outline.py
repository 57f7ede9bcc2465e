"""The shape of a plan as the report draws it."""

from __future__ import annotations

from functools import partial
from typing import Any

from ballast.orchestration.plan.partitions import is_declared
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.read.sources import COLUMN_KEYS
from ballast.reporting import Node as OutlineNode
from ballast.reporting import Outline


def outline_of(plan: Plan) -> Outline:
    """Gives the pipeline's nodes and edges for the report, the report itself left out."""
    nodes = tuple(
        OutlineNode(
            name=node.name,
            asset=plan.asset(node.name),
            stage=node.stage,
            use=node.use,
            upstream=tuple(plan.asset(u) for u in node.upstream),
            description=node.description,
            notes=_notes(plan, node),
        )
        for node in plan.nodes.values()
        if node.stage != "report"
    )
    return Outline(plan.spec.name, plan.spec.description, nodes, partial(is_declared, plan.spec.partitions))


def _notes(plan: Plan, node: Node) -> dict[str, Any]:
    """Gives the other keys of a step, and of a source the columns by what they mean."""
    if node.step is not None:
        other = {"use", "description", "retries", "pool", "op_tags", "to", *({"on_closed"} if node.step.use else ())}
        written = node.step.model_dump(exclude_none=True, exclude=other, by_alias=True)
        return {key: value for key, value in written.items() if value != [] or key != "with"}
    data = plan.spec.data.get(node.name)
    return {} if data is None else data.model_dump(include=set(COLUMN_KEYS), exclude_none=True)
