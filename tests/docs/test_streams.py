"""What the pages say of learning in batches works, and names the methods that do."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from ballast.methods.frame.catalogue import methods
from ballast.methods.shift import KolmogorovSmirnov

DOCS = Path(__file__).resolve().parents[2] / "docs"


def section(page: str) -> str:
    """Gives what a page says of rows that do not fit in memory."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.partition("## Rows that do not fit in memory\n")[2].partition("\n## ")[0]


SECTION, OF_TESTS = section("weights.md"), section("guides/shift.md")


def run(block: str) -> dict[str, Any]:
    module = ModuleType("example")
    exec(compile(block, "page", "exec"), vars(module))
    return vars(module)


def test_example_of_weights_when_run_then_gives_weights_of_mean_one():
    (block,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    weights = np.concatenate(run(block)["weights"])
    assert len(weights) == 8000
    assert abs(weights.mean() - 1) < 0.01


def test_table_of_weights_when_read_then_names_every_method_that_learns_in_batches():
    rows = re.findall(r"^\| (`.+?`) \|", SECTION, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {name for name, cls in methods().items() if cls.stream_points and cls.role == "weigher"}


def test_example_of_tests_when_run_then_gives_the_report_of_all_rows():
    (block,) = re.findall(r"```python\n(.*?)```", OF_TESTS, re.DOTALL)
    made = run(block)
    table, target = pd.concat(made["days"][:2]), pd.concat(made["days"][2:])
    pd.testing.assert_frame_equal(made["report"].table, KolmogorovSmirnov().test(table, target).table, check_exact=True)


def test_page_on_tests_when_read_then_names_every_one_that_learns_in_batches():
    named = set(re.findall(r"`(\w+)`", OF_TESTS.partition("learn in batches")[0]))
    assert named == {name for name, cls in methods().items() if cls.stream_points and cls.role == "test"}
