"""``ballast catalog``: the methods as a list that fits the terminal, and one method's whole card."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from ballast.cli.console import write_out
from ballast.cli.example import example_of
from ballast.errors import ParameterError, nearest
from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import catalog, methods
from ballast.methods.frame.claims import figure_of
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.words import plural

if TYPE_CHECKING:
    import pandas as pd

_LEAST = 24
"""Characters that what a method gives needs beside its name; on a narrower terminal the role is left out."""
_VERBATIM = ("In a pipeline", "In Python")


def print_catalog(
    console: Console, *, as_json: bool, room: str | None, role: str | None, verdict: str | None, search: str | None
) -> None:
    """Prints the methods that are asked for; ParameterError for a room, role or verdict that there is not."""
    cards = catalog()
    for column, asked in (("room", room), ("role", role), ("verdict", verdict)):
        if asked is not None:
            cards = cards[cards[column] == _known(asked, column, sorted(set(cards[column])))]
    if search is not None:
        cards = cards[[_holds(search, card) for card in cards.to_dict("records")]]
    if as_json:
        write_out(f"{cards.to_json(orient='records', indent=2)}\n")
    elif console.is_terminal:
        _print_list(console, cards)
    else:
        for card in cards.itertuples():
            console.print(f"{card.name}  {card.role}  {card.summary}", markup=False, highlight=False, soft_wrap=True)


def _known(asked: str, column: str, there: Sequence[str]) -> str:
    if asked not in there:
        raise ParameterError(f"there is no {column} {asked!r}{nearest(asked, there)} ({', '.join(there)})")
    return asked


def _holds(search: str, card: dict) -> bool:
    """Says whether all words stand in a method's card, or in what its class says of itself."""
    text = " ".join([*map(str, card.values()), inspect.getdoc(methods()[card["name"]]) or ""]).lower()
    return all(word in text for word in search.lower().split())


def _print_list(console: Console, cards: pd.DataFrame) -> None:
    names = min(max(map(len, cards["name"]), default=0) + 2, max(console.width - _LEAST, 0))
    roles = max(map(len, cards["role"]), default=0) + 2
    roles = roles if cards["role"].nunique() > 1 and names + roles + _LEAST <= console.width else 0
    for card in cards.itertuples():
        name = f"{card.name}  ".ljust(names)
        line = Text(name, style="bold").append(str(card.role).ljust(roles)[:roles], style="not bold cyan")
        line.append(_shortened(str(card.summary), console.width - len(name) - roles), style="not bold")
        console.print(line, no_wrap=True, crop=True)
    said = f"{plural(len(cards), 'method')}; `ballast catalog NAME` prints all of one"
    console.print(said, highlight=False, soft_wrap=True)


def _shortened(text: str, most: int) -> str:
    """Gives a text's first words, with three dots where it is longer."""
    if len(text) <= most:
        return text
    return text[: max(most - 3, 0)].rsplit(" ", 1)[0].rstrip(",;:") + " ..."


def print_card(console: Console, name: str) -> None:
    """Prints all that there is to know of one method; ParameterError with the nearest name where there is none."""
    if name not in methods():
        raise ParameterError(f"there is no method {name!r}{nearest(name, methods())}; `ballast catalog` lists all")
    cls = methods()[name]
    console.print(Text(cls.name, style="bold").append(f"  {cls.role}, {cls.room()}", style="not bold cyan"))
    for title, lines in _parts(cls):
        console.print()
        if title:
            console.print(Text(title, style="bold"))
        for line in lines:
            if console.is_terminal and title not in _VERBATIM:
                console.print(Padding(Text(line.lstrip()), (0, 0, 0, len(line) - len(line.lstrip()))))
            else:
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def _parts(cls: type[Method]) -> Iterator[tuple[str, list[str]]]:
    """Gives the titles of a card with their lines."""
    sections = _sections(inspect.getdoc(cls) or "")
    yield "", sections.pop("", [])
    example = sections.pop("Examples", [])
    if "Parameters" in sections:
        yield "Parameters", sections.pop("Parameters")
    if cls.entry_points:
        yield "Asks for", [f"  {line}" for line in _vocabulary(cls)]
    yield from sections.items()
    streams = f"yes: {', '.join(cls.stream_points)}" if cls.stream_points else "no: it is fitted on all rows at once"
    facts = {"In batches": streams, "Class": f"{cls.__module__}.{cls.__name__}", "Reference": cls.reference}
    if cls.claim:
        facts |= {"Claim": cls.claim.text, "Verdict": ": ".join(filter(None, [cls.claim.verdict, figure_of(cls)]))}
    facts["Survey ids"] = ", ".join(cls.survey_ids)
    yield "Facts", [f"  {name}: {value}" for name, value in facts.items() if value]
    yield "In a pipeline", [f"  {line}" for line in example_of(cls).splitlines()]
    if example:
        yield "In Python", [f"  {line}" for line in example]


def _sections(text: str) -> dict[str, list[str]]:
    """Gives the lines of a docstring by the title that they stand under, paragraphs in a line each."""
    parts = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)
    found = {"": _joined(parts[0])}
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        found[title] = body.rstrip().splitlines() if title == "Examples" else [f"  {line}" for line in _joined(body)]
    return found


def _joined(text: str) -> list[str]:
    """Gives each paragraph, entry and entry's description as one line, so that the terminal's own width breaks it."""
    lines: list[str] = []
    fresh, was_indented = True, False
    for line in text.strip().splitlines():
        indented = line.startswith("    ")
        if not line:
            lines.append("")
        elif fresh or indented != was_indented or re.match(r"[\w, ]+ : |- ", line):
            lines.append(line)
        else:
            lines[-1] += f" {line.strip()}"
        fresh, was_indented = not line, indented
    return lines


def _vocabulary(cls: type[Method]) -> Iterator[str]:
    for entry in (point for point in cls.entry_points if hasattr(cls, point)):
        for term, required in cls.needs(entry).items():
            about = VOCABULARY[term].about if term in VOCABULARY else "given in Python alone"
            yield f"{entry}: {term if required else f'[{term}]'}: {about}"
