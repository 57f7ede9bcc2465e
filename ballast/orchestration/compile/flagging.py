"""What a step that flags its rows behind closed gates needs of the steps between: that they go on, for it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ballast.orchestration.plan.plan import Node
from ballast.stages import STAGES


def with_passes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Gives the nodes, those between a data role and a step that flags its rows passing the gates among themselves.

    Else that step would never run: what it is made from would have stopped before it. Whoever reads these for another
    end is held by the gates that they passed (``Node.guards``).
    """
    passing: set[str] = set()
    for node in nodes.values():
        if node.flags and node.role is not None:
            before = [f"{node.role}/features", *(u for u in node.upstream if not STAGES[nodes[u].stage].model)]
            passing |= {
                node.role,
                *(name for name in before if name in nodes and node.role in _behind(nodes, nodes[name])),
            }
    found = dict(nodes)
    for name, node in nodes.items():
        if name in passing:
            found[name] = replace(node, passes=node.passes | frozenset(node.upstream) & passing)
        elif not node.flags:
            behind = {u for up in node.upstream if up in passing for u in _behind(nodes, nodes[up]) & passing}
            found[name] = replace(node, guards=tuple(sorted(behind - {*node.upstream})))
    return found


def _behind(nodes: Mapping[str, Node], node: Node) -> set[str]:
    """Gives all that a node is made from, near and far."""
    found: set[str] = set()
    waiting = [*node.upstream]
    while waiting:
        name = waiting.pop()
        if name not in found and name in nodes:
            found.add(name)
            waiting += nodes[name].upstream
    return found
