"""What the gates behind a version were asked, and looked at: while neither changes, what they said stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from ballast.gates import Expectation, Judgement
from ballast.methods.frame.closure import closure, digest_of
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.run.gate_context import StoredContext
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.verdicts import is_old
from ballast.warehouse import Commit, Verdict

Seen = Mapping[tuple[str, str | None], int | None]
"""The version of each table (asset, partition) that a gate looked up, None where there was none."""

_GATES = (
    "ballast.gates.great_expectations.judging",
    "ballast.orchestration.run.gate_context",
    "ballast.orchestration.run.verdicts",
)
_APART = (
    "ballast.warehouse.homes",
    "ballast.warehouse.locks",
    "ballast.warehouse.models",
    "ballast.orchestration.spec",
)
"""What gates reach by imports and no judgement depends on."""
_LIBRARIES = ("great-expectations", "numpy", "pandas", "scikit-learn", "scipy")
_PROSE = {
    **dict.fromkeys(("description", "schedule", "sensor", "automation", "executor", "retries", "owners", "tags"), True),
    **dict.fromkeys(("pool", "op_tags", "kinds", "report_url", "alerts"), True),
    "steps": {"__all__": {"retries", "pool", "op_tags", "to"}},
}


def basis_of(run: Run, node: Node, seen: Seen) -> str:
    """Gives what judgements of a node's table rest on beside the table: the code, the spec and other tables."""
    parts = {
        "code": _code(),
        "spec": run.plan.spec.model_dump(exclude=_PROSE),
        "suite": [(e.name, e.definition, e.severity) for e in node.suite],
    }
    asked = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
    return json.dumps({"asked": asked, "seen": sorted(([*table, v] for table, v in seen.items()), key=str)})


def standing(run: Run, node: Node, commit: Commit | None) -> tuple[dict[str, Judgement], Seen]:
    """Gives the judgements of a version that would be the same again, by gate, and what they looked at.

    Those that hold a data role's own table against another role are not among them; see ``pairs_standing``.
    """
    seen = None if commit is None else _seen_by(run, node, commit)
    if commit is None or seen is None:
        return {}, {}
    latest = [found and found.version for found in run.warehouse.latest_of(list(seen))]
    if list(seen.values()) != latest:
        return {}, {}
    of = {v.gate: v for v in run.warehouse.verdicts(commit.asset, version=commit.version)}
    asked = [e for e in node.suite if e.name in of and not (e.roles and node.stage == "source")]
    return {e.name: _judgement(e, of[e.name]) for e in asked}, seen


def pairs_standing(run: Run, node: Node, commit: Commit) -> dict[str, Judgement]:
    """Gives the judgements that let a data role pass beside versions of others that are still the latest, by gate.

    One that does not let it pass is made again: the run may be about to read another version of the other role.
    """
    if node.stage != "source" or _seen_by(run, node, commit) is None:
        return {}
    of = {v.gate: v for v in run.warehouse.verdicts(commit.asset, version=commit.version)}
    context = StoredContext(run, node)
    found = [(e, of[e.name]) for e in node.suite if e.roles and e.name in of]
    return {e.name: _judgement(e, v) for e, v in found if v.passed and not is_old(e, v, context)}


def _seen_by(run: Run, node: Node, commit: Commit) -> Seen | None:
    """Gives what the gates behind a version looked up; None where they would be asked another thing today."""
    basis = run.warehouse.basis_of(commit.asset, commit.version)
    if basis is None:
        return None
    seen = {(asset, partition): v for asset, partition, v in json.loads(basis)["seen"]}
    return seen if basis == basis_of(run, node, seen) else None


def _judgement(expectation: Expectation, verdict: Verdict) -> Judgement:
    severity = "warn" if verdict.severity == "warn" else "error"
    return Judgement(verdict.gate, expectation.type, verdict.passed, severity, verdict.observed, verdict.message)


@cache
def _code() -> str:
    modules = closure(*_GATES, within=lambda module: not module.startswith(_APART))
    return f"{digest_of(modules)} {[version(name) for name in _LIBRARIES]}"
