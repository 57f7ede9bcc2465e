"""Writes the page of methods from the catalogue, whenever the documentation is built."""

from __future__ import annotations

import pandas as pd
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import ballast

INTRODUCTION = """# Methods

Every method by room, from `ballast.catalog()`. The claim is the headline of the method's paper; the verdict says
whether a test of this project reproduced it, and by how much: choose by it.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds methods.md to the site's files (called by mkdocs)."""
    files.append(File.generated(config, "methods.md", content=methods_page(ballast.catalog())))
    return files


def methods_page(cards: pd.DataFrame) -> str:
    """Gives the page in Markdown: one heading a room, one table row a method."""
    return INTRODUCTION + "".join(_room(str(room), rows) for room, rows in cards.groupby("room"))


def _room(room: str, cards: pd.DataFrame) -> str:
    head = ["Method", "Role", "What it gives", "Claim", "Verdict", "Reference"]
    rows = [head, ["---"] * len(head)]
    for card in cards.to_dict("records"):
        verdict = ": ".join(part for part in (card["verdict"], card["figure"]) if part)
        rows.append([f"`{card['name']}`", card["role"], card["summary"], card["claim"], verdict, card["reference"]])
    table = "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)
    return f"\n## {room.replace('_', ' ').capitalize()}\n\n{table}\n"


def _cell(value: str) -> str:
    """Gives a value that keeps to its table cell."""
    return " ".join(value.split()).replace("|", "\\|")
