"""Projects in folders, and the commands run in them: in this process, or as a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from ballast.cli import app
from tests.orchestration.projects import rows, spec

BALLAST = Path(sys.executable).with_name("ballast")


class Folder:
    """A project's folder: tables, and the pipeline `demo` over them in ``pipelines/demo/defs.yaml``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.home = path / ".ballast"
        self.pipeline = path / "pipelines" / "demo"
        self.pipeline.mkdir(parents=True)
        (path / "workspace.yaml").write_text("load_from: []\n")  # makes it a project's root
        rows(200, seed=1).to_csv(self.pipeline / "train.csv", index=False)
        rows(120, seed=2, shift=0.5, start=1000).to_csv(self.pipeline / "target.csv", index=False)
        rows(100, seed=3, shift=0.5, start=2000).to_csv(self.pipeline / "test.csv", index=False)
        self.declare()

    def declare(self, **changes: Any) -> None:
        """Writes the pipeline's YAML; the changes are those of ``spec``."""
        document = {"type": "ballast.Pipeline", "attributes": spec(**changes)}
        (self.pipeline / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def ballast(self, *arguments: str) -> Result:
        """Runs a command in this process and in this folder."""
        before = Path.cwd()
        os.chdir(self.path)
        try:
            return CliRunner(env={"BALLAST_HOME": str(self.home)}).invoke(app, list(arguments))
        finally:
            os.chdir(before)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts a command as a user's shell does, its output read through a pipe."""
        env = {**os.environ, "BALLAST_HOME": str(self.home), "COLUMNS": "200"}
        return subprocess.Popen(
            [BALLAST, *arguments],
            cwd=self.path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A project whose pipeline has run; tests only read it."""
    made = Folder(tmp_path_factory.mktemp("finished"))
    result = made.ballast("run", "demo")
    assert result.exit_code == 0, result.output
    return made
