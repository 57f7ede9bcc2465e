"""The page on the library does what it says, and the classes that it is about say what they take and give."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import ballast
from ballast.methods.frame.base import ROLES, Claim
from ballast.methods.frame.reports import Assessment, Picture, TestReport
from ballast.methods.frame.summary import WeightSummary

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
SHOWN = [TestReport, Assessment, WeightSummary, ballast.Encoder, ballast.method, ballast.catalog]
CLASSES = [*ROLES.values(), TestReport, Assessment, WeightSummary, Picture, Claim, ballast.Encoder]


def of_last_line(block: str, space: dict[str, Any]) -> Any:
    """Runs a block as a notebook does, and gives what its last line gives."""
    *body, last = ast.parse(block).body
    exec(compile(ast.Module(body, []), "page", "exec"), space)
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "page", "exec"), space)
        return None
    return eval(compile(ast.Expression(last.value), "page", "eval"), space)


def test_page_when_its_blocks_run_in_order_then_they_give_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__name__": "page"}
    blocks = re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL)
    given, compared = None, 0
    for kind, block in blocks:
        if kind == "python":
            given = of_last_line(block, space)
        else:
            assert repr(given) == block.rstrip("\n")
            compared += 1
    assert compared == 3
    assert (tmp_path / "weights.png").stat().st_size > 1000
    own = space["TowardsTheMean"]()
    assert own.fit_weights(space["X"], space["X_target"]).index.equals(space["train"].index)


@pytest.mark.parametrize("of", SHOWN, ids=lambda of: of.__name__)
def test_example_of_a_public_object_when_run_then_gives_what_the_docstring_says(of):
    test = doctest.DocTestParser().get_doctest(of.__doc__ or "", {}, of.__name__, None, 0)
    assert test.examples
    report: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
    assert not report, "".join(report)


def entries(doc: str) -> dict[str, list[str]]:
    """Gives the lines of each section of a numpy-style docstring that stand at its margin."""
    found = re.findall(r"^(\w+)\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", inspect.cleandoc(doc), re.MULTILINE | re.DOTALL)
    return {title: [line for line in text.splitlines() if re.match(r"\S", line)] for title, text in found}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_docstrings_of_the_frame_when_read_then_each_parameter_and_attribute_has_a_type(cls):
    documented = [cls, *(m for n, m in vars(cls).items() if inspect.isfunction(m) and not n.startswith("_"))]
    lines = [line for of in documented for line in _typed(of.__doc__ or "")]
    assert [line for line in lines if not re.match(r"[\w*, ]+ : \S", line)] == []


def _typed(doc: str) -> list[str]:
    return [line for title, lines in entries(doc).items() if title in ("Parameters", "Attributes") for line in lines]
