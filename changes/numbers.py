"""Writes which methods' measured numbers changed since a release, a fragment of type ``numbers`` a method.

    python changes/numbers.py [REVISION]    # the latest tag, where none is given

``make changelog`` calls it before towncrier gathers the fragments. The numbers are the figures of
``ballast/methods/claims.json``; one changed where it reads otherwise at three digits. What has no number on one of the
two sides did not change: a method that is new or gone has a fragment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = "ballast/methods/claims.json"
Record = Mapping[str, Mapping[str, Any]]


def main(root: Path, revision: str | None) -> None:
    since = revision or latest_tag(root)
    if since is None:
        return
    now = json.loads((root / RECORD).read_text(encoding="utf-8"))
    for method, told in changed(recorded(root, since), now).items():
        (root / "changes" / f"{method}.numbers.md").write_text(told + "\n", encoding="utf-8")


def latest_tag(root: Path) -> str | None:
    """Gives the newest tag among the ancestors of what is checked out, None where there is none."""
    done = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() or None


def recorded(root: Path, revision: str) -> Record:
    """Gives the record of a revision; an empty one for a revision of before the record."""
    files = ["git", "ls-tree", "--name-only", revision, RECORD]
    if not subprocess.run(files, cwd=root, capture_output=True, text=True, check=True).stdout:
        return {}
    shown = subprocess.run(
        ["git", "show", f"{revision}:{RECORD}"], cwd=root, capture_output=True, text=True, check=True
    )
    return json.loads(shown.stdout)


def changed(before: Record, after: Record) -> dict[str, str]:
    """Gives what to say of each method whose numbers differ, by its name."""
    told: dict[str, list[str]] = {}
    for key in sorted(before.keys() & after.keys()):
        method, _, claim = key.partition("::")
        old, new = before[key]["figures"], after[key]["figures"]
        moves = [
            f"`{figure}` from {number(old[figure])} to {number(new[figure])}"
            for figure in new
            if figure in old and number(old[figure]) != number(new[figure])
        ]
        if moves:
            told.setdefault(method, []).append(f"{claim.replace('_', ' ')}: {', '.join(moves)}")
    return {method: f"`{method}`: {'; '.join(claims)}." for method, claims in told.items()}


def number(figure: tuple[float, float | None]) -> str:
    """Gives a figure, its mean and its standard error, as the changelog says it."""
    return f"{figure[0]:.3g}"


if __name__ == "__main__":
    main(ROOT, sys.argv[1] if len(sys.argv) > 1 else None)
