"""A project to put files in, and an end to tests that hang."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from pathlib import Path

import pytest

from ballast.methods.frame.catalogue import methods
from tests.orchestration.spec.hostile import HANGS


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    methods()  # its imports are no part of what is measured
    faulthandler.dump_traceback_later(HANGS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").touch()
    return tmp_path
