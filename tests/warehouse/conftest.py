"""A warehouse in a folder of its own, and second processes that a test can start and release."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from ballast.warehouse import Warehouse
from tests import postgres

HOMES = ("embedded", "sqlite", "postgres")


def homes(*quick: str) -> list[Any]:
    """Gives each of the homes as a parameter; those that are not named are left to ``make test-all``."""
    return [home if home in quick else pytest.param(home, marks=pytest.mark.full) for home in HOMES]


@pytest.fixture(params=homes("embedded", "sqlite"))
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """An empty warehouse in each of the homes."""
    return make_warehouse(request.param, tmp_path, request)


@pytest.fixture
def embedded(tmp_path: Path, request: pytest.FixtureRequest) -> Warehouse:
    """An empty warehouse in a DuckDB file."""
    return make_warehouse("embedded", tmp_path, request)


@pytest.fixture(scope="module", params=homes("embedded", "sqlite"))
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse in each of the homes that the tests of a module fill together."""
    return make_warehouse(request.param, tmp_path_factory.mktemp("shared"), request)


def make_warehouse(home: str, folder: Path, request: pytest.FixtureRequest, timeout: float = 300) -> Warehouse:
    if home == "embedded":
        return Warehouse(f"duckdb:///{folder}/store/ballast.duckdb", timeout=timeout)
    if home == "sqlite":
        return Warehouse(f"ducklake:sqlite:///{folder}/store/lake.sqlite", timeout=timeout)
    database = postgres.new_database(request.getfixturevalue("postgres_server"), uuid4().hex)
    return Warehouse(f"ducklake:{database}?data_path={folder}/store", timeout=timeout)


@pytest.fixture
def weights() -> pd.DataFrame:
    values = np.random.default_rng(0).exponential(size=50)
    return pd.DataFrame({"sample_id": [f"s{i}" for i in range(50)], "weight": values})


@pytest.fixture
def process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code as a process with pipes; what is still running at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that its own children can be killed with it
        )
        started.append(child)
        return child

    yield start
    for child in started:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
