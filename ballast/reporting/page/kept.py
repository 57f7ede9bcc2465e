"""What an earlier report has drawn of the same state, so that it need not be drawn again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ballast.methods.frame.closure import closure, digest_of
from ballast.reporting.page.html import Markup
from ballast.reporting.snapshot import Snapshot, Step

_STAMP = re.compile(r"<!--state (\w{64}) (\w{64})-->")
_PIECE = re.compile(r"<!--piece-->(.*?)<!--/piece-->", re.DOTALL)


def state_of(snapshot: Snapshot) -> str:
    """Gives a digest of all that a report shows but the run that it is of: the steps, their verdicts, and the code."""
    outline = snapshot.outline
    shown = {
        "pipeline": [outline.name, outline.description, snapshot.partition, snapshot.retired, snapshot.failed],
        "steps": [_shown(step) for step in snapshot.steps.values()],
        "code": _code(),
    }
    return _digest(json.dumps(shown, sort_keys=True, default=str))


def _shown(step: Step) -> object:
    node, commit = step.node, step.commit
    verdicts = [(v.gate, v.version, v.passed, v.severity, v.observed, v.message, bool(v.forced)) for v in step.verdicts]
    declared = [node.name, node.asset, node.stage, node.use, node.upstream, node.description, dict(node.notes)]
    return [*declared, commit and asdict(commit), verdicts, step.stale]


def drawn_before(path: Path, state: str) -> tuple[Markup, Markup] | None:
    """Gives the two pieces of a page that the report at `path` has of a state; None where it has not just these."""
    try:
        page = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    stamped = _STAMP.search(page)
    pieces = [Markup(found) for found in _PIECE.findall(page)]
    if stamped is None or stamped.groups() != (state, _digest("".join(pieces))) or len(pieces) != 2:
        return None
    return pieces[0], pieces[1]


def stamp(state: str, pieces: Sequence[Markup]) -> Markup:
    """Gives a comment by which ``drawn_before`` knows the state that a page shows, and that nobody changed it since."""
    return Markup(f"<!--state {state} {_digest(''.join(pieces))}-->")


def piece(content: Markup) -> Markup:
    return Markup(f"<!--piece-->{content}<!--/piece-->")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code() -> str:
    """Gives what changes when the code that draws does; what only the warehouse does with tables is left out."""
    drawing = closure("ballast.reporting.report", within=lambda module: not module.startswith("ballast.warehouse"))
    return f"{digest_of(drawing)} {version('matplotlib')} {version('pandas')}"
