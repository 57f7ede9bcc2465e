"""Ten nights of a team: rows arrive as files, a server of Dagster's sees them, and the gates decide what is used."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

import ballast
from ballast import Warehouse
from ballast.warehouse.aliases import history
from tests.faults.house import BIN, Server
from tests.orchestration.projects import rows

DEFINITIONS = """
from pathlib import Path

import dagster as dg

from ballast import BallastResource, Pipeline

HERE = Path(__file__).parent
nights = Pipeline(
    name="nights",
    data={
        "train": {"path": "train.csv", "id": "key", "label": "kind"},
        "test": {"path": "test.csv", "id": "key", "label": "kind"},
        "night": {
            "like": "target", "path": "night.csv", "id": "key",
            "labels_from": {"path": "labels.csv", "id": "key", "label": "kind"},
        },
    },
    steps={
        "drift": {"use": "kolmogorov_smirnov", "against": "night"},
        "model": {"use": "logistic_regression"},
        "verdict": {"use": "compare_models", "models": ["champion", "model"]},
        "champion": {"promote": "verdict", "from": ["model"], "better_by": 0},
        "scored": {"predict": "champion", "on": "night", "to": "scores.parquet"},
    },
    gates={"drift": [{"expect_drift_below": {"max_effect_size": 0.5}}]},
    sensor={"every": 1},
)
defs = dg.Definitions.merge(
    nights.definitions(HERE),
    dg.Definitions(resources={"ballast": BallastResource(folder=str(HERE))}, executor=dg.in_process_executor),
)
"""
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}


class Team:
    """A project whose files change at night, and what its warehouse holds then."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "dagster").mkdir()
        (root / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
        (root / "workspace.yaml").write_text("load_from: [{python_file: {relative_path: nights.py}}]\n")
        (root / "nights.py").write_text(DEFINITIONS)
        self.runs = 0
        self.arrive("train", rows(60, seed=1).assign(kind=lambda t: np.where(np.arange(60) % 3 == 0, "no", t["kind"])))
        self.arrive("test", rows(300, seed=3, start=3000))

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "DAGSTER_HOME": str(self.root / "dagster"),
            "BALLAST_HOME": str(self.root),
        }

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(f"duckdb:///{self.root / 'warehouse.duckdb'}")

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.root / "dagster"))

    def arrive(self, name: str, frame: pd.DataFrame) -> None:
        """Puts a file in place as a whole, as a careful sender does."""
        frame.to_csv(self.root / f"{name}.part", index=False)
        shutil.move(self.root / f"{name}.part", self.root / f"{name}.csv")

    def keys(self) -> list[str]:
        """Gives the ids of the rows that are scored in the file."""
        return sorted(pd.read_parquet(self.root / "scores.parquet")["sample_id"])

    def ended(self, server: Server) -> bool:
        """Waits for the run that the latest file started, and says whether it succeeded."""
        self.runs += 1
        with self.instance() as instance:

            def look() -> list[dg.DagsterRun] | None:
                found = list(instance.get_runs())
                return found if len(found) == self.runs and {run.status for run in found} <= ENDED else None

            return server.wait_for(f"run {self.runs}", look)[0].status == dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def server(team: Team) -> Iterator[Server]:
    made = Server(team)  # pyright: ignore[reportArgumentType]
    try:
        made.wait_for("the server", made.is_up)
        yield made
    finally:
        made.stop()


def night(number: int, shift: float = 0.0) -> pd.DataFrame:
    """Gives the rows of a night, whose labels are not known yet."""
    return labelled(number, shift).drop(columns="kind")


def labelled(number: int, shift: float = 0.0) -> pd.DataFrame:
    return rows(80, seed=10 + number, start=5000 + 100 * number, shift=shift)


@pytest.mark.full
def test_team_when_ten_nights_pass_then_only_what_the_gates_let_through_is_used(team: Team, server: Server):
    team.arrive("night", night(1))
    start = ["dagster", "sensor", "start", "nights_sensor", "-w", "workspace.yaml"]
    subprocess.run(start, cwd=team.root, env=team.environment, check=True, capture_output=True)
    assert team.ended(server)
    for number in range(2, 6):
        team.arrive("night", night(number))
        assert team.ended(server)
        assert team.keys() == sorted(night(number)["key"])
    team.arrive("night", night(6, shift=3.0))
    assert not team.ended(server)
    assert team.keys() == sorted(night(5)["key"])  # nothing of the night that drifted is written
    team.arrive("night", night(7))
    assert team.ended(server)
    assert team.keys() == sorted(night(7)["key"])
    assert [str(use) for use in history(team.warehouse, "nights/champion")] == ["nights/model version 1"]
    team.arrive("train", rows(2000, seed=4))
    assert team.ended(server)
    *_, used = history(team.warehouse, "nights/champion")
    assert used.version == 2  # better on the same rows, by the lower end of its interval
    team.arrive("night", night(9))
    assert team.ended(server)
    scores = pd.read_parquet(team.root / "scores.parquet")
    assert set(scores["model_version"]) == {2}
    model = ballast.load("nights/champion", team.warehouse, models=team.root / "models")
    assert np.array_equal(scores["prediction"], model.predict(night(9)))
    team.arrive("labels", labelled(9)[["key", "kind"]])
    assert team.ended(server)
    metrics = team.warehouse.read("nights/scored/metrics")
    (accuracy,) = metrics[(metrics["metric"] == "accuracy") & (metrics["slice"] == "(all)")]["value"]
    assert accuracy == np.mean(scores["prediction"].to_numpy() == labelled(9)["kind"].to_numpy())
