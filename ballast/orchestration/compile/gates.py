"""The gates behind each node: those that stand there by themselves, and the pipeline's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ballast.errors import nearest
from ballast.gates import Expectation, default_suite, mirrored, parse_suite, with_defaults
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.names import MOST_STEPS
from ballast.orchestration.plan.plan import Node
from ballast.stages import GATED


def with_gates(draft: Draft, nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Gives the nodes with their suites; data roles that are checked against each other, each with both suites."""
    gates, data = dict(draft.spec.gates), set(draft.spec.data)
    found: dict[str, Node] = {}
    for name, node in nodes.items():
        stage = node.stage if node.stage in GATED else None
        suite = tuple(e for e in default_suite(stage, node.role) if e.roles <= data) if stage else ()
        if stage == "weigher" and {(b.term, b.role) for b in node.bindings} >= {("X", "train"), ("X_target", "target")}:
            suite += (Expectation("expect_improved_balance", severity="warn"),)
        if name in gates:
            if len(gates[name]) > MOST_STEPS:
                raise draft.fault(f"gates.{name}", f"more than {MOST_STEPS} expectations; keep those that matter")
            own = parse_suite(gates.pop(name), where=f"{draft.where}: gates.{name}", stage=stage)
            others = [role for role in draft.spec.data if role != name]
            for role in {role for e in own for role in e.roles if role not in others}:
                raise draft.fault(f"gates.{name}", f"there is no other data role {role!r}{nearest(role, others)}")
            suite = with_defaults(suite, own)
        found[name] = replace(node, suite=suite)
    for name in gates:
        raise draft.fault(f"gates.{name}", f"no step or data role {name!r}{nearest(name, found)} to put a gate behind")
    sources = {name: node.suite for name, node in found.items() if node.stage == "source"}
    return found | {name: replace(found[name], suite=suite) for name, suite in mirrored(sources).items()}
