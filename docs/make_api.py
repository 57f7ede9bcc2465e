"""Lets mkdocstrings read docstrings whose sections say ``name : what it is``, and leave types to the code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ENTRY = re.compile(r"^([A-Za-z_][\w.*, ]*?) : ", re.MULTILINE)
TYPED = re.compile(r"[^\n]+\n +[A-Z\"`0-9]")
"""An entry as numpydoc has it already: a type, and a sentence on the lines below it."""
SECTION = re.compile(r"^(Parameters|Attributes|Raises)\n-+\n((?:(?!^\w[\w ]*\n-{3,}\n)[^\n]*\n?)*)", re.MULTILINE)


class Sections(Extension):
    """Writes entries as numpydoc has them: the name on a line of its own, what it is below it."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = in_numpydoc(obj.docstring.value)


def in_numpydoc(text: str) -> str:
    """Gives a docstring with the entries of its sections as numpydoc has them; other text as it is, links as code."""
    text = SECTION.sub(lambda match: f"{match[1]}\n{'-' * len(match[1])}\n{_entries(match[2])}\n", text)
    return text.replace("``", "`")


def _entries(body: str) -> str:
    parts = ENTRY.split(body.strip())
    told = list(zip(parts[1::2], parts[2::2], strict=True))
    if not told or all(TYPED.match(said) for _, said in told):
        return body
    return "\n".join(f"{names}\n    {' '.join(said.split())}" for names, said in told) + "\n"
