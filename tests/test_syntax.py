"""Syntax trees are made whatever else makes some at the same time."""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ballast.syntax import parsed, parsed_expression


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_parsed_when_many_threads_ask_then_each_gets_its_tree(hasty_threads: None):
    text = inspect.getsource(ast)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(parsed(text).body), range(40)))
    assert set(found) == {len(ast.parse(text).body)}


@pytest.mark.parametrize("parse", [parsed, ast.parse])
def test_parsed_when_what_memory_is_freed_of_makes_trees_too_then_gets_its_tree(parse: Callable[[str], ast.Module]):
    made = []

    class Parses:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:  # as a connection that nobody closed: it logs a traceback, which reads trees
            with contextlib.suppress(SystemError):
                made.append(parse("a = [b, (c, d)]"))

    text = inspect.getsource(ast)
    for _ in range(20):
        Parses()
        assert parsed(text).body
    assert made


def test_parsed_expression_gives_the_expression():
    assert ast.unparse(parsed_expression("a > 3")) == "a > 3"
    with pytest.raises(SyntaxError):
        parsed_expression("a >")
