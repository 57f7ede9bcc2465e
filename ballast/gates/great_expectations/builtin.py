"""Great Expectations' built-in expectations: which there are without importing it, and what they say of a table.

The package takes seconds to import and a pipeline's definition must not wait for it, so names and arguments are read
from its source; only judging a table imports it.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballast.errors import MissingDependencyError
from ballast.gates.own.form import Outcome
from ballast.words import SHOWN, listed, percent

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.suite import Expectation

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
    tree = ast.parse((_home() / "core" / "__init__.py").read_text(encoding="utf-8"))
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
    tree = ast.parse(path.read_text(encoding="utf-8"))
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


@cache
def _batch_definition() -> Any:
    """Gives the one place in this process where frames become Great Expectations batches."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("ballast").add_dataframe_asset("stage")
    return asset.add_batch_definition_whole_dataframe("whole")


def judge_builtins(suite: Sequence[Expectation], frame: pd.DataFrame) -> dict[str, Outcome]:
    """Judges all built-in expectations of a suite in one validation.

    Gives an outcome by expectation name, for those alone that Great Expectations answered. Cost: 3 to 5 s in the
    process for the first call (the import), then about 5 ms an expectation and a pass over the columns.
    """
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    batch_definition = _batch_definition()
    found: dict[str, Outcome] = {}
    asked = []
    for expectation in suite:
        try:
            make = get_expectation_impl(expectation.type)
            asked.append(make(**expectation.arguments, meta={"name": expectation.name}))
        except Exception as error:  # a value that Great Expectations refuses closes this gate, not its neighbours
            found[expectation.name] = Outcome(False, {}, f"cannot be judged: {_short(error)}")
    batch = batch_definition.get_batch(batch_parameters={"dataframe": frame})
    results = batch.validate(gx.ExpectationSuite(name="gate", expectations=asked), result_format="SUMMARY").results
    for result in results:
        found[result.expectation_config.meta["name"]] = _outcome(result, frame)
    return found


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {'; '.join(lines[:4])}"


def _outcome(result: Any, frame: pd.DataFrame) -> Outcome:
    raised = _exceptions(result.exception_info or {})
    if raised:
        return Outcome(False, {}, f"cannot be judged: {'; '.join(raised)} (columns: {listed(frame.columns)})")
    details = result.result or {}
    observed = {k: v for k, v in details.items() if isinstance(v, int | float | str | bool)}
    arguments = {k: v for k, v in result.expectation_config.kwargs.items() if k not in ("batch_id", "column")}
    column = result.expectation_config.kwargs.get("column")
    where = f"column {column!r}" if column else "the table"
    wanted = f" ({', '.join(f'{k}: {v}' for k, v in arguments.items())})" if arguments else ""
    return Outcome(bool(result.success), observed, f"{where}{wanted}: {_figures(details, frame)}")


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    entries = [info] if "raised_exception" in info else [v for v in info.values() if isinstance(v, Mapping)]
    return list(dict.fromkeys(str(e.get("exception_message")) for e in entries if e.get("raised_exception")))


def _figures(details: Mapping[str, Any], frame: pd.DataFrame) -> str:
    if "unexpected_count" not in details or "element_count" not in details:
        said = f"observed {details.get('observed_value', 'nothing')}, {len(frame)} rows"
        return said if len(frame) else f"{said}; nothing to judge"
    judged = details["element_count"] - (details.get("missing_count") or 0)
    count = details["unexpected_count"]
    if not judged:
        return f"holds for want of values: all {details['element_count']} rows are null or absent; nothing was judged"
    such = list(dict.fromkeys(map(str, details.get("partial_unexpected_list") or [])))[:SHOWN]
    examples = f" (such as {listed(such)})" if count and any(s != "None" for s in such) else ""
    nulls = f", {details['missing_count']} null values left out" if details.get("missing_count") else ""
    return f"{count} of {judged} values ({percent(count, judged)}) are not as expected{examples}{nulls}"
