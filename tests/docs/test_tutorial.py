"""The tutorial: followed from its first line to its last in an empty folder, it prints what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
NUMBER = re.compile(r"\d[\d.]*(?:e-\d+)?")
"""Other machines round otherwise; `python docs/make_tutorial.py` writes the page's figures anew."""


@pytest.mark.full
def test_tutorial_when_followed_then_prints_what_the_page_says(tmp_path: Path):
    made = tmp_path / "tutorial.md"
    command = [sys.executable, DOCS / "make_tutorial.py", made]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told, printed = (NUMBER.sub("#", file.read_text("utf-8")) for file in (DOCS / "tutorial.md", made))
    assert printed == told
