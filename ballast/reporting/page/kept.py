"""What an earlier report has drawn of the same state, so that it need not be drawn again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ballast.methods.frame.closure import closure, digest_of
from ballast.reporting.findings.finding import Finding
from ballast.reporting.page.html import Markup
from ballast.reporting.snapshot import Snapshot, Step

_STAMP = re.compile(r"<!--state (\w{64}) (\w{64}) ([\w+/=]*)-->")
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


class Drawn(NamedTuple):
    """What a page shows of a state: the page down to its sections, the sections, and what was found."""

    top: Markup
    sections: Markup
    found: list[Finding]


def drawn_before(path: Path, state: str) -> Drawn | None:
    """Gives what the report at `path` shows of a state; None where it does not show just this one."""
    try:
        page = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    stamped = _STAMP.search(page)
    pieces = [Markup(found) for found in _PIECE.findall(page)]
    if stamped is None or len(pieces) != 2:
        return None
    seen, digest, found = stamped.groups()
    if (seen, digest) != (state, _digest("".join(pieces) + found)):
        return None
    told = [Finding(**{**each, "steps": tuple(each["steps"])}) for each in json.loads(base64.b64decode(found))]
    return Drawn(pieces[0], pieces[1], told)


def stamp(state: str, drawn: Drawn) -> Markup:
    """Gives a comment by which ``drawn_before`` knows the state that a page shows, and that nobody changed it since."""
    found = base64.b64encode(json.dumps([asdict(each) for each in drawn.found]).encode()).decode()
    return Markup(f"<!--state {state} {_digest(drawn.top + drawn.sections + found)} {found}-->")


def piece(content: Markup) -> Markup:
    return Markup(f"<!--piece-->{content}<!--/piece-->")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code() -> str:
    """Gives what changes when the code that draws does; what only the warehouse does with tables is left out."""
    drawing = closure("ballast.reporting.report", within=lambda module: not module.startswith("ballast.warehouse"))
    return f"{digest_of(drawing)} {version('matplotlib')} {version('pandas')}"
