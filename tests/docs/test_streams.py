"""What the pages say of learning in batches works, and names the methods that do."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from ballast.methods.frame.catalogue import methods
from tests.methods import conformance_streams as streams
from tests.methods.conformance_cases import Case, arguments

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXTENDING, WEIGHTS = ((DOCS / name).read_text(encoding="utf-8") for name in ("extending.md", "weights.md"))
SECTION = WEIGHTS.partition("## Rows that do not fit in memory\n")[2].partition("\n## ")[0]


def run(block: str) -> dict[str, Any]:
    module = ModuleType("example")
    exec(compile(block, "page", "exec"), vars(module))
    return vars(module)


def test_stream_of_extending_when_counted_in_batches_then_equals_its_fit(monkeypatch):
    *_, block = re.findall(r"```python\n(.*?)```", EXTENDING, re.DOTALL)
    namespace = run(block)
    monkeypatch.setitem(sys.modules, "example", SimpleNamespace(**namespace))  # so that it can be pickled
    case = Case("sign_ratio", namespace["SignRatio"])
    given = arguments(case)
    streams.agrees(case, given, streams.whole(case, given))


def test_example_of_weights_when_run_then_gives_weights_of_mean_one():
    (block,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    weights = np.concatenate(run(block)["weights"])
    assert len(weights) == 8000
    assert abs(weights.mean() - 1) < 0.01


def test_table_of_weights_when_read_then_names_every_method_that_learns_in_batches():
    rows = re.findall(r"^\| (`.+?`) \|", SECTION, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {name for name, cls in methods().items() if cls.stream_points}
