"""What every test shares: a quiet, repeatable environment, and reasons to skip where a machine lacks a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres

# Set before numpy and torch load: the workers share the cores, and one thread sums in one order.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
os.environ.pop("DAGSTER_HOME", None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URI of a Postgres server that lives as long as the tests; see `postgres.new_database`."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, postgres.server(Path(folder)) as uri:
        yield uri


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
