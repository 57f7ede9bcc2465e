"""Whatever is edited, run, stopped, pruned, renamed and swapped: a run stores what one in an empty home would."""

from __future__ import annotations

import copy
import shutil
import tempfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from ballast import Warehouse
from ballast.errors import OutdatedError, WarehouseError
from ballast.orchestration.commands.prune import prune
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from tests.orchestration.projects import Project, rows, spec

STEPS = {
    "drift": {"use": "kolmogorov_smirnov"},
    "density": {"use": "density_ratio_classifier"},
    "reweighted": {"use": "logistic_regression", "weights": "density"},
    "resampled": {"use": "importance_resampling", "weights": "density"},
    "retrained": {"use": "logistic_regression", "rows": "resampled"},
}
BASE = spec(data__test=None, steps=STEPS)
EDITS = {
    "values": lambda t: t.assign(height=t["height"] + 0.25),
    "one value": lambda t: t.assign(width=[t["width"][0] + 1.0, *t["width"][1:]]),
    "label": lambda t: t.assign(kind=["yes" if k == "no" else "no" for k in t["kind"][:20]] + list(t["kind"][20:])),
    "id": lambda t: t.assign(key=[f"new{t['key'][0]}", *t["key"][1:]]),
    "columns' order": lambda t: t[["key", "width", "height", "colour", "kind"]],
    "rows' order": lambda t: t.iloc[::-1],
    "category": lambda t: t.assign(colour=t["colour"].replace("red", "blue")),
    "fewer rows": lambda t: t.iloc[:-7],
    "none": lambda t: t,
}
"""Each makes another table of the one that a role began with."""
ROWS = {"train": rows(80, seed=1), "target": rows(60, seed=2, shift=0.5, start=1000)}


class Stopped(KeyboardInterrupt):
    """A run is stopped at some moment."""


class Breaking(Warehouse):
    """The warehouse as a run sees it that is stopped at one of its writes: before it, or before it is kept."""

    def __init__(self, url: str, at: int, *, late: bool) -> None:
        super().__init__(url)
        self.left, self.late = at, late

    def writing(self, *given: Any) -> AbstractContextManager[None]:
        self.left -= 1
        if self.left == 0 and not self.late:
            raise Stopped
        return super().writing(*given)

    def record_suite(self, *given: Any, **named: Any) -> None:
        super().record_suite(*given, **named)
        if self.left == 0:
            raise Stopped


def run_units(project: Project, select: str = "", warehouse: Warehouse | None = None) -> None:
    plan = project.plan
    for unit, nodes in plan.units():
        if nodes[0].stage != "report" and select in ("", *(n.name for n in nodes), unit):
            models = project.resource.model_store()
            run_unit(Run(plan, warehouse or project.warehouse, models, project.folder, run_id="a run"), nodes)


def latest(project: Project) -> dict[str, Any]:
    """Gives what is stored of every declared table, models by their bytes."""
    warehouse, plan = project.warehouse, project.plan
    tables = {name: warehouse.read(plan.asset(name)) for name, node in plan.nodes.items() if node.stage != "report"}
    return {n: t["sha256"][0] if "sha256" in t else (t.to_csv(index=False), list(t)) for n, t in tables.items()}


class Pipelines(RuleBasedStateMachine):
    """A project that people and machines do things to."""

    def __init__(self) -> None:
        super().__init__()
        self.project = Project(Path(tempfile.mkdtemp(prefix="ballast")), copy.deepcopy(BASE))
        self.tables = {"train": ("train", "none"), "target": ("target", "none")}
        for role in self.tables:
            self.write(role)

    def teardown(self) -> None:
        self.run_all()
        shutil.rmtree(self.project.folder)

    def write(self, role: str) -> None:
        begun, edit = self.tables[role]
        self.project.write(role, EDITS[edit](ROWS[begun]))

    @rule(role=st.sampled_from(sorted(ROWS)), edit=st.sampled_from(sorted(EDITS)))
    def edit(self, role: str, edit: str) -> None:
        self.tables[role] = (self.tables[role][0], edit)
        self.write(role)

    @rule()
    def swap(self) -> None:
        self.tables = {"train": self.tables["target"], "target": self.tables["train"]}
        for role in self.tables:
            self.write(role)

    @rule(folds=st.sampled_from([2, 3]))
    def set_parameter(self, folds: int) -> None:
        self.project.attributes["steps"][self.density]["params"] = {"n_folds": folds}

    @rule(seed=st.sampled_from([0, 1]))
    def set_seed(self, seed: int) -> None:
        self.project.attributes["seed"] = seed

    @rule(dropped=st.sampled_from([[], ["width"]]))
    def declare(self, dropped: list[str]) -> None:
        self.project.attributes["data"]["train"]["drop"] = dropped
        self.project.attributes["data"]["target"]["drop"] = ["kind", *dropped]

    @rule(name=st.sampled_from(["density", "ratio"]))
    def rename(self, name: str) -> None:
        steps, old = self.project.attributes["steps"], self.density
        steps[name] = steps.pop(old)
        for step in ("reweighted", "resampled"):
            steps[step]["weights"] = name

    @property
    def density(self) -> str:
        return self.project.attributes["steps"]["reweighted"]["weights"]

    @rule()
    def run_all(self) -> None:
        run_units(self.project)
        assert latest(self.project) == self.fresh()

    @rule(step=st.sampled_from(["train", "target", "encoder", "drift", "reweighted", "resampled", "retrained"]))
    def run_one(self, step: str) -> None:
        with suppress(OutdatedError, WarehouseError):  # what it needs is older than the rest, or was never made
            run_units(self.project, step)
        self.check_states()

    @rule(at=st.integers(1, 8), late=st.booleans())
    def stop(self, at: int, late: bool) -> None:
        with suppress(Stopped):
            run_units(self.project, warehouse=Breaking(self.project.warehouse.url, at, late=late))
        self.check_states()

    @precondition(lambda self: self.project.warehouse.commits())
    @rule(models=st.booleans())
    def prune(self, models: bool) -> None:
        prune(self.project.resource, keep=1, models=models)

    def check_states(self) -> None:
        """No version stands on several states of what it was made from."""
        warehouse = self.project.warehouse
        assert all(warehouse.mixed([(c.asset, c.version)]) is None for c in warehouse.commits())

    def fresh(self) -> dict[str, Any]:
        return _fresh(repr((self.tables, self.project.attributes)), self)


_known: dict[str, dict[str, Any]] = {}


def _fresh(key: str, machine: Pipelines) -> dict[str, Any]:
    """Gives what a run of a project's files and spec stores in an empty home."""
    if key not in _known:
        with tempfile.TemporaryDirectory() as folder:
            other = Project(Path(folder), copy.deepcopy(machine.project.attributes))
            for role in machine.tables:
                shutil.copy(machine.project.folder / f"{role}.csv", other.folder)
            run_units(other)
            _known[key] = latest(other)
    return _known[key]


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=pytest.mark.full)])
def test_stored_tables_when_anything_happened_before_a_run_then_as_in_an_empty_home(examples: int):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(
        max_examples=examples, stateful_step_count=7, deadline=None, derandomize=True, suppress_health_check=checks,
        database=None, phases=[Phase.generate],
    )  # fmt: skip
    run_state_machine_as_test(Pipelines, settings=limits)
