"""Which model is in use, since when, and what the last run made of it."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.reporting.findings.finding import Finding
from ballast.reporting.snapshot import Snapshot, Step
from ballast.warehouse.aliases import in_use as named_by
from ballast.warehouse.tables.aliases import Use
from ballast.words import one_line

TOPIC = "In use"


def in_use(snapshot: Snapshot) -> Iterator[Finding]:
    """Gives a sentence for each alias: what it names, since when and by whom, and why it moved or stays."""
    for step in snapshot.of("promotion"):
        use = named_by(step.warehouse, step.node.asset) if step.warehouse is not None else None
        ran, why = _ran(snapshot, step)
        moved = use is not None and ran and step.commit is not None and step.commit.run_id == use.run_id
        kind = "bad" if use is None else "warn" if not ran else "good" if moved else ""
        before = "" if use is None or moved else _why(use)
        yield Finding(TOPIC, f"{step.node.name} is {_now(use)}{before}; {why.rstrip('.')}.", kind, (step.node.name,))


def _now(use: Use | None) -> str:
    if use is None:
        return "no model yet"
    forced = ", past closed gates" if use.forced else ""
    how = {"rule": "by rule", "hand": f"by hand ({use.who}{forced})", "rollback": f"by rollback ({use.who})"}[use.way]
    return f"{_called(use)} since {use.since:%Y-%m-%d %H:%M} UTC, {how}"


def _why(use: Use) -> str:
    """Gives why it came into use, as the history has it."""
    why = use.why.replace(f" to {_called(use)}", "", 1) if use.way == "rule" else one_line(use.why)
    return f": {why.rstrip('.')}" if why else ""


def _called(use: Use) -> str:
    return f"{use.model.partition('/')[2]} version {use.version}"


def _ran(snapshot: Snapshot, step: Step) -> tuple[bool, str]:
    """Says whether candidates were weighed at last, and what came of it."""
    if step.commit is None:
        return False, "candidates were not weighed yet"
    if step.node.name in snapshot.failed or step.node.asset in snapshot.outdated:
        return False, "candidates were not weighed in the last run, so that it stays"
    return True, f"weighed on {step.commit.created_at:%Y-%m-%d %H:%M} UTC: {step.commit.summary.get('said', '')}"
