"""Draws the house from its imports, whenever the documentation is built: rooms as boxes, each above what it imports."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from pathlib import Path

import grimp
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import ballast

PICTURES = {"house": "ballast", "house-orchestration": "ballast.orchestration", "house-methods": "ballast.methods"}
WIDTH, GAP, STAIRS = 1040, 18, 44
"""Of a picture; between the boxes of a floor; between two floors. In pixels, as all here."""
WIDEST, PADDING, TITLE, LINE, LETTER = 300, 10, 18, 15, 6.6
STYLE = (
    "text{font-family:system-ui,sans-serif;fill:#1f2933}.name{font-size:14px;font-weight:600}.says{font-size:12px}"
    "rect{fill:#f5f7fa;stroke:#3f51b5;stroke-width:1.2}path{fill:none;stroke:#8a94a6;stroke-width:1.2}"
)
Box = tuple[float, float, float, float]
"""Left, top, width, height."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pictures to the site's files (called by mkdocs)."""
    for name, package in PICTURES.items():
        files.append(File.generated(config, f"images/{name}.svg", content=picture(package)))
    return files


def picture(package: str) -> str:
    """Gives the rooms of a package as SVG, every arrow from a room to one that it imports."""
    below = imports(package)
    floors = floors_of(below)
    boxes = placed(package, floors)
    height = max(top + tall for _, top, _, tall in boxes.values())
    shown = [arrow(boxes, below, room, lower) for room in below for lower in direct(below, room)]
    shown += [box(room, says(package, room), boxes[room]) for room in boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {WIDTH + 2} {height + 2:.0f}" role="img">'
        f'<title>The rooms of {package}</title><style>{STYLE}</style><defs><marker id="head" viewBox="0 0 8 8" '
        'refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" '
        f'style="fill:#8a94a6;stroke:none"/></marker></defs>{"".join(shown)}</svg>'
    )


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph("ballast", cache_dir=None, exclude_type_checking_imports=True)


def imports(package: str) -> dict[str, set[str]]:
    """Gives which rooms of a package each room imports. Rooms are packages; of Ballast itself, modules too."""
    folder = Path(ballast.__path__[0], *package.split(".")[1:])
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    rooms |= {path.stem for path in folder.glob("[a-z]*.py")} if package == "ballast" else set()
    below: dict[str, set[str]] = {room: set() for room in rooms}
    for room in rooms:
        for module in {f"{package}.{room}", *_graph().find_descendants(f"{package}.{room}")}:
            found = _graph().find_modules_directly_imported_by(module)
            names = {name.removeprefix(f"{package}.").split(".")[0] for name in found if name.startswith(f"{package}.")}
            below[room] |= names & rooms - {room}
    return below


def floors_of(below: Mapping[str, set[str]]) -> list[list[str]]:
    """Gives the rooms by floor, the lowest first: each stands one above the highest room that it imports."""

    @cache
    def level(room: str) -> int:
        return 1 + max(map(level, below[room]), default=-1)

    floors: list[list[str]] = [[] for _ in range(1 + max(map(level, below)))]
    for room in sorted(below):
        floors[level(room)].append(room)
    return floors


def direct(below: Mapping[str, set[str]], room: str) -> set[str]:
    """Gives the rooms that a room imports, without those that it reaches by way of another one."""

    @cache
    def reached(start: str) -> frozenset[str]:
        return frozenset(below[start]).union(*(reached(lower) for lower in below[start]))

    return below[room] - {far for lower in below[room] for far in reached(lower)}


def says(package: str, room: str) -> str:
    """Gives the first sentence of a room's docstring."""
    folder = Path(ballast.__path__[0], *package.split(".")[1:])
    file = folder / room / "__init__.py"
    text = (file if file.exists() else folder / f"{room}.py").read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    return " ".join(first.split()).partition(". ")[0].rstrip(".").replace("``", "")


def placed(package: str, floors: list[list[str]]) -> dict[str, Box]:
    """Gives each room its box, the highest floor on top."""
    boxes: dict[str, Box] = {}
    top = 0.0
    for floor in reversed(floors):
        width = min((WIDTH - GAP * (len(floor) - 1)) / len(floor), WIDEST)
        lines = max(len(wrapped(says(package, room), width)) for room in floor)
        height = 2 * PADDING + TITLE + LINE * lines
        left = (WIDTH - width * len(floor) - GAP * (len(floor) - 1)) / 2
        for place, room in enumerate(floor):
            boxes[room] = (left + place * (width + GAP), top, width, height)
        top += height + STAIRS
    return boxes


def wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, int((width - 2 * PADDING) / LETTER), break_on_hyphens=False)


def box(room: str, text: str, place: Box) -> str:
    left, top, width, height = place
    lines = "".join(
        f'<tspan x="{left + PADDING:.0f}" dy="{LINE}">{escape(line)}</tspan>' for line in wrapped(text, width)
    )
    return (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="4"/>'
        f'<text class="name" x="{left + PADDING:.0f}" y="{top + PADDING + 12:.0f}">{room}</text>'
        f'<text class="says" y="{top + PADDING + TITLE:.0f}">{lines}</text>'
    )


def arrow(boxes: Mapping[str, Box], below: Mapping[str, set[str]], room: str, lower: str) -> str:
    """Gives a line from the foot of a room to the head of a lower one; lines of one box start and end side by side."""
    x = _port(boxes, room, sorted(direct(below, room), key=lambda other: boxes[other][0]), lower)
    to = _port(boxes, lower, _above(boxes, below, lower), room)
    y, end = boxes[room][1] + boxes[room][3], boxes[lower][1]
    bend = min(STAIRS, (end - y)) * 0.6
    return (
        f'<path marker-end="url(#head)" d="M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {to:.0f} {end - bend:.0f} '
        f'{to:.0f} {end:.0f}"/>'
    )


def _above(boxes: Mapping[str, Box], below: Mapping[str, set[str]], lower: str) -> list[str]:
    return sorted((room for room in below if lower in direct(below, room)), key=lambda other: boxes[other][0])


def _port(boxes: Mapping[str, Box], room: str, others: Iterable[str], other: str) -> float:
    left, _, width, _ = boxes[room]
    order = list(others)
    return left + width * (order.index(other) + 1) / (len(order) + 1)
