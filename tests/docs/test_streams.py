"""What the pages say of learning in batches works, and names the methods that do."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ballast.methods.frame.catalogue import methods

DOCS = Path(__file__).resolve().parents[2] / "docs"
WEIGHTS = (DOCS / "weights.md").read_text(encoding="utf-8")
SECTION = WEIGHTS.partition("## Rows that do not fit in memory\n")[2].partition("\n## ")[0]


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
    assert named == {name for name, cls in methods().items() if cls.stream_points}
