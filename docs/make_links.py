"""Turns names of methods on the pages into links, and quotes their cards, whenever the documentation is built.

``kliep`` in backticks becomes a link to its page. A line ``{{ measured: kliep, raking }}`` becomes what was measured of
each, from the record of the claims: so that no page states a figure from memory. ``{{ see: kliep }}`` on a line of its
own becomes each one's summary. Code blocks and headings stay as they are.
"""

from __future__ import annotations

import inspect
import os
import re
from pathlib import PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from ballast.methods.frame.base import Method
from ballast.methods.frame.catalogue import methods
from ballast.methods.frame.claims import figure_of

QUOTE = re.compile(r"^\{\{ (measured|see): ([\w, ]+) \}\}$")
NAME = re.compile(r"(?<![\[`])`(\w+)`(?![\]`])")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Gives a page's Markdown with its quotes and links (called by mkdocs)."""
    path = page.file.src_uri
    return markdown if path == "methods.md" or path.startswith("methods/") else linked(markdown, path)


def linked(markdown: str, path: str) -> str:
    """Gives the Markdown of a page at a path below ``docs`` with its quotes and links.

    Raises PluginError for a quote of what is not a method.
    """
    up = os.path.relpath("methods", PurePosixPath(path).parent)
    lines, code = [], False
    for line in markdown.splitlines():
        fence = line.lstrip().startswith("```")
        code = code != fence
        if quote := None if code else QUOTE.match(line):
            lines += [_quoted(quote[1], name.strip(), path, up) for name in quote[2].split(",")]
        elif code or fence or line.startswith("#"):
            lines.append(line)
        else:
            lines.append(NAME.sub(lambda match: _link(match[1], up), line))
    return "\n".join(lines) + "\n"


def _link(name: str, up: str) -> str:
    return f"[`{name}`]({up}/{name}.md)" if name in methods() else f"`{name}`"


def _quoted(kind: str, name: str, path: str, up: str) -> str:
    if name not in methods():
        raise PluginError(f"{path} quotes {name}, which is not a method")
    cls = methods()[name]
    return f"- {_link(name, up)} {_measured(cls) if kind == 'measured' else _summary(cls)}"


def _summary(cls: type[Method]) -> str:
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ").replace("``", "`")
    return f"{summary[0].lower()}{summary[1:]}"


def _measured(cls: type[Method]) -> str:
    claim = cls.claim
    return f"(*{claim.verdict}*): {figure_of(cls) or claim.text}" if claim else "has not been measured."
