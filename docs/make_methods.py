"""Writes the pages of methods from the catalogue, whenever the documentation is built.

``methods.md`` lists every method; the cards are on a page a room, or a page a sub-room where the room is large.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from collections.abc import Iterable

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import figure_of

LARGEST_PAGE = 20
"""Methods of a room that one page holds; a larger room gets a page for each of its sub-rooms."""

INTRODUCTION = """---
hide: [toc]
---

# Methods

Every method, as `ballast catalog` lists them. The claim is the headline of the method's paper; the verdict says whether
a test of this project reproduced it: choose by it. A click on a heading of the table sorts by that column.

Words in *needs* are those of `ballast/methods/frame/vocabulary.py`; those in brackets may be left out.

<div class="methods" markdown>

| Method | What it gives | Role | Room | Verdict | In batches | Needs |
|---|---|---|---|---|---|---|
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to the site's files and to the section Methods of its navigation (called by mkdocs)."""
    pages = methods_pages(methods().values())
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    section = next(entry["Methods"] for entry in config.nav or [] if isinstance(entry, dict) and "Methods" in entry)
    section += [path for path in pages if path not in section]
    return files


def methods_pages(classes: Iterable[type[Method]]) -> dict[str, str]:
    """Gives each page in Markdown by its path: the index first, then the pages of cards."""
    by_place: dict[str, list[type[Method]]] = {}
    rooms = Counter(cls.room() for cls in classes)
    for cls in sorted(classes, key=_place):
        place = _place(cls) if rooms[cls.room()] > LARGEST_PAGE else cls.room()
        by_place.setdefault(place, []).append(cls)
    path = {cls: f"methods/{place}.md" for place, found in by_place.items() for cls in found}
    rows = "\n".join(_row(cls, path[cls]) for cls in sorted(path, key=lambda cls: cls.name))
    pages = {"methods.md": f"{INTRODUCTION}{rows}\n\n</div>\n"}
    for place, found in by_place.items():
        title = place.replace("_", " ").replace("/", ": ").capitalize()
        cards = [_card(cls) for cls in sorted(found, key=lambda cls: cls.name)]
        pages[f"methods/{place}.md"] = "\n".join([f"# {title}\n\n{_about(found[0], place)}\n", *cards])
    return pages


def _place(cls: type[Method]) -> str:
    """Gives the room of a method, with its sub-room where it lies in one: ``weights/ratio``."""
    return "/".join(cls.__module__.split(".")[2:-1])


def _about(cls: type[Method], place: str) -> str:
    """Gives what the package of a page says of itself."""
    package = ".".join(cls.__module__.split(".")[: 2 + len(place.split("/"))])
    return (inspect.getdoc(importlib.import_module(package)) or "").split("\n\n")[0]


def _row(cls: type[Method], path: str) -> str:
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
    name = f"[`{cls.name}`]({path}#{cls.name}){{ #{cls.name} }}"  # an anchor too: links to methods.md#name hold
    verdict = cls.claim.verdict if cls.claim else ""
    batches = "yes" if cls.stream_points else ""
    cells = [name, summary, cls.role, cls.room().replace("_", " "), verdict, batches, _needs(cls)]
    return f"| {' | '.join(cells)} |"


def _needs(cls: type[Method]) -> str:
    if not cls.entry_points:
        return "a network"
    return " ".join(f"`{name}`" if required else f"[`{name}`]" for name, required in cls.needs().items())


def _card(cls: type[Method]) -> str:
    facts = {"Class": f"`{cls.__module__}.{cls.__name__}`", "Role": cls.role, "Needs": _needs(cls)}
    if cls.stream_points:
        facts["In batches"] = "yes: `partial_fit`, `merge`, `finalize`"
    if cls.claim:
        facts |= {"Reference": cls.reference, "Claim": cls.claim.text}
        facts["Verdict"] = ": ".join(part for part in (cls.claim.verdict, figure_of(cls)) if part)
    listed = "\n\n".join(f"**{name}** {value}" for name, value in facts.items() if value)
    return f"## `{cls.name}` {{ #{cls.name} }}\n\n{_markdown(cls)}\n\n{listed}\n"


def _markdown(cls: type[Method]) -> str:
    """Gives a docstring in Markdown: section titles bold, parameters and errors as lists, the example as code."""
    prose, _, example = (inspect.getdoc(cls) or "").partition("\nExamples\n--------\n")
    prose = re.sub(r"^(\w+)\n-+$", r"**\1**\n", prose, flags=re.MULTILINE)
    prose = re.sub(r"^([\w, ]+?) : ", r"- `\1`: ", prose, flags=re.MULTILINE)
    return f"{prose}\n\n**Example**\n\n```pycon\n{example}\n```" if example else prose
