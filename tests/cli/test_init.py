"""``ballast init``: a project that works as it is made, or an error and nothing made."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ballast.cli import app
from ballast.cli.init import make_project, project_name
from ballast.errors import BallastError

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "commands",
    [
        ["ballast run wine"],
        pytest.param(["ballast run wine", "ballast check", "dg check defs"], marks=pytest.mark.full),
    ],
    ids=", ".join,
)
def test_init_makes_a_project_whose_pipeline_runs_and_whose_definitions_are_sound(tmp_path: Path, commands: list[str]):
    target = tmp_path / "deep" / "My cellar (2)"
    made = CliRunner().invoke(app, ["init", str(target)])
    assert made.exit_code == 0, made.output
    assert f"cd '{target}'" in made.output
    env = {key: value for key, value in os.environ.items() if key not in ("BALLAST_HOME", "DAGSTER_HOME")}
    env["PATH"] = f"{BIN}{os.pathsep}{env['PATH']}"
    for command in commands:
        done = subprocess.run(command.split(), cwd=target, env=env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    assert (target / ".ballast" / "reports" / "wine.html").exists()


def test_init_names_the_project_after_its_folder(tmp_path: Path):
    made = make_project(tmp_path / "Über Wein_2")
    settings = tomllib.loads((tmp_path / "Über Wein_2" / "pyproject.toml").read_text())
    assert settings["project"]["name"] == settings["tool"]["dg"]["project"]["code_location_name"] == "ber-wein-2"
    assert all(path.is_file() for path in made)
    assert not any("template" in path.name or "$" in path.read_text() for path in made)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("churn", "churn"), ("--x..y__z--", "x-y-z"), ("日本", "ballast-project"), ("", "ballast-project"), ("42", "42")],
)
def test_project_name_of_any_folder_is_one_that_pyproject_takes(folder: str, name: str):
    assert project_name(folder) == name


def test_init_in_an_empty_folder_works_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert CliRunner().invoke(app, ["init", "."]).exit_code == 0
    assert Path("pipelines/wine/defs.yaml").exists()


def test_init_in_a_folder_that_holds_something_names_it_and_makes_nothing(tmp_path: Path):
    for name in "abcdefg":
        (tmp_path / name).touch()
    result = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert result.exit_code == 2
    assert "is not empty: it holds a, b, c, d, e and 2 more; name a new or empty folder" in result.stderr
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.parametrize("path", ["taken", "taken/below"])
def test_init_on_a_file_or_below_one_says_so(tmp_path: Path, path: str):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(BallastError, match="is a file or lies in one"):
        make_project(tmp_path / path)
    assert (tmp_path / "taken").read_text() == "mine"


def test_init_when_a_file_cannot_be_written_leaves_nothing_behind(tmp_path: Path):
    target = tmp_path / "new" / "project"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))  # as a full disk does: the longer files do not fit
    try:
        with pytest.raises(BallastError, match=r"cannot make a project in .*; choose another folder"):
            make_project(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
