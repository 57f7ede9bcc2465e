"""The pages on installing and on CI: followed in a fresh clone and a fresh environment, they work as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.docs.shell import ROOT, blocks, run

DOCS = ROOT / "docs"
INSTALL = (DOCS / "install.md").read_text(encoding="utf-8")
CI = (DOCS / "ci.md").read_text(encoding="utf-8")
COMMIT = "git -c user.name=x -c user.email=x@x commit -qm x"
ADDRESS = "<address of the repository>"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def workflow() -> dict:
    """Gives the page's file for GitHub Actions."""
    found = next(block for block in blocks(CI, "yaml") if "runs-on" in block)
    return yaml.load(found, yaml.BaseLoader)  # "on" is a key here, and no truth


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every command of the page on installing was run, in one shell."""
    folder = tmp_path_factory.mktemp("install")
    if (ROOT / ".git").exists():
        source = f"git clone -q {ROOT} copy\n"
    else:
        shutil.copytree(ROOT, folder / "copy", ignore=shutil.ignore_patterns(".venv*", ".ballast", "site"))
        source = (
            "git -C copy init -q && git -C copy add -A && git -C copy -c user.name=x -c user.email=x@x commit -qm x\n"
        )
    script = "\n".join(blocks(INSTALL, "sh")).replace(ADDRESS, "copy")
    printed = run(source + script, folder, PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert "May it ship: " in printed
    return folder / "ballast"


@pytest.mark.full
def test_page_on_installing_when_followed_then_ballast_comes_from_the_wheel(installed: Path):
    python = installed / ".venv" / "bin" / "python"
    assert str(installed / ".venv") in run(f"{python} -I -c 'import ballast; print(ballast.__file__)'", installed)


@pytest.mark.full
def test_workflow_of_the_page_on_ci_when_run_in_a_clone_then_passes(installed: Path, tmp_path: Path):
    bin_ = installed / ".venv" / "bin"
    (wheel,) = (installed / "dist").glob("*.whl")
    project = tmp_path / "my-project"
    run(f"{bin_}/ballast init {project}", tmp_path)
    (project / "requirements.txt").write_text(f"{wheel}\n-c {installed}/constraints.txt\n")
    run(f"git init -q && git add -A && {COMMIT} && git clone -q . ../clone", project)
    summary = tmp_path / "summary.md"
    environment = workflow()["env"] | {"GITHUB_STEP_SUMMARY": str(summary), "PATH": f"{bin_}:{os.environ['PATH']}"}
    for step in workflow()["jobs"]["gates"]["steps"]:
        if "run" in step:
            run(step["run"], tmp_path / "clone", **environment)
    assert "open" in summary.read_text()
    assert "<testsuite" in (tmp_path / "clone" / "gates.xml").read_text()
    assert (tmp_path / "clone" / ".ballast" / "reports" / "wine.html").exists()


def test_workflows_when_held_to_the_schema_of_github_then_valid(tmp_path: Path):
    file = tmp_path / "gates.yml"
    file.write_text(next(block for block in blocks(CI, "yaml") if "runs-on" in block))
    own = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, file, *own], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    file.write_text(file.read_text().replace("runs-on", "runs_on"))
    assert subprocess.run([*command, file], capture_output=True).returncode == 1


def test_other_ci_when_read_then_the_commands_are_the_same():
    (other,) = (yaml.safe_load(block) for block in blocks(CI, "yaml") if "script" in block)
    steps = [step["run"] for step in workflow()["jobs"]["gates"]["steps"] if "run" in step]
    assert other["gates"]["script"] == [line for line in steps if "GITHUB" not in line]


def test_page_on_installing_when_read_then_names_the_extras_that_there_are_and_no_command_that_fails_today():
    named = set(re.findall(r"the extra `(\w+)`", INSTALL))
    assert named <= set(EXTRAS)
    assert named >= {"ducklake", "remote"}
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        commands = "\n".join(blocks(page.read_text(encoding="utf-8"), "sh"))
        assert not re.search(r"pip install [^\n]*dagster-ballast", commands), page.name
