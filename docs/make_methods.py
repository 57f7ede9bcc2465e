"""Writes a page a method from the catalogue, and the list of all, whenever the documentation is built."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ballast.cli.example import example_of
from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import figure_of
from ballast.methods.frame.parameters import defaults, describe
from ballast.methods.frame.vocabulary import VOCABULARY

LARGEST_ROOM = 20
"""Methods that one group of the navigation holds; a larger room has a group for each of its sub-rooms."""
GUIDES = {
    "shift": "guides/shift.md",
    "weights": "weights.md",
    "sampling": "guides/sampling.md",
    "labels": "guides/labels.md",
    "learners": "guides/learners.md",
    "robust": "guides/learners.md",
    "parts": "guides/learners.md",
    "out_of_distribution": "guides/novelty.md",
    "evaluation": "guides/evaluation.md",
    "features": "guides/features.md",
}
"""By room, the page that says which of its methods to take when."""

INTRODUCTION = """---
hide: [navigation, toc]
---

# All methods

For whoever looks for a method by what it needs or gives; the [guides](guides/index.md) start from the question instead.
The claim is the headline of the method's paper; the verdict says whether a test of this project reproduced it: choose
by it. A click on a heading of the table sorts by that column.

Words in *needs* are those of `ballast/methods/frame/vocabulary.py`; those in brackets may be left out.

<div class="methods" markdown>

| Method | What it gives | Role | Room | Verdict | In batches | Needs |
|---|---|---|---|---|---|---|
"""
COST = re.compile(r"\bCost(?:, ([^:\n]+))?:\s+(.+?)(?=\n\n|\n\w+\n-{3,}|\s+Errors: |\Z)", re.DOTALL)
VERDICTS = {
    "reproduced": "it held in a test of this project",
    "partly": "it held in part in a test of this project",
    "not reproduced": "it did not hold in a test of this project",
    "by definition": "the method claims nothing beyond its formula",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages to the site's files and to the section Methods of its navigation (called by mkdocs)."""
    for path, content in methods_pages(methods().values()).items():
        files.append(File.generated(config, path, content=content))
    section = next(entry["Methods"] for entry in config.nav or [] if isinstance(entry, dict) and "Methods" in entry)
    del section[1:]  # the list comes first; `mkdocs serve` calls this again
    for place, found in _by_place(methods().values()).items():
        section.append({_title(place): [{cls.name: f"methods/{cls.name}.md"} for cls in found]})
    return files


def methods_pages(classes: Iterable[type[Method]]) -> dict[str, str]:
    """Gives each page in Markdown by its path: the list of all first, then a page a method."""
    groups = _by_place(classes)
    ordered = sorted((cls for found in groups.values() for cls in found), key=lambda cls: cls.name)
    rows = "\n".join(map(_row, ordered))
    pages = {"methods.md": f"{INTRODUCTION}{rows}\n\n</div>\n"}
    for place, found in groups.items():
        for cls in found:
            pages[f"methods/{cls.name}.md"] = _page(cls, place, [other for other in found if other is not cls])
    return pages


def _by_place(classes: Iterable[type[Method]]) -> dict[str, list[type[Method]]]:
    """Gives the methods by room, or by room and sub-room (``weights/ratio``) where the room is large."""
    found: dict[str, list[type[Method]]] = {}
    every = sorted(classes, key=lambda cls: cls.name)
    for cls in every:
        large = sum(other.room() == cls.room() for other in every) > LARGEST_ROOM
        place = "/".join(cls.__module__.split(".")[2:-1]) if large else cls.room()
        found.setdefault(place, []).append(cls)
    return dict(sorted(found.items()))


def _title(place: str) -> str:
    return place.replace("_", " ").replace("/", ": ").capitalize()


def _about(cls: type[Method], place: str) -> str:
    """Gives what the package of a group says of itself."""
    package = ".".join(cls.__module__.split(".")[: 2 + len(place.split("/"))])
    return (inspect.getdoc(importlib.import_module(package)) or "").split("\n\n")[0]


def _summary(cls: type[Method]) -> str:
    return (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")


def _row(cls: type[Method]) -> str:
    name = f"[`{cls.name}`](methods/{cls.name}.md){{ #{cls.name} }}"  # an anchor too: links to methods.md#name hold
    verdict = cls.claim.verdict if cls.claim else ""
    batches = "yes" if cls.stream_points else ""
    cells = [name, _cell(_summary(cls)), cls.role, cls.room().replace("_", " "), verdict, batches, _needs(cls)]
    return f"| {' | '.join(cells)} |"


def _needs(cls: type[Method]) -> str:
    if not cls.entry_points:
        return "a network"
    return " ".join(f"`{name}`" if required else f"[`{name}`]" for name, required in cls.needs().items())


def _page(cls: type[Method], place: str, others: list[type[Method]]) -> str:
    """Gives a method's page: when to take it, whether it holds, how it is used, and all that it takes and gives."""
    text, cost = _parted(inspect.getdoc(cls) or "")
    prose, sections = _sections(text)
    summary, _, when = prose.partition("\n\n")
    parts = [f"---\ntitle: {cls.name}\n---\n\n# `{cls.name}`", _linked(summary.replace("\n", " "), cls), _facts(cls)]
    parts += [_linked(when, cls), *_claim(cls), f"## In a pipeline\n\n```yaml\n{example_of(cls).rstrip()}\n```"]
    if example := sections.pop("Examples", ""):
        parts.append(f"## In Python\n\n```pycon\n{example.rstrip()}\n```")
    parts += _parameters(cls, sections.pop("Parameters", ""))
    parts += _asks_for(cls)
    if cost:
        parts.append(f"## Cost\n\n{_linked(cost, cls)}")
    for title, text in sections.items():
        if not text.strip():
            continue
        body = _listed(text) if title in ("Attributes", "Raises") else text
        parts.append(f"## {title}\n\n{_linked(body, cls)}")
    parts.append(f"## See also\n\n{_see_also(cls, place, others)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _parted(text: str) -> tuple[str, str]:
    """Gives a docstring without what it says of its cost, and that: "Cost: ..." up to the paragraph's end."""
    found = COST.search(text)
    if found is None:
        return text, ""
    cost = f"{found[1]}: {found[2]}" if found[1] else found[2]
    return text[: found.start()] + text[found.end() :], f"{cost[0].upper()}{cost[1:]}"


def _sections(text: str) -> tuple[str, dict[str, str]]:
    """Gives what a docstring says before its first title, and its text by title."""
    first, *rest = re.split(r"^(\w[\w ]*)\n-{3,}\n", text, flags=re.MULTILINE)
    return first.strip(), dict(zip(rest[::2], rest[1::2], strict=True))


def _facts(cls: type[Method]) -> str:
    batches = "learns in batches" if cls.stream_points else "is fitted on all rows at once"
    guide = GUIDES.get(cls.room())
    room = cls.room().replace("_", " ")
    facts = [f"**{cls.role}**", f"room [{room}](../{guide})" if guide else f"room {room}"]
    facts += [f"claim **{cls.claim.verdict}**"] if cls.claim else []
    facts += [f"{batches}"] if cls.role in ("weigher", "test", "scorer", "assessor") else []
    return " · ".join(facts) + "\n{ .facts }"


def _claim(cls: type[Method]) -> Iterator[str]:
    if cls.claim is None:
        return
    told = figure_of(cls)
    measured = f"**Measured** {told}" if told else ""
    reference = f"**Reference** {cls.reference}" if cls.reference else ""
    verdict = f"**Verdict** {cls.claim.verdict}: {VERDICTS[cls.claim.verdict]}{', and this was measured' * bool(told)}."
    yield "\n\n".join(filter(None, ["## Does it hold?", f"**Claim** {cls.claim.text}", verdict, measured, reference]))


def _parameters(cls: type[Method], text: str) -> Iterator[str]:
    """Gives the parameters, each with its default, what it may be, and what the docstring says of it."""
    meant = _entries(text)
    lines = [
        f"- `{name}` {_default(value)} *{describe(cls, name)}*<br>{_linked(meant.get(name, ''), cls)}"
        for name, value in defaults(cls).items()
    ]
    if lines:
        yield "\n".join(["## Parameters\n", "Each with its default and what it may be.\n", *lines])


def _default(value: object) -> str:
    return "needed" if value is inspect.Parameter.empty else f"= `{value!r}`"


def _entries(text: str) -> Mapping[str, str]:
    """Gives what a section says of each name, by name; names that stand together share what is said."""
    return {name.strip(): said for names, _, said in _listing(text) for name in names.split(",")}


def _listing(text: str) -> Iterator[tuple[str, str, str]]:
    """Gives the entries of a section as numpydoc has them: names, their type ("" where none is said), what they are."""
    for entry in re.split(r"^(?=\S)", text.strip("\n"), flags=re.MULTILINE):
        if entry:
            head, _, said = entry.partition("\n")
            names, _, kind = head.partition(" : ")
            yield names.strip(), kind.strip(), " ".join(said.split())


def _listed(text: str) -> str:
    """Gives a section's entries as a list."""
    return "\n".join(f"- `{names}`{f' *{kind}*' if kind else ''}<br>{said}" for names, kind, said in _listing(text))


def _asks_for(cls: type[Method]) -> Iterator[str]:
    rows = []
    for entry in (point for point in cls.entry_points if hasattr(cls, point)):
        for term, required in cls.needs(entry).items():
            about = VOCABULARY[term].about if term in VOCABULARY else "given in Python alone"
            rows.append(f"| `{entry}` | `{term}` | {'yes' if required else ''} | {_cell(about)} |")
    if rows:
        head = "| Call | Argument | Needed | What it is |\n|---|---|---|---|"
        said = "A pipeline gives these by itself, from its data roles and the steps that the step names."
        yield "\n".join(["## What its calls ask for\n", f"{said}\n", head, *rows])


def _see_also(cls: type[Method], place: str, others: list[type[Method]]) -> str:
    lines = [f"- [`{other.name}`]({other.name}.md): {_summary(other)}" for other in others]
    return "\n".join([f"{_about(cls, place)}\n", *lines, f"\nClass: `{cls.__module__}.{cls.__name__}`"])


def _linked(text: str, cls: type[Method]) -> str:
    """Gives a text in Markdown, a paragraph a line, for a sum may go on in the next; other methods' names are links."""
    known = methods()
    paragraphs = [part if part.startswith((" ", "- ")) else " ".join(part.split()) for part in text.split("\n\n")]
    text = "\n\n".join(filter(str.strip, paragraphs))

    def link(match: re.Match[str]) -> str:
        name = match[1]
        return f"[`{name}`]({name}.md)" if name in known and name != cls.name else f"`{name}`"

    return re.sub(r"``(.+?)``", link, text, flags=re.DOTALL)


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
