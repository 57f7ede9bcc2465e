"""Who may import whom, and what importing costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    "dagster",
    "duckdb",
    "great_expectations",
    "matplotlib",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "skrub",
    "torch",
}


def loaded_by(statement: str) -> tuple[set[str], float]:
    """Gives the top-level modules that a statement loads in a new interpreter, and its seconds of the processor."""
    script = (
        "import json, sys, time; start = time.process_time()\n"
        f"{statement}\n"
        "print(json.dumps([sorted({name.split('.')[0] for name in sys.modules}), time.process_time() - start]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    modules, seconds = json.loads(done.stdout)
    return set(modules), seconds


def test_layers_when_imports_are_followed_then_every_contract_is_kept():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_layers_when_ballast_is_imported_then_nothing_heavy_loads_and_it_is_quick():
    runs = [loaded_by("import ballast") for _ in range(3)]
    assert not runs[0][0] & HEAVY
    assert min(seconds for _, seconds in runs) < 0.3


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        (
            "import ballast.methods.frame.catalogue as c; c.methods()",
            {"dagster", "duckdb", "great_expectations", "torch"},
        ),
        ("from ballast import Warehouse", {"dagster", "great_expectations", "sklearn", "torch"}),
        ("from ballast import Pipeline", {"great_expectations", "matplotlib", "skrub", "torch"}),
    ],
    ids=["methods", "warehouse", "component"],
)
def test_layers_when_a_part_is_imported_then_only_what_it_needs_loads(statement, unwanted):
    modules, _ = loaded_by(statement)
    assert not modules & unwanted
