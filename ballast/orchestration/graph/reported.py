"""What the asset of a report shows in Dagster: where the page is, a row a step, and the figures themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from ballast.errors import BallastError
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.graph.results import last_metadata
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.run.outline import outline_of
from ballast.orchestration.run.run import Run
from ballast.reporting.findings.finding import Finding
from ballast.reporting.snapshot import Step, take_snapshot
from ballast.words import plural, spaced

_MOST_FIGURES = 4
_MOST_NUMBERS = 3


def report_metadata(run: Run, path: Path, found: Sequence[Finding], instance: dg.DagsterInstance) -> dict[str, Any]:
    """Gives the metadata of a report that was written to `path` and says what was `found`.

    Numbers and figures of steps are those of Dagster's last records of them: no table is read for them again.
    """
    link = report_link(run.plan, path)
    said = "\n\n".join(f"**{finding.topic}.** {_literal(finding.text)}" for finding in found)
    shown: dict[str, Any] = {"found": dg.MetadataValue.md(said), "path": dg.MetadataValue.path(path)}
    if link is not None:
        shown["report"] = dg.MetadataValue.url(link)
    try:
        with run.warehouse.reading():
            snapshot = take_snapshot(run.warehouse, outline_of(run.plan), run.partition.key if run.partition else None)
    except BallastError as error:  # the page is written all the same
        return {**shown, "problem": str(error)}
    steps = [(step, _recorded(run.plan, step, instance)) for step in snapshot.steps.values() if step.commit is not None]
    figures = [(step.node.name, values["figure"].value) for step, values in reversed(steps) if "figure" in values]
    if steps:
        shown["steps"] = dg.MetadataValue.table([_row(step, values) for step, values in steps])
    if figures:
        parts = [f"**{name}**\n\n{figure}" for name, figure in figures[:_MOST_FIGURES]]
        shown["figures"] = dg.MetadataValue.md("\n\n".join(parts))
    return shown


def report_link(plan: Plan, path: Path) -> str | None:
    """Gives the address at which the page is served, where the pipeline says that it is."""
    if not plan.spec.report_url:
        return None
    within = [path.name] if plan.spec.partitions is None else [path.parent.name, path.name]
    return "/".join([plan.spec.report_url.rstrip("/"), *map(quote, within)])


def _recorded(plan: Plan, step: Step, instance: dg.DagsterInstance) -> Mapping[str, dg.MetadataValue]:
    assert step.commit is not None
    return last_metadata(instance, asset_key(plan, step.node.name), step.commit.partition)


def _literal(text: str) -> str:
    """Gives a text as Markdown that shows it as it is, names of the user's with it."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


def _row(step: Step, values: Mapping[str, dg.MetadataValue]) -> dg.TableRecord:
    assert step.commit is not None
    numbers = [(k, v.value) for k, v in values.items() if "/" not in k and isinstance(v.value, int | float)]
    numbers = [(name, value) for name, value in numbers if not isinstance(value, bool)]
    said = ", ".join(f"{spaced(name)} {value:.4g}" for name, value in numbers[:_MOST_NUMBERS])
    return dg.TableRecord({"step": step.node.name, "found": said, "gates": _gates(step), "rows": step.commit.row_count})


def _gates(step: Step) -> str:
    closed = [v.gate for v in step.verdicts if v.closes]
    if closed:
        return f"CLOSED: {', '.join(closed)}"
    warned = [v.gate for v in step.verdicts if not v.passed]
    if warned:
        return f"warning: {', '.join(warned)}"
    return f"{plural(len(step.verdicts), 'gate')} open" if step.verdicts else ""
