"""``ballast run``: runs each partition, and tells how far it is and what came of it."""

from __future__ import annotations

import os
import warnings
from time import perf_counter

from rich.markup import escape

from ballast.cli.console import out
from ballast.cli.exits import CLOSED, FAILED, stopped
from ballast.cli.outcome import print_outcome
from ballast.cli.progress import progress
from ballast.compute.memory import in_bytes
from ballast.orchestration.commands.run import Finished, partition_keys, resource_of, run, units_of
from ballast.orchestration.graph.home import within
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import Declared, find
from ballast.orchestration.run.streamed import MEMORY


def run_pipeline(
    name: str, select: list[str], partition: str | None, *, force: bool, fresh: bool, memory: str | None = None
) -> int:
    """Runs a pipeline, prints what came of it, and gives the exit code."""
    if memory:
        in_bytes(memory, "--memory")
        os.environ[MEMORY] = memory
    warnings.filterwarnings("ignore")  # Dagster's notes on what is in beta are not the user's business
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    declared = find(name)
    with within(declared.root):
        return _run(declared, select, partition, force=force, fresh=fresh)


def _run(declared: Declared, select: list[str], partition: str | None, *, force: bool, fresh: bool) -> int:
    plan = declared.plan()
    with out.status(f"Loading {escape(declared.name)} ..."):
        definitions = declared.definitions(plan)
    warehouse = resource_of(definitions).open()
    worst = 0
    for key in partition_keys(plan, partition):
        title = plan.spec.name if key is None else f"{plan.spec.name} [{key}]"
        out.print(f"[bold]{escape(title)}[/]")
        began = perf_counter()
        try:
            finished, took = _run_one(declared, plan, definitions, select, key, force, fresh)
        except KeyboardInterrupt:
            return stopped("[yellow]Stopped.[/] What was finished is stored; the same command goes on from there.")
        with warehouse.reading():
            closed = print_outcome(plan, warehouse, finished, took, whole=not select)
        out.print(f"Took {perf_counter() - began:.1f} s.")
        if finished.report is not None:
            out.print(f"Report: {finished.report}", soft_wrap=True, highlight=False)
        worst = max(worst, CLOSED if closed else 0 if finished.success else FAILED)
    return worst


def _run_one(
    declared: Declared, plan: Plan, definitions, select: list[str], key: str | None, force: bool, fresh: bool
) -> tuple[Finished, dict[str, float]]:
    """Runs one partition, or a pipeline without; gives how it ended, and the seconds of each unit."""
    with progress(plan, len(units_of(plan, select))) as display:
        settings = {"select": select, "partition": key, "force": force, "fresh": fresh, "on_progress": display.show}
        return run(declared, plan, definitions, **settings), display.took
