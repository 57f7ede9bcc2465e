"""A pipeline as a picture: its steps in columns by depth, what reads what, and where a gate is closed."""

from __future__ import annotations

from collections.abc import Mapping

from ballast.reporting.outline import Node
from ballast.reporting.page.colours import colour_of
from ballast.reporting.page.html import Markup, join, tag
from ballast.reporting.snapshot import Snapshot, Step

BOX_WIDTH, BOX_HEIGHT = 158, 42
COLUMN, ROW = 200, 56
MARKS = {"open": "✓", "closed": "✕", "warned": "!", "forced": "!", "done": "", "not-run": ""}
SAID = {"open": "gates open", "closed": "gate closed", "warned": "gate warns", "forced": "gate forced", "done": "",
        "not-run": "not run"}  # fmt: skip
"""The marks in words."""


def lineage(snapshot: Snapshot) -> Markup:
    """Gives the lineage as one ``<svg>`` element; each node links to its card."""
    nodes = {step.node.asset: step.node for step in snapshot.steps.values()}
    columns = _columns(nodes)
    place = {
        asset: (4 + x * COLUMN, 4 + (y + (max(map(len, columns)) - len(column)) / 2) * ROW)
        for x, column in enumerate(columns)
        for y, asset in enumerate(column)
    }
    edges = [
        _edge(place[upstream], place[n.asset]) for n in nodes.values() for upstream in n.upstream if upstream in place
    ]
    boxes = [_box(step, *place[asset]) for asset, step in snapshot.steps.items()]
    width = 8 + (len(columns) - 1) * COLUMN + BOX_WIDTH
    height = 8 + (max(map(len, columns)) - 1) * ROW + BOX_HEIGHT
    return tag(
        "svg", *edges, *boxes,
        viewBox=f"0 0 {width} {height:.0f}", role="group", aria_label="lineage: what reads what",
        style=f"max-width:{1.25 * width:.0f}px;min-width:{min(width, 760):.0f}px",
    )  # fmt: skip


def _columns(nodes: Mapping[str, Node]) -> list[list[str]]:
    """Gives the assets by depth, each column in the order that keeps edges short."""
    depth: dict[str, int] = {}

    def depth_of(asset: str, path: tuple[str, ...] = ()) -> int:
        if asset not in depth:
            above = [u for u in nodes[asset].upstream if u in nodes and u not in path]
            depth[asset] = 1 + max((depth_of(u, (*path, asset)) for u in above), default=-1)
        return depth[asset]

    columns: list[list[str]] = [[] for _ in range(1 + max(map(depth_of, nodes)))]
    for asset in nodes:
        columns[depth[asset]].append(asset)
    height: dict[str, float] = {}
    for column in columns:
        wish = {a: _mean([height[u] for u in nodes[a].upstream if u in height]) for a in column}
        column.sort(key=lambda asset: wish[asset])
        height.update({asset: y - len(column) / 2 for y, asset in enumerate(column)})
    return columns


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _edge(start: tuple[float, float], end: tuple[float, float]) -> Markup:
    x0, y0 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT / 2
    x1, y1 = end[0], end[1] + BOX_HEIGHT / 2
    bend = (COLUMN - BOX_WIDTH) * 0.75
    path = f"M{x0:.0f} {y0:.0f}C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"
    return tag("path", class_="edge", d=path)


def _box(step: Step, x: float, y: float) -> Markup:
    node = step.node
    parts = [
        tag("title", f"{node.asset}: {node.use}" if node.use else node.asset),
        tag("rect", class_="box", width=BOX_WIDTH, height=BOX_HEIGHT, rx=8),
        tag("rect", width=5, height=BOX_HEIGHT - 16, x=7, y=8, rx=2.5, style=f"fill:{colour_of(node.stage)}"),
        tag("text", _cut(node.name, 17), x=19, y=18),
        tag("text", _cut(node.use.rpartition(".")[2], 19), class_="use", x=19, y=33),
        tag("text", MARKS[step.state], class_="mark", x=BOX_WIDTH - 17, y=17) if MARKS[step.state] else None,
    ]
    box = tag("g", join(parts), class_=step.state, transform=f"translate({x:.0f} {y:.0f})")
    told = ", ".join(filter(None, [node.name, node.use, SAID[step.state]]))
    return tag("a", box, href=f"#{anchor(node)}", aria_label=told)


def anchor(node: Node) -> str:
    """Gives the id of a node's card in the page."""
    return "step-" + "".join(c if c.isalnum() else "-" for c in node.name)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
