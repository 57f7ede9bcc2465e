"""The gates behind each node: those that stand there by themselves, and the pipeline's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ballast.errors import nearest
from ballast.gates import Expectation, default_suite, mirrored, parse_suite, with_defaults
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.labels import behind, check_least_labelled
from ballast.orchestration.compile.names import MOST_STEPS
from ballast.orchestration.plan.plan import Node
from ballast.stages import GATED


def with_gates(draft: Draft, nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Gives the nodes with their suites; data roles that are checked against each other, each with both suites."""
    data = set(draft.spec.data)
    found: dict[str, Node] = {}
    for name, node in nodes.items():
        stage = node.stage if node.stage in GATED else None
        suite = tuple(e for e in default_suite(stage, _like(draft, node)) if e.roles <= data) if stage else ()
        if stage == "weigher" and {(b.term, b.role) for b in node.bindings} >= {("X", "train"), ("X_target", "target")}:
            suite += (Expectation("expect_improved_balance", severity="warn"),)
        found[name] = replace(node, suite=suite)
    for name in draft.spec.gates:
        with draft.noting():
            if name in found:
                for place, own in behind(draft, found, name, draft.spec.gates[name]).items():
                    suite = with_defaults(found[place].suite, _own(draft, name, found[place].stage, own))
                    found[place] = replace(found[place], suite=suite)
            elif name in draft.spec.steps or name in draft.unsound:
                _own(draft, name, draft.roles.get(name), draft.spec.gates[name])
            elif not (draft.problems and "/" in name):  # what stands beside a step may be missing for another mistake
                names = {*found, *draft.spec.steps}
                raise draft.fault(
                    f"gates.{name}", f"no step or data role {name!r}{nearest(name, names)} to put a gate behind"
                )
    sources = {name: node.suite for name, node in found.items() if node.stage == "source"}
    return found | {name: replace(found[name], suite=suite) for name, suite in mirrored(sources).items()}


def _like(draft: Draft, node: Node) -> str | None:
    """Gives which of the roles a source is, or is like."""
    return draft.spec.like(node.name) if node.stage == "source" else None


def _own(draft: Draft, name: str, stage: str | None, entries: Any) -> tuple[Expectation, ...]:
    """Gives the suite of the entries that the pipeline declares under a node's name."""
    key = f"gates.{name}"
    where, stage = f"{draft.where}: {key}", stage if stage in GATED else None
    many = isinstance(entries, list) and len(entries) > MOST_STEPS
    own = () if many else parse_suite(entries, where=where, stage=stage, folder=draft.folder)
    if many or len(own) > MOST_STEPS:
        raise draft.fault(key, f"more than {MOST_STEPS} expectations; keep those that matter")
    others = [role for role in draft.spec.data if role != name]
    for role in {role for e in own for role in e.roles if role not in others}:
        raise draft.fault(key, f"there is no other data role {role!r}{nearest(role, others)}")
    if stage == "metrics":
        check_least_labelled(draft, key, own)
    return own
