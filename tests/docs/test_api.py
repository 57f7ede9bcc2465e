"""The pages on the Python interface: docstrings of either form become numpydoc's, and what is public is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import ballast
from tests.docs.test_pages import hook

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_docstring_when_entries_say_what_they_are_then_names_stand_alone_and_types_are_left_to_the_code():
    text = "Parameters\n----------\na, b : how many of\n    each; 3.\nc : ``None`` for none.\n\nNotes\n-----\nx : y\n"
    told = hook("make_api").in_numpydoc(text)
    assert "a, b\n    how many of each; 3.\nc\n    `None` for none.\n" in told
    assert told.endswith("Notes\n-----\nx : y\n")


def test_docstring_when_entries_have_types_then_left_as_they_are():
    text = "Attributes\n----------\na : int\n    How many.\nb : str\n    What, over\n    two lines.\n"
    assert hook("make_api").in_numpydoc(text).strip() == text.strip()


def test_pages_on_the_interface_when_read_then_hold_all_that_the_package_exports():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    told = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)", pages, re.MULTILINE)}
    assert {getattr(ballast, name).__name__ for name in ballast.__all__} <= told


def test_pages_on_the_interface_when_read_then_each_name_is_there():
    for page in (DOCS / "api").glob("*.md"):
        for name in re.findall(r"^::: (\S+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            module, _, last = name.rpartition(".")
            found = getattr(importlib.import_module(module), last, None)
            assert found is not None or importlib.import_module(name), f"{page.name}: {name}"
