"""Great Expectations' built-in expectations: which there are and what they take, without importing it.

The package takes seconds to import and a pipeline's definition must not wait for it, so names and arguments are read
from its source; only judging a table imports it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ballast.errors import MissingDependencyError
from ballast.syntax import parsed

UNUSABLE = frozenset(
    {
        "expect_column_values_to_match_like_pattern",
        "expect_column_values_to_match_like_pattern_list",
        "expect_column_values_to_not_match_like_pattern",
        "expect_column_values_to_not_match_like_pattern_list",
        "expect_multicolumn_values_to_be_unique",
        "expect_query_results_to_match_comparison",
        "expect_table_row_count_to_equal_other_table",
        "unexpected_rows_expectation",
    }
)
"""Built-in expectations that need a SQL database, or that Great Expectations itself does not register."""

_SHARED = ("Expectation", "BatchExpectation")  # their fields steer Great Expectations; they are not arguments


@cache
def _home() -> Path:
    spec = find_spec("great_expectations")
    if spec is None or spec.origin is None:
        raise MissingDependencyError("great_expectations is not installed; pip install 'great-expectations>=1.24,<2'")
    return Path(spec.origin).parent / "expectations"


@cache
def builtin_names() -> frozenset[str]:
    """Gives the names of the built-in expectations that can judge a table in memory."""
    tree = parsed((_home() / "core" / "__init__.py").read_text(encoding="utf-8"))
    modules = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.level == 1 and n.module}
    return frozenset(modules) - UNUSABLE


@cache
def builtin_arguments(name: str) -> Mapping[str, bool]:
    """Gives the arguments of a built-in expectation, each with True where it is required."""
    classes = {**_bases(), **_classes(_home() / "core" / f"{name}.py")}
    wanted = next(c for c in classes if c.lower() == name.replace("_", ""))
    return _fields(wanted, classes)


@cache
def _bases() -> Mapping[str, ast.ClassDef]:
    return _classes(_home() / "expectation.py")


def _classes(path: Path) -> dict[str, ast.ClassDef]:
    tree = parsed(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _fields(name: str, classes: Mapping[str, ast.ClassDef]) -> dict[str, bool]:
    if name in _SHARED or name not in classes:
        return {}
    found: dict[str, bool] = {}
    for base in reversed(classes[name].bases):
        found |= _fields(ast.unparse(base), classes)
    for node in classes[name].body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        annotation = ast.unparse(node.annotation)
        if not annotation.startswith("ClassVar") and node.target.id != "catch_exceptions":
            found[node.target.id] = not (_has_default(node.value) or "None" in annotation or "Optional" in annotation)
    return found


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("Field"):
        given = [*value.args, *(k.value for k in value.keywords if k.arg in ("default", "default_factory"))]
        return any(not (isinstance(g, ast.Constant) and g.value is ...) for g in given)
    return value is not None
