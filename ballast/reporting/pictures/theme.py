"""How figures look, and how they leave matplotlib: as SVG text or as an image in Markdown.

Figures are matplotlib ``Figure`` objects made without pyplot, 480 px wide, with as few artists as will do: a step of a
pipeline draws one every time it runs.
"""

from __future__ import annotations

import base64
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_ROWS = 12
"""Features, models or slices that one figure names; the rest is counted in the subtitle."""

WIDTH = 480
"""Width of every figure in CSS pixels; one point of a figure is one pixel of its SVG."""

INK, MUTED, GRID, PAPER = "#1f2933", "#5c6b7a", "#dde3e9", "#ffffff"
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#94a1ae"  # Okabe & Ito: told apart by the colour-blind
COLOURS = {
    "ink": INK,
    "muted": MUTED,
    "grid": GRID,
    "paper": PAPER,
    "blue": BLUE,
    "orange": ORANGE,
    "green": GREEN,
    "grey": GREY,
}
"""Colours by the name of the CSS variable that stands for each in a page of two themes."""

INKS = {"orange-ink": ORANGE, "green-ink": GREEN}
"""Of these colours small text is not read on light paper: the page has darker ones for it."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


def panel(
    title: str = "",
    subtitle: str = "",
    *,
    height: float,
    left: float = 16,
    right: float = 16,
    bottom: float = 34,
    legend: Sequence[tuple[str, str]] = (),
) -> tuple[Figure, Axes]:
    """Gives a figure with a title above one bare panel; margins and height in pixels.

    Below the title stands the subtitle, or the texts of a legend in their colours; each line of either after the first
    makes the figure higher.
    """
    from ballast.reporting.pictures.drawing import Drawing

    heads = wrapped(title, 62)
    lines = legend_lines(legend) if legend else [[(16.0, line, MUTED)] for line in wrapped(subtitle, 82)]
    height += 16 * max(len(lines) - 1, 0) + 17 * max(len(heads) - 1, 0)
    below = 17 * len(heads) + (4 if heads else 0)  # pixels that the title takes
    top = 17 + below + 16 * len(lines)
    figure = Drawing(figsize=(WIDTH / 72, height / 72), dpi=72, facecolor=PAPER)
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, 1 - (bottom + top) / height))
    axes.axis("off")
    axes.margins(0)
    for j, text in enumerate(heads):
        figure.text(16 / WIDTH, 1 - (23 + 17 * j) / height, text, size=13, weight="bold", color=INK)
    for j, line in enumerate(lines):
        for x, text, colour in line:
            figure.text(x / WIDTH, 1 - (20 + below + 16 * j) / height, text, size=11, color=colour)
    return figure, axes


def x_scale(
    axes: Axes,
    low: float,
    high: float,
    label: str = "",
    *,
    grid: bool = True,
    written: Callable[[Sequence[float]], list[str]] | None = None,
) -> None:
    """Sets the horizontal range and writes its ticks and label below the panel; ``written`` gives the ticks' texts."""
    axes.set_xlim(low, high)
    at = ticks(low, high, 5)
    if grid:
        axes.vlines(at, 0, 1, transform=axes.get_xaxis_transform(), color=GRID, linewidth=1, zorder=0)
    height = axes.get_window_extent().height
    for value, text in zip(at, (written or in_short)(at), strict=True):
        axes.text(value, -14 / height, text, transform=axes.get_xaxis_transform(), size=10.5, color=MUTED, ha="center")
    lines = wrapped(label, int((axes.get_window_extent().x1 - 8) / 6))
    _grow(axes, 14 * max(len(lines) - 1, 0))
    for j, line in enumerate(lines):
        axes.text(1, -(29 + 14 * j) / height, line, transform=axes.transAxes, size=10.5, color=MUTED, ha="right")


def _grow(axes: Axes, pixels: float) -> None:
    """Makes a figure higher at its foot; what stands in it keeps its size and its distance from the head."""
    figure = axes.get_figure(root=True)
    if figure is None or not pixels:
        return
    before = figure.get_figheight() * 72
    after = before + pixels
    box = axes.get_position()
    figure.set_figheight(after / 72)
    axes.set_position((box.x0, (box.y0 * before + pixels) / after, box.width, box.height * before / after))
    for text in figure.texts:
        text.set_y(1 - (1 - text.get_position()[1]) * before / after)


def y_scale(axes: Axes, high: float, label: str = "", *, low: float = 0.0) -> None:
    """Sets a vertical range, from zero on, with grid lines labelled at the left and the unit at the highest."""
    axes.set_ylim(low, high)
    at = [v for v in ticks(low, high, 3) if v > low]
    axes.hlines(at, 0, 1, transform=axes.get_yaxis_transform(), color=GRID, linewidth=1, zorder=0)
    axes.axhline(low, color=MUTED, linewidth=1, zorder=3)
    width = axes.get_window_extent().width
    at_left = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center_baseline"}
    texts = in_short(at)
    unit = f" {label}" if label == "%" else f"\n{label}"
    for value, text in zip(at, [*texts[:-1], f"{texts[-1]}{unit}".rstrip()] if at else [], strict=True):
        axes.text(-6 / width, value, text, **at_left, **small())


def ticks(low: float, high: float, n: int) -> list[float]:
    """Gives at most n + 1 round values within the range."""
    from matplotlib.ticker import MaxNLocator

    slack = 1e-9 * (high - low)
    return [
        float(v) for v in MaxNLocator(n, steps=[1, 2, 5, 10]).tick_values(low, high) if low - slack <= v <= high + slack
    ]


def in_short(values: Sequence[float]) -> list[str]:
    """Gives the values in one short notation: 0.25, 1,200, 12k."""
    top = max((abs(v) for v in values), default=0.0)
    if top >= 10_000:
        scale, unit = (1e6, "M") if top >= 1e6 else (1e3, "k")
        return [f"{v / scale:g}{unit}" if v else "0" for v in values]
    return [f"{v:,.0f}" if top >= 1000 else f"{round(v, 10):g}" for v in values]


def shorten(text: object, length: int) -> str:
    """Gives the text on one line, cut with an ellipsis; matplotlib's markup and control characters are disarmed."""
    line = _printable(text)
    line = line if len(line) <= length else line[: length - 1].rstrip() + "…"
    return line.replace("$", r"\$")


def wrapped(text: object, length: int, most: int = 2) -> list[str]:
    """Gives the text on lines, the last one cut with an ellipsis where they are too few; disarmed as in ``shorten``."""
    lines = textwrap.wrap(_printable(text), length, max_lines=most, placeholder="…")
    return [line.replace("$", r"\$") for line in lines]


def _printable(text: object) -> str:
    return "".join(c for c in " ".join(str(text).split()) if c.isprintable())


def row_names(axes: Axes, names: Sequence[object], *, length: int = 26) -> None:
    """Writes names left of the panel at y = 0, -1, -2, ..."""
    axes.set_ylim(0.6 - len(names), 0.6)
    width = axes.get_window_extent().width
    for j, name in enumerate(names):
        axes.text(
            -8 / width, -j, shorten(name, length), transform=axes.get_yaxis_transform(),
            size=11, color=INK, ha="right", va="center_baseline",
        )  # fmt: skip


def name_margin(names: Sequence[object], *, length: int = 26) -> float:
    """Gives the left margin that the names need, in pixels."""
    longest = max((min(len(str(n)), length) for n in names), default=0)
    return max(40.0, 26 + 6.4 * longest)


def legend_lines(entries: Sequence[tuple[str, str]]) -> list[list[tuple[float, str, str]]]:
    """Gives the entries as lines of (x in pixels, text, colour) that fit the figure."""
    lines: list[list[tuple[float, str, str]]] = [[]]
    x = 16.0
    for text, colour in entries:
        width = 12 + 6.4 * len(text)
        if lines[-1] and x + width > WIDTH:
            lines.append([])
            x = 16.0
        lines[-1].append((x, text, colour))
        x += width
    return lines


def headed(text: str) -> str:
    """Gives a text with a capital at its head."""
    return text[:1].upper() + text[1:]


def small(**options: Any) -> dict[str, Any]:
    """Gives the text options of small print."""
    return {"size": 10.5, "color": MUTED, **options}


def as_svg(figure: Figure, described: str = "") -> str:
    """Gives the figure as one ``<svg>`` element: text stays text, the same figure gives the same bytes.

    ``described`` is what is read out to who cannot see it; without it the title and what stands below.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ballast"}):
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's fonts draw the text, not matplotlib's
        FigureCanvasSVG(figure).print_svg(
            buffer, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)  # would rule a whole page
    told = described or ". ".join(text.get_text().replace(r"\$", "$") for text in figure.texts)
    label = escape(_printable(told)).replace("\\", r"\\")
    size = rf'width="\1" height="\2" stroke-linejoin="round" role="img" aria-label="{label}"'
    svg = re.sub(r'width="([\d.]+)pt" height="([\d.]+)pt"', size, svg, count=1)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", FONT, svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    return re.sub(r"\s*\n\s*", " ", svg).strip()


def as_markdown(figure: Figure, *, format: Literal["svg", "png"] = "svg") -> str:
    """Gives the figure as a Markdown image with its data inside; the Dagster UI and notebooks show it."""
    if format == "svg":
        data, mime = as_svg(figure).encode(), "image/svg+xml"
    else:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        buffer = io.BytesIO()
        FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=144)
        data, mime = buffer.getvalue(), "image/png"
    return f"![figure](data:{mime};base64,{base64.b64encode(data).decode()})"


def themed(svg: str, prefix: str) -> str:
    """Gives an SVG for a page: colours as CSS variables, and ids that no other figure of the page has."""
    for name, colour in INKS.items():
        svg = re.sub(rf"(<text[^>]*fill: ){colour}", rf"\g<1>var(--{name})", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
