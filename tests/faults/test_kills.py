"""A run that is killed or stopped, wherever it is, goes on where it was and ends in what it would have ended in."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import find
from tests.cli.conftest import BALLAST, Folder
from tests.faults.states import assert_same_state

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("deaths.py")
LONG = 900.0
"""Seconds to wait for many runs on end; a loaded machine may need many."""


def environment(home: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "BALLAST_HOME": str(home), "COLUMNS": "200", **more}


def ballast_run(root: Path, pipeline: str, home: Path) -> None:
    done = subprocess.run(
        [BALLAST, "run", pipeline], cwd=root, env=environment(home), capture_output=True, text=True, timeout=LONG
    )
    assert done.returncode == 0, done.stdout + done.stderr


def die_everywhere(root: Path, pipeline: str, home: Path, **points: str) -> list[str]:
    """Runs a pipeline to its end, each run dying at the first of the points left, and gives the points.

    The points are a regular expression for each signal. The pipeline's undisturbed run is in the home beside, called
    `undisturbed`.
    """
    done = subprocess.run(
        [sys.executable, DRIVER, pipeline, *(f"{signal}={wanted}" for signal, wanted in points.items())],
        cwd=root,
        env=environment(home, EPHEMERAL="1"),
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return home.with_suffix(".ledger").read_text().splitlines()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an undisturbed run of digits."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    ballast_run(ROOT, "digits", home)
    return home


def boundaries(plan: Plan) -> list[str]:
    return [f"start {unit}" for unit, _ in plan.units()]


def one_inside_each(plan: Plan, rng: random.Random) -> list[str]:
    """Gives a point inside every step: around its computing, judging or storing."""
    chosen = []
    for unit, nodes in plan.units():
        calls = [f"perform of {unit}", *(f"commit of {plan.asset(n.name)}" for n in nodes)]
        calls += [f"judged of {plan.asset(n.name)}" for n in nodes if n.suite]
        calls += [f"save of {plan.asset(n.name)}" for n in nodes if n.stage in ("encoder", "learner")]
        call = "write_page of report" if unit == "report" else rng.choice(calls)
        chosen.append(f"{rng.choice(['before', 'after'])} {call}")
    return chosen


@pytest.mark.full
def test_digits_killed_at_every_boundary_and_inside_every_step_ends_as_if_undisturbed(tmp_path: Path):
    plan = find("digits", start=ROOT).plan()
    points = boundaries(plan) + one_inside_each(plan, random.Random(0))
    home = tmp_path / "home"
    died = die_everywhere(ROOT, "digits", home, SIGKILL="|".join(map(re.escape, points)))
    assert sorted(died) == sorted(points)
    assert_same_state(home, tmp_path / "undisturbed", "digits")


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_digits_killed_from_outside_at_any_moment_ends_as_if_undisturbed(digits: Path, tmp_path: Path, seed: int):
    lines = random.Random(seed).randrange(1, 25)
    process = subprocess.Popen(
        [BALLAST, "run", "digits"],
        cwd=ROOT,
        env=environment(tmp_path / "home", PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    process.communicate()
    assert process.returncode < 0, told
    ballast_run(ROOT, "digits", tmp_path / "home")
    assert_same_state(tmp_path / "home", digits, "digits")


SMALL = {"steps__drift": None, "steps__reweighted": None, "steps__verdict": None, "data__test": None}
"""What to take from the demo: two sources, an encoder, a weigher, a learner and the report are left."""
CALLS = ("perform", "judged", "save", "commit", "record_suite", "write_page")


@pytest.mark.full
@pytest.mark.parametrize("points", [{"SIGKILL": ".*"}, {"SIGINT": "(start|after) .*|end report"}], ids="".join)
def test_small_pipeline_stopped_at_every_point_of_every_step_ends_as_if_undisturbed(
    tmp_path: Path, points: dict[str, str]
):
    folder = Folder(tmp_path / "project")
    folder.declare(**SMALL)
    died = die_everywhere(folder.path, "demo", tmp_path / "home", **points)
    assert {point.split(" of ")[0] for point in died} >= {f"after {call}" for call in CALLS}
    assert_same_state(tmp_path / "home", tmp_path / "undisturbed", "demo")


OF_A_KIND = {
    "SIGKILL": [
        "before commit of demo/train",
        "after commit of demo/encoder",
        "after save of demo/encoder",
        "after perform of density",
        "after record_suite of demo/density",
        "before save of demo/baseline",
        "after write_page of report",
    ],
    "SIGINT": ["start encoder", "after judged of demo/density", "after commit of demo/baseline", "end report"],
}
"""For each kind of stage a point before or after its table is stored, and each kind of point once."""


def test_small_pipeline_stopped_at_a_point_of_each_kind_ends_as_if_undisturbed(tmp_path: Path):
    folder = Folder(tmp_path / "project")
    folder.declare(**SMALL)
    points = {signal: "|".join(map(re.escape, wanted)) for signal, wanted in OF_A_KIND.items()}
    died = die_everywhere(folder.path, "demo", tmp_path / "home", **points)
    assert sorted(died) == sorted(point for wanted in OF_A_KIND.values() for point in wanted)
    assert_same_state(tmp_path / "home", tmp_path / "undisturbed", "demo")
