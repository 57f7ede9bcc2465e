"""Every public class shows in its docstring how it is used, and what is shown there is what comes out."""

from __future__ import annotations

import doctest
import tempfile
from typing import Any

import pytest

from ballast.methods.features.encoder import FeatureEncoder
from ballast.methods.frame.catalogue import index, methods
from ballast.orchestration.graph.component import Pipeline
from ballast.warehouse import ModelStore, Warehouse

OTHERS = {cls.__name__: cls for cls in (FeatureEncoder, ModelStore, Pipeline, Warehouse)}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def example(cls: type[Any]) -> doctest.DocTest:
    """Gives what the class's docstring shows under the title Examples, its last section."""
    prose, title, shown = (cls.__doc__ or "").partition("\n    Examples\n    --------\n")
    assert title, f"{cls.__name__} has no section Examples in its docstring"
    assert ">>>" not in prose, f"the example of {cls.__name__} is not the docstring's last section"
    return doctest.DocTestParser().get_doctest(shown, {}, cls.__qualname__, cls.__module__, 0)


@pytest.mark.parametrize("name", [*index(), *OTHERS])
def test_example_when_run_then_makes_the_object_and_shows_what_the_docstring_says(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cls = OTHERS.get(name) or methods()[name]
    test = example(cls)
    assert any(f"{cls.__name__}(" in line.source for line in test.examples)
    assert test.examples[-1].want
    report: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
    assert not report, "".join(report)
