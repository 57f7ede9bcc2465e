"""Commands of the pages, run in a shell as a reader runs them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def blocks(page: str, language: str) -> list[str]:
    """Gives the blocks of a page that are in a language."""
    return re.findall(rf"^```{language}(?: [^\n]*)?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def section(page: str, heading: str) -> str:
    """Gives what stands below a heading, to the next one of any level."""
    return page.partition(f"# {heading}\n")[2].partition("\n#")[0]


def outside(**changes: str) -> dict[str, str]:
    """Gives this process's environment without what points into this repository."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "BALLAST_HOME")
    return {name: value for name, value in os.environ.items() if name not in hidden} | changes


def run(script: str, cwd: Path, **environment: str) -> str:
    """Gives what a shell script prints, run with the exports and folder that it sets; a failure shows it."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=cwd, env=outside(**environment), capture_output=True, text=True
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
