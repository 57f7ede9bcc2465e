"""Syntax trees are made by one thread at a time."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
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


def test_parsed_expression_gives_the_expression():
    assert ast.unparse(parsed_expression("a > 3")) == "a > 3"
    with pytest.raises(SyntaxError):
        parsed_expression("a >")
