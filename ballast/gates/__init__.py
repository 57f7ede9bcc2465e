"""Gates: expectation suites on the stages' tables, and the verdicts they give.

``parse_suite`` reads a suite as a pipeline's YAML has it, ``default_suite`` gives what stands after a stage anyway,
``with_defaults`` joins the two, and ``judge`` judges a table by them; ``judge_rows`` one that does not fit in memory,
and ``unjudgeable`` says what cannot be judged so. Importing this does not load Great Expectations, and neither does
``parse_suite``.
"""

from __future__ import annotations

from ballast.gates.context import Features, GateContext, LabelKind, StaticContext
from ballast.gates.defaults import default_suite, mirrored, with_defaults
from ballast.gates.judge import WARNS, Judgement, allows_no_rows, judge
from ballast.gates.rows.judging import judge_rows
from ballast.gates.rows.kinds import unjudgeable
from ballast.gates.rows.table import RowsContext, RowTable
from ballast.gates.suite import Expectation, Severity, expectation_arguments, parse_suite
from ballast.methods.frame.moved import renamed

__all__ = [
    "WARNS",
    "Expectation",
    "Features",
    "GateContext",
    "Judgement",
    "LabelKind",
    "RowTable",
    "RowsContext",
    "Severity",
    "StaticContext",
    "allows_no_rows",
    "default_suite",
    "expectation_arguments",
    "judge",
    "judge_rows",
    "mirrored",
    "parse_suite",
    "unjudgeable",
    "with_defaults",
]

__getattr__ = renamed(__name__, {"Given": "StaticContext"})
