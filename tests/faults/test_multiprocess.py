"""Pipelines run with `executor: multiprocess`, and each process imports what it needs; all that ship do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ballast import Warehouse
from ballast.cli.init import make_project
from ballast.gates.suite import OWN
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import find

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WATCH = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch.nn", "great_expectations.core"):
            with open(os.environ["IMPORTED"], "a") as file:
                file.write(f"{os.getpid()} {name.partition('.')[0]}\\n")

sys.meta_path.insert(0, Watch())
"""
ON_TORCH = {
    "torch_mlp",
    "maximum_mean_discrepancy",
    "nearest_neighbor_distance",
    "kliep",
    "relative_least_squares",
}
ON_NEIGHBOURS = {"mahalanobis"}
"""Methods that warn of rows nearly alike, for which torch finds the neighbours."""

SMALL = """
type: ballast.Pipeline
attributes:
  name: wine
  data:
    train: {asset: wine_pool, id: wine_id, label: cultivar}
  steps:
    baseline: {use: torch_mlp, params: {hidden: [4], max_epochs: 1}}
  gates:
    train: [{expect_column_values_to_be_in_set: {column: cultivar, value_set: [0, 1, 2]}}]
"""
"""A source that Great Expectations judges, an encoder, a network and the report."""
FULL = [("digits", None), ("tumours", None), ("diabetes", "north")]


def units_on_torch(plan: Plan) -> set[str]:
    """Gives the units whose method computes with torch, that use a model that does, or look for rows nearly alike."""
    direct = {node.unit for node in plan.nodes.values() if node.use in ON_TORCH}
    near = {node.unit for node in plan.nodes.values() if node.stage == "out_of_sample" or node.use in ON_NEIGHBOURS}
    models = {name for name, node in plan.nodes.items() if node.stage == "learner" and node.unit in direct}
    users = {node.unit for node in plan.nodes.values() if models & set(node.upstream)}
    return direct | users | near


@pytest.mark.parametrize(
    ("pipeline", "partition"), [("wine", None), *(pytest.param(*each, marks=pytest.mark.full) for each in FULL)]
)
def test_pipeline_runs_a_process_a_step_and_each_imports_what_it_needs(tmp_path: Path, pipeline, partition):
    root = tmp_path / "project"
    make_project(root)
    spec = SMALL
    if pipeline != "wine":
        spec = (ROOT / "pipelines" / pipeline / "defs.yaml").read_text()
        shutil.copy(ROOT / "assets" / f"{pipeline}.py", root / "assets")
    declared = root / "pipelines" / pipeline / "defs.yaml"
    declared.parent.mkdir(exist_ok=True)
    declared.write_text(f"{spec.rstrip()}\n  executor: multiprocess\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WATCH)
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    imported = tmp_path / "imported"
    imported.touch()
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path / "site"),
        "IMPORTED": str(imported),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
        "BALLAST_HOME": str(tmp_path / "home"),
    }
    words = ["dg", "launch", "--job", pipeline, *(["--partition", partition] if partition else [])]
    told = subprocess.run(
        words, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800
    )
    assert told.returncode == 0, told.stdout[-6000:]
    plan = find(pipeline, start=root).plan()
    warehouse = Warehouse(f"duckdb:///{tmp_path / 'home' / 'warehouse.duckdb'}")
    made = {commit.asset for commit in warehouse.commits()}
    assert {plan.asset(name) for name in plan.nodes if name != "report"} <= made
    assert list((tmp_path / "home" / "reports").rglob("*.html"))

    steps = dict(re.findall(rf" (\d+) - {pipeline}__(\w+) - STEP_START ", told.stdout))
    assert len(set(steps.values())) == len(steps) >= len(list(plan.units()))
    loaded = [line.split() for line in imported.read_text().splitlines()]
    torch, expectations = (
        {steps.get(process, "the parent") for process, package in loaded if package == wanted}
        for wanted in ("torch", "great_expectations")
    )
    judged = {node.unit for node in plan.nodes.values() if any(e.type not in OWN for e in node.suite)}
    assert expectations == {unit.replace("/", "__") for unit in judged}
    assert torch <= {unit.replace("/", "__") for unit in units_on_torch(plan)}
