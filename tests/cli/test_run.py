"""``ballast run`` as a user calls it: what to run, what is told, and the exit code."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ballast import Warehouse
from tests.cli.conftest import BALLAST, Folder


def versions(folder: Folder) -> dict[str, int]:
    warehouse = Warehouse(f"duckdb:///{folder.home / 'warehouse.duckdb'}")
    return {c.asset: c.version for c in reversed(warehouse.commits())}


def test_run_outside_a_terminal_tells_each_step_in_a_line_and_the_outcome(folder: Folder):
    process = folder.start("run", "demo")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert "  density: done" in out
    assert "\x1b[" not in out
    assert re.search(r"^reweighted +0\.\d+ ", out, re.MULTILINE)
    assert re.search(r"^Shift: The data have shifted: drift finds 2 of \d+ columns changed, .*\.$", out, re.MULTILINE)
    assert re.search(r"^May it ship: Yes: .*\.$", out, re.MULTILINE)
    assert str(folder.home / "reports" / "demo.html") in out
    (told,) = err.splitlines()
    assert told.startswith("density_ratio_classifier: 1 of 200 rows have the largest weight allowed, 14.1")


@pytest.mark.parametrize("name", ["demo", "pipelines/demo", "pipelines/demo/defs.yaml"])
def test_run_finds_a_pipeline_by_name_folder_and_file(finished: Folder, name: str):
    result = finished.ballast("run", name, "--select", "drift")
    assert result.exit_code == 0, result.output
    assert "drift: reused" in result.output
    assert "density" not in result.output


def test_run_again_when_nothing_changed_loads_nothing_that_computes_judges_or_draws(finished: Folder):
    code = (
        "import sys; sys.argv = ['ballast', 'run', 'demo']\n"
        "from ballast.cli import app\n"
        "try: app()\n"
        "finally: print('loaded', *{'torch', 'great_expectations', 'matplotlib', 'skops'} & sys.modules.keys())"
    )
    env = {**os.environ, "BALLAST_HOME": str(finished.home)}
    assert finished.ballast("run", "demo").exit_code == 0  # other tests may have run single steps
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=finished.path, env=env, capture_output=True, text=True, check=True
    )
    assert "density: reused" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded"


def test_run_of_a_selected_step_leaves_the_others_alone(folder: Folder):
    assert folder.ballast("run", "demo", "--select", "train").exit_code == 0
    assert versions(folder) == {"demo/train": 1}


def test_run_when_fresh_computes_the_selected_step_again(finished: Folder):
    before = versions(finished)
    assert finished.ballast("run", "demo", "--select", "drift", "--fresh").exit_code == 0
    assert versions(finished) == {**before, "demo/drift": before["demo/drift"] + 1}


def test_run_when_a_gate_closes_exits_with_1_and_names_gate_figures_and_what_did_not_run(folder: Folder):
    folder.declare(gates={"density": [{"expect_effective_sample_size": {"min_share": 0.999}}]})
    result = folder.ballast("run", "demo")
    assert result.exit_code == 1, result.output
    assert "closed demo/density expect_effective_sample_size: " in result.output
    assert re.search(r"reweighted .*not run", result.output), result.output
    assert "demo/reweighted" not in versions(folder)
    forced = folder.ballast("run", "demo", "--select", "reweighted", "--force")
    assert forced.exit_code == 0, forced.output
    assert versions(folder)["demo/reweighted"] == 1


def test_run_when_a_step_fails_exits_with_2_and_names_step_and_reason(folder: Folder):
    folder.declare(data__test={"path": "nowhere.csv", "id": "key", "label": "kind"})
    result = folder.ballast("run", "demo")
    assert result.exit_code == 2, result.output
    assert "failed test: " in result.output
    assert "there is no file 'nowhere.csv'" in result.output
    assert versions(folder)["demo/train"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["demmo"], "there is no pipeline 'demmo', did you mean 'demo'? (pipelines here: demo)"),
        (["nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["demo", "--select", "densty"], "there is no such step, did you mean 'density'?"),
        (["demo", "--partition", "red"], "'red'"),
    ],
)
def test_run_of_what_is_not_there_exits_with_2_and_names_the_nearest(finished: Folder, arguments, told):
    result = finished.ballast("run", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("SpecError: ")
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_run_of_a_wrong_pipeline_exits_with_2_and_names_file_key_and_nearest(folder: Folder):
    folder.declare(steps__density={"use": "density_ratio_clasifier"})
    result = folder.ballast("run", "demo")
    assert result.exit_code == 2
    assert re.search(r"pipelines/demo/defs.yaml:\d+: steps.density.use", result.stderr)
    assert "did you mean 'density_ratio_classifier'?" in result.stderr


def test_run_of_one_partition_stores_that_one_alone(folder: Folder):
    folder.declare(partitions={"column": "colour", "static": ["red", "green"]})
    result = folder.ballast("run", "demo", "--partition", "red", "--select", "target", "--select", "train")
    assert result.exit_code == 0, result.output
    assert "demo [red]" in result.output
    warehouse = Warehouse(f"duckdb:///{folder.home / 'warehouse.duckdb'}")
    assert set(warehouse.read("demo/target")["partition"]) == {"red"}
    unknown = folder.ballast("run", "demo", "--partition", "blue")
    assert unknown.exit_code == 2
    assert "blue" in unknown.stderr
    assert "red" in unknown.stderr


WAITING = """
import os, signal
from pathlib import Path
import pandas as pd

def target():
    here = Path(__file__).parent
    if not (here / "go").exists():
        os.write(int(os.environ["READY"]), b"x")
        signal.pause()
    return pd.read_csv(here / "pipelines" / "demo" / "target.csv")
"""


def test_run_when_stopped_by_control_c_exits_with_130_keeps_what_was_done_and_goes_on_from_there(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
):
    (folder.path / "waiting.py").write_text(WAITING)
    target = {"loader": "waiting.target", "id": "key", "drop": ["kind"]}
    folder.declare(data__target=target, steps__drift=None, steps__verdict=None)
    assert folder.ballast("run", "demo", "--select", "train", "--select", "test").exit_code == 0
    ready, told = os.pipe()
    monkeypatch.setenv("READY", str(told))
    process = folder.start("run", "demo", pass_fds=[told])
    os.close(told)
    assert os.read(ready, 1) == b"x", process.communicate()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, out + err
    assert "What was finished is stored; the same command goes on from there." in err
    kept = versions(folder)
    assert kept["demo/train"] == 1
    assert "demo/target" not in kept
    (folder.path / "go").touch()
    again = folder.ballast("run", "demo")
    assert again.exit_code == 0, again.output
    assert set(versions(folder).values()) == {1}


def test_run_of_a_file_from_another_folder_keeps_its_things_in_its_own_project(folder: Folder, tmp_path: Path):
    folder.declare(steps={"drift": {"use": "kolmogorov_smirnov"}})
    away = tmp_path / "away"
    away.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in ("BALLAST_HOME", "DAGSTER_HOME")}
    done = subprocess.run(
        [BALLAST, "run", str(folder.pipeline / "defs.yaml")], cwd=away, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (folder.path / ".ballast" / "warehouse.duckdb").exists()
    assert not (away / ".ballast").exists()
