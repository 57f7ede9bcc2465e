"""Small real projects for the tests: tables on disk, a spec over them, and a run on a real Dagster instance."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ballast import BallastResource, Pipeline, Warehouse
from ballast.orchestration.commands.run import Finished, run
from ballast.orchestration.graph.assets import definitions_of
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import Declared


def rows(n: int, *, seed: int, shift: float = 0.0, start: int = 0) -> pd.DataFrame:
    """Gives n rows of two numbers, a category and a label that depends on the numbers; `shift` moves the numbers."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, size=(n, 2))
    return pd.DataFrame(
        {
            "key": [f"r{start + i}" for i in range(n)],
            "height": x[:, 0],
            "width": x[:, 1],
            "colour": rng.choice(["red", "green"], n),
            "kind": np.where(x[:, 0] + 0.5 * x[:, 1] + rng.normal(0, 0.5, n) > 0, "yes", "no"),
        }
    )


SPEC: dict[str, Any] = {
    "name": "demo",
    "data": {
        "train": {"path": "train.csv", "id": "key", "label": "kind"},
        "target": {"path": "target.csv", "id": "key", "drop": ["kind"]},
        "test": {"path": "test.csv", "id": "key", "label": "kind"},
    },
    "steps": {
        "drift": {"use": "kolmogorov_smirnov"},
        "baseline": {"use": "logistic_regression"},
        "density": {"use": "density_ratio_classifier"},
        "reweighted": {"use": "logistic_regression", "weights": "density"},
        "verdict": {"use": "compare_models", "models": ["baseline", "reweighted"]},
    },
}


def spec(**changes: Any) -> dict[str, Any]:
    """Gives the demo's spec; a key such as ``steps__density`` replaces a nested entry, None deletes it."""
    made = copy.deepcopy(SPEC)
    for path, value in changes.items():
        *way, last = path.split("__")
        place = made
        for key in way:
            place = place.setdefault(key, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return made


@dataclass
class Project:
    """A folder with data, a pipeline over it, its own warehouse, and one Dagster instance for all runs."""

    folder: Path
    attributes: dict[str, Any] = field(default_factory=spec)
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    url: str = ""

    def __post_init__(self) -> None:
        self.write("train", rows(200, seed=1))
        self.write("target", rows(120, seed=2, shift=0.5, start=1000))
        self.write("test", rows(100, seed=3, shift=0.5, start=2000))

    def copied(self, folder: Path) -> Project:
        """Gives a project in another folder with all that is stored in this one, and a Dagster instance of its own."""
        made = Project(folder, copy.deepcopy(self.attributes))
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return made

    def write(self, name: str, frame: pd.DataFrame) -> None:
        frame.to_csv(self.folder / f"{name}.csv", index=False)

    @property
    def plan(self) -> Plan:
        return Pipeline(**self.attributes).plan("defs.yaml", self.folder)

    @property
    def resource(self) -> BallastResource:
        return BallastResource(warehouse=self.url, folder=str(self.folder / "home"))

    @property
    def warehouse(self) -> Warehouse:
        return self.resource.open()

    @property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions.merge(
            definitions_of(self.plan, self.folder), dg.Definitions(resources={"ballast": self.resource})
        )

    def run(self, *select: str, **settings: Any) -> Finished:
        declared = Declared(self.folder / "defs.yaml", self.folder, self.attributes)
        return run(declared, self.plan, self.definitions, select=select, on=self.instance, **settings)
