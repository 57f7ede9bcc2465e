"""A Dagster project of somebody else's with closed gates in it, and the real servers that launch its runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import dagster as dg
import pandas as pd
import yaml

from ballast import Warehouse
from tests.orchestration.projects import rows

BIN = Path(sys.executable).parent
PATIENCE = 300.0
"""Seconds to wait for what a server or a daemon does; a loaded machine may need many."""

PYPROJECT = """
[project]
name = "house"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "house"
"""
WORKSPACE = """
load_from:
  - python_module: {module_name: house.definitions, location_name: house}
"""
INSTANCE = """
telemetry: {enabled: false}
nux: {enabled: false}
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg

from ballast import BallastResource

automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.groups("eager"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=1,
)


def without_regard_to_checks(spec):
    return spec.replace_attributes(automation_condition=dg.AutomationCondition.eager())


defs = dg.Definitions.merge(
    dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
    dg.Definitions(
        resources={"ballast": BallastResource()}, sensors=[automation], executor=dg.in_process_executor
    ),
).map_resolved_asset_specs(selection="key:eager/careless", func=without_regard_to_checks)
"""
GATE = "expect_effective_sample_size"


class House:
    """A project with three pipelines alike: `plain`, `eager` (automated) and `sites` (one partition a colour).

    The gate behind `density` is closed in each; in `sites` only that of the green partition is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.dagster_home = root / "dagster"
        package = root / "house"
        for folder in (self.dagster_home, package / "defs"):
            folder.mkdir(parents=True)
        for path, text in {
            root / "pyproject.toml": PYPROJECT,
            root / "workspace.yaml": WORKSPACE,
            self.dagster_home / "dagster.yaml": INSTANCE,
            package / "definitions.py": DEFINITIONS,
            package / "__init__.py": "",
            package / "defs" / "__init__.py": "",
        }.items():
            path.write_text(text)
        rows(200, seed=1).to_csv(root / "train.csv", index=False)
        target = pd.concat([rows(120, seed=2, start=1000), rows(120, seed=3, shift=1.2, start=2000)])
        target["colour"] = ["red"] * 120 + ["green"] * 120
        target.to_csv(root / "target.csv", index=False)
        self.declare("plain", 1.0)
        self.declare("eager", 1.0, automation="eager")
        self.declare("sites", 0.6, partitions={"column": "colour", "static": ["red", "green"], "roles": ["target"]})

    def declare(self, name: str, min_share: float, **more: Any) -> None:
        attributes = {
            "name": name,
            "data": {
                "train": {"path": str(self.root / "train.csv"), "id": "key", "label": "kind"},
                "target": {"path": str(self.root / "target.csv"), "id": "key", "drop": ["kind"]},
            },
            "steps": {
                "density": {"use": "density_ratio_classifier"},
                "baseline": {"use": "logistic_regression"},
                "reweighted": {"use": "logistic_regression", "weights": "density"},
                "careless": {"use": "logistic_regression", "weights": "density"},
            },
            "gates": {"density": [{GATE: {"min_share": min_share}}]},
            **more,
        }
        folder = self.root / "house" / "defs" / name
        folder.mkdir()
        (folder / "defs.yaml").write_text(yaml.safe_dump({"type": "ballast.Pipeline", "attributes": attributes}))

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(f"duckdb:///{self.home / 'warehouse.duckdb'}")

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root),
            "DAGSTER_HOME": str(self.dagster_home),
            "BALLAST_HOME": str(self.home),
            "COLUMNS": "200",
        }

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.dagster_home))


class Server:
    """A running ``dagster dev``: the web server, the daemon and the code server of a project."""

    def __init__(self, house: House) -> None:
        self.house = house
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = (house.root / "dagster-dev.log").open("w+")
        self.process = subprocess.Popen(
            ["dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(self.port)],
            cwd=house.root,
            env=house.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, so that all of it can be stopped
        )

    def stop(self) -> None:
        """Stops the server as Ctrl-C does, and then whatever is left of its process group."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def wait_for(self, what: str, found: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if answer := found():
                return answer
            time.sleep(0.3)
        self.log.seek(0)
        raise AssertionError(f"waited in vain for {what}:\n{self.log.read()[-6000:]}")

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=PATIENCE) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def is_up(self) -> bool:
        try:
            data = self.ask("{repositoriesOrError{... on RepositoryConnection{nodes{name}}}}")
        except (URLError, ConnectionError):
            return False
        return bool(data["repositoriesOrError"].get("nodes"))
