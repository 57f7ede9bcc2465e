"""Two runs of one pipeline at once: the newer one's results stay on top, and no step mixes states of its sources."""

from __future__ import annotations

import itertools
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ballast import Warehouse
from ballast.errors import BallastError, OutdatedError
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_unit
from tests.orchestration.projects import Project, rows, spec

FOUR_STEPS = spec(data__target=None, data__test=None, steps={"baseline": {"use": "logistic_regression"}})
"""Four tables, one made from the other: train, the encoder, its features, and a model that reads train's labels too."""
SCHEDULES = ["".join("B" if i in at else "A" for i in range(8)) for at in itertools.combinations(range(8), 4)]
"""Every order in which two runs can commit four times each."""
QUICK = {"AAAABBBB", "ABABABAB", "BBBBAAAA", "BAABABBA", "ABBBBAAA"}


class Paced(Warehouse):
    """The warehouse as a run sees it that waits before it writes, until it is let go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.waits, self.goes = threading.Semaphore(0), threading.Semaphore(0)

    def writing(self, *given: Any) -> AbstractContextManager[None]:
        self.waits.release()
        assert self.goes.acquire(timeout=60)
        return super().writing(*given)


class PacedRun(threading.Thread):
    """A run of all of a pipeline's units, up to its first commit once it is started."""

    def __init__(self, project: Project, name: str) -> None:
        super().__init__(daemon=True)
        self.project, self.id = project, name
        self.warehouse = Paced(project.warehouse.url)
        self.error: BallastError | None = None
        self.start()
        assert self.warehouse.waits.acquire(timeout=60)

    def run(self) -> None:
        try:
            run_all(self.project, self.warehouse, self.id)
        except BallastError as error:
            self.error = error
        finally:
            self.warehouse.waits.release()

    def step(self) -> None:
        """Lets the run write once, and go on until it is about to write again."""
        if self.is_alive():
            self.warehouse.goes.release()
            assert self.warehouse.waits.acquire(timeout=60)

    def finish(self) -> None:
        while self.is_alive():
            self.step()
            self.join(0.01)


def run_all(project: Project, warehouse: Warehouse, name: str) -> None:
    plan = project.plan
    for _, nodes in plan.units():
        if nodes[0].stage != "report":
            run_unit(Run(plan, warehouse, project.resource.model_store(), project.folder, run_id=name), nodes)


def latest(project: Project) -> dict[str, str]:
    """Gives the content of every latest table, that of models by their bytes."""
    warehouse = project.warehouse
    tables = {asset: warehouse.read(asset) for asset in {commit.asset for commit in warehouse.commits()}}
    return {
        asset: table["sha256"][0] if "sha256" in table else table.to_csv(index=False) for asset, table in tables.items()
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a run of the newer rows stores in an empty home."""
    project = Project(tmp_path_factory.mktemp("expected"), FOUR_STEPS)
    project.write("train", newer_rows())
    run_all(project, project.warehouse, "only")
    return latest(project)


def newer_rows():
    return rows(200, seed=1).assign(height=lambda table: -(table["height"] ** 3))


@pytest.mark.parametrize("order", [s if s in QUICK else pytest.param(s, marks=pytest.mark.full) for s in SCHEDULES])
def test_runs_when_two_commit_in_any_order_then_the_newer_rows_results_stay(order, tmp_path: Path, expected):
    project = Project(tmp_path, FOUR_STEPS)
    older = PacedRun(project, "older")
    project.write("train", newer_rows())
    newer = PacedRun(project, "newer")
    for which in order:
        (older if which == "A" else newer).step()
    older.finish()
    newer.finish()
    assert all(isinstance(run.error, OutdatedError | None) for run in (older, newer))
    if newer.error is None:
        assert latest(project) == expected
    warehouse = project.warehouse
    versions = [(commit.asset, commit.version) for commit in warehouse.commits()]
    assert [v for v in versions if warehouse.mixed([v]) is not None] == []
    run_all(project, warehouse, "after")
    assert latest(project) == expected
