"""A closed gate stops what stands behind it, in whichever of Dagster's and Ballast's ways it is launched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import dagster as dg
import pytest

from tests.faults.house import GATE, House, Server

FIGURES = re.compile(r"effective sample size [\d.]+ of 200 rows \([\d.]+ %\)")
ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
ASSET_JOB = "__ASSET_JOB"
LAUNCH = """
mutation($what: ExecutionParams!) { launchRun(executionParams: $what) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
BACKFILL = """
mutation($what: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $what) {
  __typename
  ... on LaunchBackfillSuccess { backfillId }
  ... on PythonError { message }
} }
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The project after a run of `plain`, which its closed gate stopped."""
    made = House(tmp_path_factory.mktemp("project"))
    ran = made.command("ballast", "run", "plain")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return made


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    started = Server(house)
    try:
        started.wait_for("the web server", started.is_up)
        yield started
    finally:
        started.stop()


def launch(server: Server, *assets: str, **config: bool) -> dg.DagsterRun:
    """Launches assets as the UI's button does, and gives the run when it has ended."""
    steps = {asset.replace("/", "__"): {"config": config} for asset in assets} if config else {}
    what = {
        "selector": {
            "repositoryName": "__repository__",
            "repositoryLocationName": "house",
            "pipelineName": ASSET_JOB,
            "assetSelection": [{"path": asset.split("/")} for asset in assets],
        },
        "runConfigData": {"ops": steps},
        "mode": "default",
    }
    launched = server.ask(LAUNCH, what=what)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return ended(server, launched["run"]["runId"])


def ended(server: Server, run_id: str) -> dg.DagsterRun:
    instance = server.house.instance()

    def look() -> dg.DagsterRun | None:
        run = instance.get_run_by_id(run_id)
        return run if run is not None and run.status in ENDED else None

    return server.wait_for(f"the end of run {run_id}", look)


def log(house: House, run: dg.DagsterRun) -> str:
    """Gives all that the event log says of a run, errors down to their first cause."""
    said = []
    for entry in house.instance().all_logs(run.run_id):
        failure = entry.dagster_event and entry.dagster_event.is_step_failure
        said.append(f"{entry.message} {entry.dagster_event.step_failure_data.error if failure else ''}")
    return "\n".join(said)


def versions(house: House, asset: str, partition: str | None = None) -> list[int]:
    return [c.version for c in house.warehouse.commits(asset) if c.partition == partition]


def assert_held(house: House, pipeline: str, said: str, partition: str | None = None) -> None:
    """Asserts that the gate is named with its figures, its table and verdict stored, and nothing behind it."""
    assert GATE in said
    assert FIGURES.search(said), said
    density = house.warehouse.latest(f"{pipeline}/density", partition=partition)
    assert density is not None
    verdicts = house.warehouse.verdicts(density.asset, version=density.version, partition=partition)
    assert [v.gate for v in verdicts if not v.passed] == [GATE]
    assert not any(v.forced for v in verdicts)
    assert versions(house, f"{pipeline}/reweighted", partition) == []


def latest_run(house: House) -> dg.DagsterRun:
    (run,) = house.instance().get_runs(limit=1)
    return run


def test_gate_holds_in_the_run_that_closed_it(house: House):
    run = latest_run(house)
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert_held(house, "plain", log(house, run))
    assert versions(house, "plain/baseline") == [1]


@pytest.mark.full
def test_gate_holds_against_ballast_run_select(house: House):
    told = house.command("ballast", "run", "plain", "--select", "reweighted")
    assert told.returncode != 0
    assert_held(house, "plain", told.stdout)
    assert_held(house, "plain", log(house, latest_run(house)))


def test_gate_holds_against_dg_launch(house: House):
    told = house.command("dg", "launch", "--assets", 'key:"plain/reweighted"')
    assert told.returncode != 0
    assert_held(house, "plain", told.stdout + told.stderr)
    assert_held(house, "plain", log(house, latest_run(house)))


@pytest.mark.full
def test_gate_holds_against_a_launch_from_the_ui(house: House, server: Server):
    run = launch(server, "plain/reweighted")
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert_held(house, "plain", log(house, run))


@pytest.mark.full
def test_gate_holds_against_a_backfill_and_stops_only_the_partitions_behind_it(house: House, server: Server):
    assert launch(server, "sites/train").status == dg.DagsterRunStatus.SUCCESS
    assert launch(server, "sites/encoder", "sites/train_features").status == dg.DagsterRunStatus.SUCCESS
    whole = backfill(server, "sites/target", "sites/target_features", "sites/density", "sites/reweighted")
    assert whole["red"].status == dg.DagsterRunStatus.SUCCESS, log(house, whole["red"])
    assert_held(house, "sites", log(house, whole["green"]), "green")
    alone = backfill(server, "sites/reweighted")
    assert alone["red"].status == dg.DagsterRunStatus.SUCCESS
    assert_held(house, "sites", log(house, alone["green"]), "green")
    assert len(versions(house, "sites/reweighted", "red")) == 1


def backfill(server: Server, *assets: str) -> dict[str, dg.DagsterRun]:
    """Backfills both partitions and gives the runs by partition when all have ended."""
    what = {
        "assetSelection": [{"path": asset.split("/")} for asset in assets],
        "partitionNames": ["red", "green"],
    }
    launched = server.ask(BACKFILL, what=what)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    tags = {"dagster/backfill": launched["backfillId"]}
    instance = server.house.instance()

    def look() -> list[dg.DagsterRun] | None:
        runs = list(instance.get_runs(dg.RunsFilter(tags=tags)))
        return runs if len(runs) == 2 and {r.status for r in runs} <= ENDED else None

    runs = server.wait_for("the backfill", look)
    return {run.tags["dagster/partition"]: run for run in runs}


@pytest.mark.full
def test_gate_holds_against_automation_even_where_its_condition_does_not_ask_for_checks(house: House, server: Server):
    instance = house.instance()
    assert launch(server, "eager/train", "eager/target").status == dg.DagsterRunStatus.SUCCESS

    def automated() -> list[dg.DagsterRun]:
        return list(instance.get_runs(dg.RunsFilter(tags={"dagster/from_automation_condition": "true"})))

    def settled() -> list[dg.DagsterRun] | None:
        runs = automated()
        done = versions(house, "eager/density") and versions(house, "eager/baseline")
        return runs if done and {r.status for r in runs} <= ENDED else None

    first = server.wait_for("the daemon to run the pipeline", settled)
    assert_held(house, "eager", "".join(log(house, run) for run in first))
    assert launch(server, "eager/density", fresh=True).status == dg.DagsterRunStatus.FAILURE

    def careless() -> dg.DagsterRun | None:
        later = [r for r in automated() if r.run_id not in {f.run_id for f in first}]
        return next((r for r in later if r.status in ENDED), None)

    run = server.wait_for("the daemon to run the careless step", careless)
    assert run.asset_selection == {dg.AssetKey(["eager", "careless"])}
    assert_held(house, "eager", log(house, run))
    assert versions(house, "eager/careless") == []


@pytest.mark.full
def test_gate_that_is_forced_open_in_the_ui_lets_pass_once_and_is_recorded_and_shown(house: House, server: Server):
    forced = launch(server, "plain/reweighted", force=True)
    assert forced.status == dg.DagsterRunStatus.SUCCESS, log(house, forced)
    assert versions(house, "plain/reweighted") == [1]
    kept = house.warehouse.sql(
        "SELECT gate, passed, forced FROM ballast.gates WHERE asset = 'plain/density' AND forced"
    )
    assert kept.to_numpy().tolist() == [[GATE, False, True]]
    written = house.command("ballast", "report", "plain")
    assert written.returncode == 0, written.stderr
    page = (house.home / "reports" / "plain.html").read_text(encoding="utf-8")
    assert "the run went on by force" in page
    assert launch(server, "plain/reweighted").status == dg.DagsterRunStatus.FAILURE
