"""The shape of a plan as the report draws it."""

from __future__ import annotations

from ballast.orchestration.plan import Plan
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
            notes=node.step.model_dump(exclude_none=True, exclude={"use", "description"}) if node.step else {},
        )
        for node in plan.nodes.values()
        if node.stage != "report"
    )
    return Outline(plan.spec.name, plan.spec.description, nodes)
