"""A project that has not run yet, and copies of those that have, for a run takes seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.orchestration.projects import Project, spec

CLOSED = {"density": [{"expect_effective_sample_size": {"min_share": 1.0}}]}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("begun"))
    assert made.run("train", "target", "test", "encoder").success
    return made


@pytest.fixture
def begun(_begun: Project, tmp_path: Path) -> Project:
    """A project whose sources and features are stored, and nothing behind them."""
    return _begun.copied(tmp_path)


@pytest.fixture(scope="session")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("ran"))
    assert made.run().success
    return made


@pytest.fixture
def ran(_ran: Project, tmp_path: Path) -> Project:
    """A project whose pipeline has run."""
    return _ran.copied(tmp_path)


@pytest.fixture(scope="session")
def _stopped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("stopped"), spec(gates=CLOSED))
    assert not made.run().success
    return made


@pytest.fixture
def stopped(_stopped: Project, tmp_path: Path) -> Project:
    """A project whose run was stopped by the gate behind density."""
    return _stopped.copied(tmp_path)
