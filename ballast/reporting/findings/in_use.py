"""Which model is in use, since when, and what the last run made of it."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.reporting.findings.finding import Finding
from ballast.reporting.snapshot import Snapshot, Step
from ballast.warehouse.aliases import in_use as named_by
from ballast.warehouse.tables.aliases import Use

TOPIC = "In use"


def in_use(snapshot: Snapshot) -> Iterator[Finding]:
    """Gives a sentence for each alias: what it names, since when and by whom, and why it moved or stays."""
    for step in snapshot.of("promotion"):
        use = named_by(step.warehouse, step.node.asset) if step.warehouse is not None else None
        ran, why = _ran(snapshot, step)
        moved = use is not None and ran and step.commit is not None and step.commit.run_id == use.run_id
        kind = "bad" if use is None else "warn" if not ran else "good" if moved else ""
        yield Finding(TOPIC, f"{step.node.name} is {_now(use)}; {why.rstrip('.')}.", kind, (step.node.name,))


def _now(use: Use | None) -> str:
    if use is None:
        return "no model yet"
    forced = ", past closed gates" if use.forced else ""
    how = {"rule": "by rule", "hand": f"by hand ({use.who}{forced})", "rollback": f"by rollback ({use.who})"}[use.way]
    step = use.model.partition("/")[2]
    return f"{step} version {use.version} since {use.since:%Y-%m-%d %H:%M} UTC, {how}"


def _ran(snapshot: Snapshot, step: Step) -> tuple[bool, str]:
    """Says whether candidates were weighed at last, and what came of it."""
    if step.commit is None:
        return False, "candidates were not weighed yet"
    if step.node.name in snapshot.failed or step.node.asset in snapshot.outdated:
        return False, "candidates were not weighed in the last run, so that it stays"
    return True, f"weighed on {step.commit.created_at:%Y-%m-%d %H:%M}: {step.commit.summary.get('said', '')}"
