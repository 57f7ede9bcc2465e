"""HTML that cannot be broken by what it shows: everything that is not markup already is escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ballast.reporting.page.colours import stage_colours
from ballast.words import spaced

if TYPE_CHECKING:
    from ballast.reporting.snapshot import Step


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Status = Callable[["Step"], Markup]
"""Gives what is said of a step beside its name."""


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """Gives an element; children that are not ``Markup`` are escaped, None is left out, ``class_`` is class."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Markup:
    """Gives the children one after the other, escaped where they are not ``Markup``."""
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c)) for c in children if c is not None))


def number(value: object) -> str:
    """Gives a value for people: 1,234, 0.1235, 1.2e-05, yes, –."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {number(v)}" for key, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(number(v) for v in value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value)


TALL = 20
"""Rows from which on a table scrolls within a box of its own, under its head, and is searched."""


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    label: str,
    numeric: Sequence[int] = (),
    class_: str | None = None,
) -> Markup:
    """Gives a table that sorts by a click on its head, and is searched where it is long; ``label`` says what it shows.

    The first cell of a row is its head; ``numeric`` columns stand to the right.
    """
    body = [
        tag("tr", *(_cell(value, head=not j, class_="n" if j in numeric else None) for j, value in enumerate(row)))
        for row in rows
    ]
    heads = (
        tag("th" if text else "td", text, class_="n" if j in numeric else None, scope="col" if text else None)
        for j, text in enumerate(head)
    )
    content = tag("thead", tag("tr", *heads)), tag("tbody", *body)
    shown = tag("table", *content, aria_label=label, class_=class_)
    if len(body) <= TALL:
        return tag("div", shown, class_="scroll")
    return tag("div", shown, class_="scroll tall", tabindex="0", role="region", aria_label=label)


class Sorted(NamedTuple):
    """What a cell shows, and the number that it is sorted by."""

    shown: Markup
    by: float


def _cell(value: object, *, head: bool, class_: str | None) -> Markup:
    value, by = value if isinstance(value, Sorted) else (value, value)
    sortable = f"{by:.6g}" if isinstance(by, int | float) and not isinstance(by, bool) else None
    shown = value if isinstance(value, Markup) else number(value)
    name, scope = ("th", "row") if head else ("td", None)
    return tag(name, shown, class_=class_, scope=scope, data_v=sortable)


def facts(values: Mapping[str, object]) -> Markup | None:
    """Gives names and values in two columns; None where there are none."""
    if not values:
        return None
    pairs = (
        join((tag("dt", spaced(k)), tag("dd", v if isinstance(v, Markup) else number(v)))) for k, v in values.items()
    )
    return tag("dl", *pairs, class_="facts")


def chip(text: object, kind: str = "") -> Markup:
    return tag("span", text, class_=f"chip {kind}".strip())


def code(text: object) -> Markup:
    """Gives text as code that may break after an underscore."""
    return breakable("code", text)


def breakable(name: str, text: object) -> Markup:
    """Gives an element whose text may break after an underscore."""
    return Markup(tag(name, text).replace("_", "_<wbr>"))


def prose(text: str) -> Markup:
    """Gives a description with what stands in double backticks as code."""
    parts = text.split("``")
    return join(code(part) if j % 2 and j < len(parts) - 1 else part for j, part in enumerate(parts))


def document(title: str, body: Iterable[object]) -> str:
    """Gives a page that holds all it needs and fetches nothing."""
    here = Path(__file__).parent
    style, script = ((here / name).read_text("utf-8") for name in ("report.css", "report.js"))
    head = join(
        (
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(
                '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
                "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">"
            ),
            tag("title", title),
            tag("style", Markup(style + stage_colours())),
        )
    )
    page = tag("html", tag("head", head), tag("body", join(body), tag("script", Markup(script))), lang="en")
    return f"<!doctype html>\n{page}\n"
