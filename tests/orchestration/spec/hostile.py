"""What the tests of hostile YAML share: files in a project, and the message that each is refused with."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ballast.errors import SpecError
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import find
from tests.orchestration.projects import spec

SOON = 5.0
"""Seconds of the processor that a refusal may take; it takes some tenths of one."""
HANGS = 300
"""Seconds after which a test that hangs ends the process."""
LONGEST_MESSAGE = 700  # a temporary folder's path, and what is said


def declare(root: Path, text: str | bytes, name: str = "demo") -> Path:
    file = root / "pipelines" / name / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def document(**changes: Any) -> str:
    return yaml.safe_dump({"type": "ballast.Pipeline", "attributes": spec(**changes)}, sort_keys=False)


def planned(file: Path) -> Plan:
    return find(str(file)).plan()


def refusal(file: Path) -> str:
    """Gives the message with which a file is refused, within SOON, on short lines, one a mistake."""
    start = time.process_time()
    with pytest.raises(SpecError) as raised:
        planned(file)
    assert time.process_time() - start < SOON
    check_message(str(raised.value))
    return str(raised.value)


def check_message(message: str) -> None:
    """Checks that a refusal has a short line for each mistake, which begins with the file."""
    for line in message.split("\n"):
        assert "defs.yaml" in line.partition(": ")[0] or re.fullmatch(r"and \d+ other mistakes?", line), message
        assert len(line) < LONGEST_MESSAGE, message
        assert line.isprintable(), message


def told(plan: Callable[[], object]) -> str | None:
    """Gives the message with which a plan is refused, None where it is not."""
    try:
        plan()
    except SpecError as error:
        return str(error)
    return None
