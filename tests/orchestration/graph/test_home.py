"""Where a project's things lie: beside its pyproject.toml, from wherever a process is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ballast.orchestration.graph.home import home, project_root, within
from ballast.orchestration.graph.scaffold import _ignore

DG = "[tool.dg]\ndirectory_type = 'project'\n"
PLAIN = "[project]\nname = 'x'\n"


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BALLAST_HOME", raising=False)


def made(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "start", "root"),
    [
        ({"pyproject.toml": DG, "src/shop/definitions.py": ""}, "src/shop/defs/churn", "."),
        ({"pyproject.toml": PLAIN}, "pipelines/churn", "."),
        ({"pyproject.toml": PLAIN, "definitions.py": "", "../workspace.yaml": ""}, "pipelines/churn", "."),
        ({"pyproject.toml": DG, "../pyproject.toml": DG}, "pipelines", "."),
        ({"workspace.yaml": ""}, "deep/er", "."),
        ({"etl/definitions.py": ""}, "etl/defs", "etl"),
        ({"dg.toml": "", "sub/pyproject.toml": PLAIN}, "sub/x", "."),
        ({}, "nothing/here", "nothing/here"),
    ],
)
def test_project_root_from_a_folder_in_it(tmp_path: Path, files: dict[str, str], start: str, root: str):
    project = tmp_path / "outer" / "project"
    (project / start).mkdir(parents=True)
    made(project, files)
    assert project_root(project / start) == (project / root).resolve()
    assert home(project / start) == (project / root).resolve() / ".ballast"
    with within(project / start):
        assert home() == (project / root).resolve() / ".ballast"


# Loads pipelines from elsewhere, as a process that Dagster starts does, and says where their things would lie.
LOADS = """
import sys
from pathlib import Path
from ballast import BallastResource, Pipeline
for folder in sys.argv[1:]:
    data = {"train": {"path": "train.csv", "id": "id", "label": "y"}}
    Pipeline(name="demo", data=data, steps={"m": {"use": "logistic_regression"}}).definitions(folder)
print(BallastResource().base())
"""


def test_home_of_a_process_started_at_the_root_then_the_project_whose_pipelines_it_loaded(tmp_path: Path):
    made(tmp_path / "a", {"pyproject.toml": DG, "pipelines/demo/defs.yaml": ""})
    made(tmp_path / "b", {"pyproject.toml": DG, "pipelines/demo/defs.yaml": ""})
    a, b = (str(tmp_path / name / "pipelines/demo") for name in "ab")
    env = {name: value for name, value in os.environ.items() if name != "BALLAST_HOME"}
    for folders, expected in (([a, a], tmp_path / "a/.ballast"), ([a, b], Path("/.ballast"))):
        done = subprocess.run(
            [sys.executable, "-c", LOADS, *folders], cwd="/", env=env, capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == str(expected), done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ".ballast/\n"),
        ("dist/\n", "dist/\n.ballast/\n"),
        ("dist/", "dist/\n.ballast/\n"),
        ("/.ballast\n", "/.ballast\n"),
        ("a\n.ballast/\nb\n", "a\n.ballast/\nb\n"),
    ],
)
def test_scaffold_adds_ballasts_folder_to_what_git_ignores_once(tmp_path: Path, before: str | None, after: str):
    file = tmp_path / ".gitignore"
    if before is not None:
        file.write_text(before)
    _ignore(file)
    assert file.read_text() == after
