"""Dagster's own daemon on pipelines of Ballast: a backfill to its end, and automation after an asset is made anew."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from ballast import Warehouse
from tests.orchestration.projects import rows

LONGEST = 300  # seconds until what does not come fails
SENSOR = "default_automation_condition_sensor"
DEFINITIONS = """
from pathlib import Path

import dagster as dg
import pandas as pd

from ballast import BallastResource, Pipeline, WarehouseIOManager

HERE = Path(__file__).parent
TRAIN = {"path": "train.csv", "id": "key", "label": "kind"}
STEPS = {"drift": {"use": "kolmogorov_smirnov"}}


@dg.asset(io_manager_key="io_manager")
def arriving() -> pd.DataFrame:
    return pd.read_csv(HERE / "target.csv")


split = Pipeline(
    name="split", data={"train": TRAIN, "target": {"path": "target.csv", "id": "key", "drop": ["kind"]}}, steps=STEPS,
    partitions={"column": "land", "static": ["at", "de"], "roles": ["target"]},
)
follows = Pipeline(
    name="follows", data={"train": TRAIN, "target": {"asset": "arriving", "id": "key", "drop": ["kind"]}}, steps=STEPS,
    automation="eager",
)
defs = dg.Definitions.merge(
    split.definitions(HERE),
    follows.definitions(HERE),
    dg.Definitions(
        assets=[arriving],
        resources={"ballast": BallastResource(folder=str(HERE)), "io_manager": WarehouseIOManager(folder=str(HERE))},
        executor=dg.in_process_executor,
    ),
)
"""


class Site:
    """A project's folder, an instance of Dagster for it, and the daemon at work on both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
        (folder / "wines.py").write_text(DEFINITIONS)
        rows(100, seed=1).assign(land="at").to_csv(folder / "train.csv", index=False)
        self.arrive(seed=2)
        with dg.DagsterInstance.from_config(str(folder)) as made:  # its tables, which two processes cannot make at once
            assert not made.get_backfills()
            assert not made.all_instigator_state()
            assert not made.all_asset_keys()
        self.env = {**os.environ, "DAGSTER_HOME": str(folder), "BALLAST_HOME": str(folder)}

    def arrive(self, seed: int) -> None:
        rows(60, seed=seed, start=900).assign(land=["at", "de"] * 30).to_csv(self.folder / "target.csv", index=False)

    def start(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        command = [Path(sys.executable).with_name(program), *words, "-f", "wines.py"]
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)

    def dagster(self, *words: str) -> None:
        assert self.start("dagster", *words).wait(LONGEST) == 0, (self.folder / "dagster.log").read_text()

    def wait_for(self, condition: Callable[[dg.DagsterInstance], bool]) -> None:
        end = time.monotonic() + LONGEST
        with dg.DagsterInstance.from_config(str(self.folder)) as instance:
            while not condition(instance):
                assert time.monotonic() < end, (self.folder / "dagster-daemon.log").read_text()[-5000:]
                time.sleep(0.2)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    daemon = made.start("dagster-daemon", "run")
    try:
        yield made
    finally:
        daemon.terminate()
        daemon.wait(LONGEST)


def made_since(instance: dg.DagsterInstance, key: str, after: float) -> bool:
    event = instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
    return event is not None and event.timestamp > after


@pytest.mark.full
def test_daemon_runs_a_backfill_to_its_end_and_follows_an_asset_that_is_made_anew(site: Site):
    site.dagster("job", "backfill", "-j", "split", "--partitions", "at,de", "--noprompt")
    site.dagster("job", "launch", "-j", "follows")
    site.wait_for(lambda on: [b.status.value.partition("_")[0] for b in on.get_backfills()] == ["COMPLETED"])
    site.wait_for(lambda on: made_since(on, "follows/report", 0))
    warehouse = Warehouse(f"duckdb:///{site.folder / 'warehouse.duckdb'}")
    assert {key for _, key in warehouse.partitions(["split/drift"])} == {"at", "de"}
    before = warehouse.latest("follows/target")
    site.dagster("sensor", "start", SENSOR)
    site.wait_for(lambda on: bool(ticks(on)))  # what was made before the first look is nothing new
    site.arrive(seed=3)
    began = time.time()
    site.dagster("asset", "materialize", "--select", "arriving")
    site.wait_for(lambda on: made_since(on, "follows/report", began))
    after = warehouse.latest("follows/target")
    assert before is not None
    assert after is not None
    assert after.version == before.version + 1
    assert after.run_id != before.run_id
    drift = warehouse.latest("follows/drift")
    assert drift is not None
    assert drift.inputs["follows/target"] == after.version


def ticks(instance: dg.DagsterInstance) -> list[object]:
    """Gives the looks that the automation sensor has ended."""
    states = [s for s in instance.all_instigator_state() if s.instigator_name == SENSOR]
    found = [t for s in states for t in instance.get_ticks(s.instigator_origin_id, s.selector_id)]
    return [tick for tick in found if tick.is_completed]
