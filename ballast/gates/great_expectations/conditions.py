"""Which rows a built-in expectation looks at: its ``row_condition``, read by a grammar of its own and never run.

Great Expectations hands the text to ``DataFrame.query``, which evaluates Python. Here it is parsed, held against the
few forms below, and evaluated on the columns' own types:

    age > 30 and country in ["de", "fr"]
    (`house number` <= 12) | not label.isnull()
    col("when") >= date("2024-01-01")
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ballast.errors import DataError, SpecError
from ballast.syntax import parsed_expression
from ballast.words import in_words, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PARSERS = ("pandas", "great_expectations", "great_expectations__experimental__")
"""What ``condition_parser`` may be; the grammar is the same for all, and for none."""

ALLOWED = (
    "column names (in backticks where they hold spaces), numbers, texts in quotes, lists of these, ==, !=, <, <=, >, "
    ">=, in, not in, and, or, not, .isnull() and .notnull()"
)

_NULLNESS: Mapping[str, bool] = {"isnull": True, "isna": True, "notnull": False, "notna": False}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: operator.eq,
    ast.NotIn: operator.ne,
}
_TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|`([^`]*)`|(&&?|\|\|?)|(~)""")


def parse_condition(text: Any) -> ast.expr:
    """Gives the condition as a tree of the forms above alone; SpecError for any other text or value."""
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f'a row_condition is text such as "age > 30", got {shown(text)}; or leave it out')
    try:
        tree = parsed_expression(_TOKEN.sub(_in_python, text).strip())
        _check(tree, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, SpecError):
            raise
        said = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise SpecError(f"the row_condition {shown(text)} cannot be read ({said}); it may hold {ALLOWED}") from error
    return tree


def columns_of(condition: ast.expr) -> list[str]:
    """Gives the names of the columns that a parsed condition looks at."""
    return list(dict.fromkeys(_names(condition)))


def rows_that_meet(condition: ast.expr, frame: pd.DataFrame) -> np.ndarray:
    """Gives (n,) bool: the rows that meet a parsed condition.

    As in pandas, a missing value meets no comparison but ``!=`` and ``not in``. DataError for a column that is not
    there, and for a value of another type than the column's.
    """
    if isinstance(condition, ast.BoolOp):
        join = operator.and_ if isinstance(condition.op, ast.And) else operator.or_
        met = rows_that_meet(condition.values[0], frame)
        for value in condition.values[1:]:
            met = join(met, rows_that_meet(value, frame))
        return met
    if isinstance(condition, ast.UnaryOp):
        return ~rows_that_meet(condition.operand, frame)
    if isinstance(condition, ast.Call):
        return _nullness(condition, frame)
    if isinstance(condition, ast.Compare):
        met, left = None, condition.left
        for sign, right in zip(condition.ops, condition.comparators, strict=True):
            this = _compared(left, type(sign), right, frame)
            met, left = (this if met is None else met & this), right
        assert met is not None
        return met
    return _compared(condition, ast.Eq, ast.Constant(True), frame)  # a column of truths by its name


def _names(node: ast.AST) -> Iterator[str]:
    name = _column(node)
    if name is not None:
        yield name
    elif _called(node, "date") is None:
        for inner in ast.iter_child_nodes(node):
            yield from _names(inner)


def _in_python(match: re.Match[str]) -> str:
    quoted, backticked, sign, tilde = match.groups()
    if backticked is not None:
        return f"col({backticked!r})"
    if sign:
        return " and " if "&" in sign else " or "
    return " not " if tilde else quoted


def _check(node: ast.expr, text: str) -> None:
    """Raises SpecError for anything but a condition: nothing that is not listed here gets through."""
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check(value, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for place, sign in enumerate(node.ops):
            _check_comparison(sides[place], sign, sides[place + 1], text)
    elif _column(node) is None and _asked_for_nulls(node) is None:
        raise _refused(node, text)


def _check_comparison(left: ast.expr, sign: ast.cmpop, right: ast.expr, text: str) -> None:
    if type(sign) not in _COMPARISONS:
        raise _refused(left, text)
    listed = isinstance(sign, ast.In | ast.NotIn)
    if listed and (not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts or _column(left) is None):
        raise SpecError(f"the row_condition {shown(text)}: in and not in stand between a column and a list of values")
    sides = [left, *right.elts] if isinstance(right, ast.List | ast.Tuple | ast.Set) and listed else [left, right]
    for side in sides:
        if _column(side) is None and not _is_value(side):
            raise _refused(side, text)
    if all(_column(side) is None for side in sides):
        raise SpecError(f"the row_condition {shown(text)} compares {ast.unparse(left)} with no column; name one")


def _refused(node: ast.AST, text: str) -> SpecError:
    return SpecError(f"the row_condition {shown(text)} holds {shown(ast.unparse(node))}; it may hold only {ALLOWED}")


def _column(node: ast.AST) -> str | None:
    """Gives the column's name of ``age``, or of Great Expectations' ``col("age")``; None for anything else."""
    if isinstance(node, ast.Name) and not node.id.startswith("__"):
        return node.id
    return _called(node, "col")


def _called(node: ast.AST, name: str) -> str | None:
    """Gives the one text that ``name("text")`` is given."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != name or node.keywords:
        return None
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return texts[0] if len(node.args) == len(texts) == 1 else None


def _asked_for_nulls(node: ast.AST) -> tuple[str, bool] | None:
    """Gives the column of ``age.isnull()``, and whether nulls are asked for."""
    if not isinstance(node, ast.Call) or node.args or node.keywords or not isinstance(node.func, ast.Attribute):
        return None
    name, asked = _column(node.func.value), _NULLNESS.get(node.func.attr.lower().replace("_", ""))
    return None if name is None or asked is None else (name, asked)


def _is_value(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float)
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float, str, bool)
    return _called(node, "date") is not None


def _value(node: ast.expr) -> Any:
    text = _called(node, "date")
    return text if text is not None else ast.literal_eval(node)


def _nullness(condition: ast.Call, frame: pd.DataFrame) -> np.ndarray:
    from ballast.gates.own.form import column

    asked = _asked_for_nulls(condition)
    if asked is None:  # a column of truths, as col("name")
        return _compared(condition, ast.Eq, ast.Constant(True), frame)
    name, nulls = asked
    missing = column(frame, name).isna().to_numpy()
    return missing if nulls else ~missing


def _compared(left: ast.expr, sign: type[ast.cmpop], right: ast.expr, frame: pd.DataFrame) -> np.ndarray:
    from ballast.gates.great_expectations.typed import hold

    name, other = _column(left), _column(right)
    if name is None:  # 30 < age is age > 30
        mirrored = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
        return _compared(right, mirrored.get(sign, sign), left, frame)
    held = hold(frame, name)
    if other is not None:
        return _of_columns(held, hold(frame, other), sign)
    if sign in (ast.In, ast.NotIn):
        assert isinstance(right, ast.List | ast.Tuple | ast.Set)
        found = held.values.isin([held.value(_value(node), "row_condition") for node in right.elts]).to_numpy(bool)
        return found if sign is ast.In else ~found
    return _where_present(held.values, held.value(_value(right), "row_condition"), sign)


def _of_columns(held: Any, other: Any, sign: type[ast.cmpop]) -> np.ndarray:
    if held.kind != other.kind and "empty" not in (held.kind, other.kind):
        kinds = in_words([f"{h.name!r} ({h.holds})" for h in (held, other)])
        raise DataError(f"the row_condition compares columns of different types: {kinds}")
    return _where_present(held.values, other.values, sign)


def _where_present(values: pd.Series, other: Any, sign: type[ast.cmpop]) -> np.ndarray:
    import numpy as np

    present = values.notna().to_numpy()
    met = np.full(len(values), sign is ast.NotEq)
    right = other
    if hasattr(other, "notna"):
        present &= other.notna().to_numpy()
        right = other[present]
    met[present] = np.asarray(_COMPARISONS[sign](values[present], right), dtype=bool)
    return met
