"""Every public class and function shows in its docstring how it is used, and what is shown there is what comes out."""

from __future__ import annotations

import doctest
import inspect
import tempfile
from typing import Any

import pytest

import ballast
from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.frame.catalogue import index, methods
from ballast.orchestration.graph.component import Pipeline
from ballast.warehouse import ModelStore, Warehouse

OTHERS = {
    f"{shown.__name__}(": shown
    for shown in (ballast.method, ballast.catalog, FeatureEncoder, ModelStore, Pipeline, Warehouse)
}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WIDTH = 78
"""Characters of a line of an example, so that cards, which indent it by two, fit 80 columns."""


def example(shown: Any) -> doctest.DocTest:
    """Gives what a docstring shows under the title Examples, its last section."""
    prose, title, code = (inspect.getdoc(shown) or "").partition("\nExamples\n--------\n")
    assert title, (
        f"{shown.__name__} has no section Examples in its docstring: end it with the title, and below it lines such as "
        '>>> import ballast, >>> weigher = ballast.method("..."), and what comes out; docs/extending.md shows one'
    )
    assert ">>>" not in prose, f"the example of {shown.__name__} is not the docstring's last section"
    return doctest.DocTestParser().get_doctest(code, {}, shown.__qualname__, shown.__module__, 0)


def held(test: doctest.DocTest, *used: str) -> None:
    """Runs an example; AssertionError where it does not use what it is of, or something else comes out."""
    source = "".join(line.source for line in test.examples)
    assert all(word in source for word in used), f"the example of {test.name} does not use {' and '.join(used)}"
    assert any(line.want for line in test.examples), f"the example of {test.name} shows nothing that comes out"
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("name", index())
def test_example_of_a_method_when_run_then_shows_what_its_docstring_says(name):
    test = example(methods()[name])
    held(test, "ballast.method(", f'"{name}"')
    too_wide = [line for line in (test.docstring or "").splitlines() if len(line) > WIDTH]
    assert not too_wide, f"lines of the example of {name} are wider than {WIDTH} characters: {too_wide}"


@pytest.mark.parametrize("call", OTHERS)
def test_example_of_what_is_public_when_run_then_shows_what_its_docstring_says(call, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held(example(OTHERS[call]), call)
