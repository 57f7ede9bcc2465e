"""Writes the page of methods from the catalogue, whenever the documentation is built."""

from __future__ import annotations

import inspect
import re

import pandas as pd
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import ballast
from ballast.methods.frame.catalogue import methods

INTRODUCTION = """# Methods

Every method by room, as `ballast catalog` lists them. The claim is the headline of the method's paper; the verdict
says whether a test of this project reproduced it: choose by it.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds methods.md to the site's files (called by mkdocs)."""
    files.append(File.generated(config, "methods.md", content=methods_page(ballast.catalog())))
    return files


def methods_page(cards: pd.DataFrame) -> str:
    """Gives the page in Markdown: for each room a table of its methods, then their cards."""
    parts = [INTRODUCTION]
    for room, rows in cards.groupby("room"):
        methods_of_room = rows.to_dict("records")
        parts += [f"## {str(room).replace('_', ' ').capitalize()}\n", _table(methods_of_room)]
        parts += map(_card, methods_of_room)
    return "\n".join(parts)


def _table(cards: list[dict]) -> str:
    lines = ["| Method | Role | What it gives | Verdict |", "|---|---|---|---|"]
    for card in cards:
        summary = card["summary"].replace("|", "\\|")
        lines.append(f"| [`{card['name']}`](#{card['name']}) | {card['role']} | {summary} | {card['verdict']} |")
    return "\n".join(lines) + "\n"


def _card(card: dict) -> str:
    facts = {
        "Class": f"`{card['class']}`",
        "Reference": card["reference"],
        "Claim": card["claim"],
        "Verdict": ": ".join(part for part in (card["verdict"], card["figure"]) if part),
    }
    listed = "\n\n".join(f"**{name}** {value}" for name, value in facts.items() if value)
    return f"### `{card['name']}` {{ #{card['name']} }}\n\n{_markdown(methods()[card['name']])}\n\n{listed}\n"


def _markdown(method: type) -> str:
    """Gives a docstring in Markdown: its section titles bold, each parameter or error an item of a list."""
    text = re.sub(r"^(\w+)\n-+$", r"**\1**\n", inspect.getdoc(method) or "", flags=re.MULTILINE)
    return re.sub(r"^([\w, ]+?) : ", r"- `\1`: ", text, flags=re.MULTILINE)
