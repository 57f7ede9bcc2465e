"""What the gates behind a node say of a version, and whether they still say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ballast.errors import GateClosedError
from ballast.gates import Expectation, Judgement, judge
from ballast.orchestration.run.gate_context import StoredContext
from ballast.orchestration.run.recent import stored_table
from ballast.orchestration.run.run import Run
from ballast.warehouse import Commit, Verdict, Warehouse
from ballast.warehouse.tables.frames import pandas_frame

Judged = Mapping[tuple[str, str], Verdict]
"""Verdicts by the gate's name and definition."""


def judged(suite: Sequence[Expectation], frame: pd.DataFrame, context: StoredContext) -> list[Judgement]:
    """Judges a table by a suite; what looks at other data roles also observes which version of them it saw."""
    return [
        replace(judgement, observed={**judgement.observed, **{_key(r): v for r, v in versions.items() if v}})
        for expectation, judgement in zip(suite, judge(suite, frame, context), strict=True)
        for versions in [_others(expectation, context)]
    ]


def verdict_of(run: Run, commit: Commit, expectation: Expectation, judgement: Judgement) -> Verdict:
    """Gives a judgement as it is kept with the version that it is on."""
    return Verdict(
        asset=commit.asset,
        partition=commit.partition,
        version=commit.version,
        gate=judgement.name,
        passed=judgement.passed,
        severity=judgement.severity,
        observed=judgement.observed,
        message=judgement.message,
        run_id=run.run_id,
        definition=expectation.definition,
    )


def check_open(warehouse: Warehouse, asset: str, partition: str | None, reader: str) -> None:
    """Raises GateClosedError where a gate is closed behind what is read: the latest version, of a partition or of each.

    For a reader that knows no plan: what was said of a version when it was last judged counts. Who reads all
    partitions does not read those that are retired.
    """
    newest = {c.partition: c for c in reversed(warehouse.commits(asset)) if partition in (None, c.partition)}
    for _, gone in warehouse.retired([asset]) if partition is None else ():
        newest.pop(gone, None)
    found = warehouse.verdicts_of([(asset, commit.version) for commit in newest.values()])
    if closed := [v for v in found if v.closes]:
        of = f", partition {closed[0].partition}" if closed[0].partition else ""
        raise GateClosedError(
            f"{reader} does not read {asset}: the gate behind it (version {closed[0].version}{of}) is closed: "
            f"{'; '.join(f'{v.gate}: {v.message}' for v in closed)}. Fix the data or the step and run it again"
        )


def judged_anew(commit: Commit, before: Judged, context: StoredContext) -> dict[tuple[str, str], Verdict]:
    """Gives new verdicts in place of those that held a version against one of another data role that is not the latest.

    There are none where the other role's own verdict passed the two latest versions.
    """
    run, suite = context.run, context.node.suite
    old = [e for e in suite if e.roles and (v := before.get((e.name, e.definition))) and is_old(e, v, context)]
    if not old:
        return {}
    frame = pandas_frame(stored_table(run.warehouse, commit))
    verdicts = [verdict_of(run, commit, e, j) for e, j in zip(old, judged(old, frame, context), strict=True)]
    return {(v.gate, v.definition): v for v in verdicts}


def _key(role: str) -> str:
    return f"version_of_{role}"


def _others(expectation: Expectation, context: StoredContext) -> dict[str, int | None]:
    return {role: context.version_of(role) for role in sorted(expectation.roles - {context.role})}


def is_old(expectation: Expectation, verdict: Verdict, context: StoredContext) -> bool:
    """Whether another role has a version that this verdict did not look at, and none on that version passed the two."""
    latest = {role: v for role, v in _others(expectation, context).items() if v is not None}
    newer = {role: v for role, v in latest.items() if verdict.observed.get(_key(role)) != v}
    if not expectation.is_mutual or not verdict.passed:
        return bool(newer)
    run = context.run
    return any(
        not any(
            other.passed and other.observed.get(_key(str(context.role))) == verdict.version
            for other in run.warehouse.verdicts_of([(run.plan.asset(role), version)])
        )
        for role, version in newer.items()
    )
