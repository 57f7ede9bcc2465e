"""Whether what a pipeline made may ship: what its gates say, and what keeps them from saying it of all."""

from __future__ import annotations

from ballast.reporting.findings.finding import Finding
from ballast.reporting.snapshot import Snapshot
from ballast.warehouse import Verdict
from ballast.words import listed, plural

TOPIC = "May it ship"


def ship(snapshot: Snapshot) -> Finding:
    """Says no where a gate is closed, not yet where a step is missing, failed or older than its inputs, else yes."""
    judged = [(step.node.name, verdict) for step in snapshot.steps.values() for verdict in step.verdicts]
    closed = [pair for pair in judged if pair[1].closes]
    warned = [pair for pair in judged if not pair[1].passed and not pair[1].closes]
    names = tuple(dict.fromkeys(name for name, _ in [*closed, *warned]))
    lacking = _lacking(snapshot)
    if closed:
        forced = sum(verdict.forced for _, verdict in closed)
        said = f"No: {len(closed)} of {plural(len(judged), 'gate')} closed: {_named(closed)}"
        said += f"; the run went on by force past {forced} of them" if forced else ""
        return Finding(TOPIC, f"{said}{'; ' if lacking else ''}{lacking}.", "bad", names)
    if not judged:
        return Finding(TOPIC, f"Not yet: no gate has judged anything{'; ' if lacking else ''}{lacking}.", "warn")
    though = f", {len(warned)} with a warning: {_named(warned)}" if warned else ""
    gates = plural(len(judged), "gate")
    if lacking:
        return Finding(TOPIC, f"Not yet: {lacking}; the {gates} judged so far let it pass{though}.", "warn", names)
    passes = f"all {gates} let it pass" if len(judged) > 1 else "its one gate lets it pass"
    unasked = snapshot.of("learner") and not any(verdict.gate.startswith("expect_metric") for _, verdict in judged)
    but = "; none of them asks how good a model is (expect_metric does)" if unasked else ""
    return Finding(TOPIC, f"Yes: {passes}{though}{but}.", "warn" if warned else "good", names)


def _named(pairs: list[tuple[str, Verdict]]) -> str:
    return listed((f"{verdict.gate} on {name}" for name, verdict in pairs), 4)


def _lacking(snapshot: Snapshot) -> str:
    """Says which steps failed, have not run, or hold what was made of inputs that have changed since."""
    missing = [s.node.name for s in snapshot.steps.values() if s.commit is None and s.node.name not in snapshot.failed]
    old = [s.node.name for s in snapshot.steps.values() if s.node.asset in snapshot.outdated]
    parts = [f"{plural(len(names), 'step')} {what} ({listed(names)})" for names, what in (
        (list(snapshot.failed), "failed"),
        (missing, "not run"),
        ([name for name in old if name not in snapshot.failed], "made of inputs that have changed since"),
    ) if names]  # fmt: skip
    return ", ".join(parts)
