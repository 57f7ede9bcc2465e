"""The project's Dagster instance, made by several first runs at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIRST = """
import sys
from ballast.orchestration.projects.instance import instance
print("ready", flush=True)
sys.stdin.readline()
made = instance()
print(len(made.get_runs()), made.root_directory)
"""


@pytest.mark.parametrize("times", [2, pytest.param(6, marks=pytest.mark.full)])
def test_instance_when_several_first_runs_make_it_at_once_then_it_works_for_all_and_afterwards(tmp_path: Path, times):
    for number in range(times):
        home = tmp_path / str(number)
        env = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME"} | {"BALLAST_HOME": str(home)}

        def start(env: dict[str, str] = env) -> subprocess.Popen[str]:
            pipe = subprocess.PIPE
            return subprocess.Popen(
                [sys.executable, "-c", FIRST], env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )

        children = [start() for _ in range(3)]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in [*children, start()]:
            output, errors = child.communicate("go\n" if child not in children else None, timeout=300)
            assert child.returncode == 0, errors
            assert output.split()[-2:] == ["0", str(home / "dagster")]
        assert "enabled: false" in (home / "dagster" / "dagster.yaml").read_text()
