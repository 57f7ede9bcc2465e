"""Which tests go to one worker, one after another: those of a file, which share fixtures, and of one method's grid."""

from __future__ import annotations

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

GRID = "tests/conformance/test_catalogue.py"
CLUSTER = "tests/compute/engines/"
"""The tests that share a Ray cluster."""


class ByFile(LoadScopeScheduling):
    """Deals whole files to the workers, and the grid of methods and checks by method."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file == GRID and (method := re.search(r"\[(\w+)", nodeid)):
            return f"{file}[{method[1]}]"
        return CLUSTER if file.startswith(CLUSTER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByFile:
    return ByFile(config, log)
