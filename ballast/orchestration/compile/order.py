"""An order in which a pipeline's nodes can run, the report last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.plan import REPORT, Node


def in_order(draft: Draft, nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Gives the nodes unit by unit, partitioned where what they are made from is; SpecError for a cycle of steps."""
    split = set(draft.spec.partitions.roles) if draft.spec.partitions else set()
    ordered: dict[str, Node] = {}
    for unit in _units(draft, nodes):
        members = [n for n in nodes.values() if n.unit == unit]
        partitioned = any(
            n.name in split or any(ordered[u].partitioned for u in n.upstream if u in ordered) for n in members
        )
        ordered |= {node.name: replace(node, partitioned=partitioned) for node in members}
    return {**ordered, REPORT: _report(ordered)}


def _units(draft: Draft, nodes: Mapping[str, Node]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for node in nodes.values():
        outer = {nodes[u].unit for u in node.upstream} - {node.unit}
        graph.setdefault(node.unit, set()).update(outer)
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise draft.fault("steps", f"these steps wait for each other: {cycle}; remove one of the references") from error


def _report(ordered: Mapping[str, Node]) -> Node:
    used = {upstream for node in ordered.values() for upstream in node.upstream}
    last = tuple(name for name in ordered if name not in used)
    partitioned = any(node.partitioned for node in ordered.values())
    return Node(
        REPORT, "report", "write_report", last, REPORT,
        partitioned=partitioned, description="What the run found, on a page.",
    )  # fmt: skip
