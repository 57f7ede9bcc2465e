"""``ballast run``: the live progress of a run, and the table at its end."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from time import perf_counter

from rich.live import Live
from rich.markup import escape
from rich.table import Column, Table

from ballast.cli.console import out
from ballast.cli.exits import CLOSED, FAILED, stopped
from ballast.methods.frame.reports import OVERALL, declared
from ballast.orchestration.commands.run import Finished, Progress, partition_keys, resource_of, run
from ballast.orchestration.graph.home import within
from ballast.orchestration.plan.plan import REPORT, Plan
from ballast.orchestration.projects.find import Declared, find
from ballast.orchestration.run.outline import outline_of
from ballast.reporting.metadata import sentences_of_weights, weight_figures
from ballast.reporting.quality import qualities, sentences
from ballast.reporting.snapshot import take_snapshot
from ballast.stages import STAGES
from ballast.warehouse import Verdict, Warehouse

_MARKS = {
    "running": "[cyan]...[/]",
    "done": "[green]done[/]",
    "reused": "[green]reused[/]",
    "failed": "[red]failed[/]",
    "skipped": "[yellow]not run[/]",
}


class Display:
    """A line a unit that is running or done, redrawn as the run goes on; plain lines where there is no terminal."""

    def __init__(self, total: int, live: Live | None) -> None:
        self.total, self.live = total, live
        self.states: dict[str, str] = {}
        self.began: dict[str, float] = {}
        self.took: dict[str, float] = {}

    def show(self, progress: Progress) -> None:
        now = perf_counter()
        self.states[progress.unit] = "reused" if progress.reused else progress.state
        if progress.state == "running":
            self.began[progress.unit] = now
        elif progress.unit in self.began:
            self.took[progress.unit] = now - self.began[progress.unit]
        if self.live is not None:
            self.live.update(self.lines())
        elif progress.state != "running":
            took = f" {self.took[progress.unit]:.2f} s" if progress.unit in self.took else ""
            out.print(f"  {progress.unit}: {_MARKS[self.states[progress.unit]]}{took}")

    def lines(self) -> Table:
        ended = sum(s != "running" for s in self.states.values())
        table = Table.grid(padding=(0, 2))
        table.add_row(f"[bold]{min(ended, self.total)} of {self.total}[/]", "", "")
        for unit, state in list(self.states.items())[-12:]:
            took = f"{self.took[unit]:.2f} s" if unit in self.took else ""
            table.add_row(f"  {unit}", _MARKS[state], took)
        return table


def run_pipeline(name: str, select: list[str], partition: str | None, *, force: bool, fresh: bool) -> int:
    """Runs a pipeline, prints what came of it, and gives the exit code."""
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
            finished, display = _run_one(declared, plan, definitions, select, key, force, fresh)
        except KeyboardInterrupt:
            return stopped("[yellow]Stopped.[/] What was finished is stored; the same command goes on from there.")
        with warehouse.reading():
            closed = _print_outcome(plan, warehouse, finished, display)
        out.print(f"Took {perf_counter() - began:.1f} s.")
        if finished.report is not None:
            out.print(f"Report: {finished.report}", soft_wrap=True, highlight=False)
        worst = max(worst, CLOSED if closed else 0 if finished.success else FAILED)
    return worst


def _run_one(
    declared: Declared, plan: Plan, definitions, select: list[str], key: str | None, force: bool, fresh: bool
) -> tuple[Finished, Display]:
    total = len(dict(plan.units()))
    live = Live(console=out, transient=True) if out.is_terminal else None
    display = Display(total, live)
    settings = {"select": select, "partition": key, "force": force, "fresh": fresh, "on_progress": display.show}
    if live is None:
        return run(declared, plan, definitions, **settings), display
    with live:
        return run(declared, plan, definitions, **settings), display


def _print_outcome(plan: Plan, warehouse: Warehouse, finished: Finished, display: Display) -> bool:
    """Prints a row a step, then what failed; gives whether a blocking gate is closed."""
    whole = (Column(name, no_wrap=True) for name in ("version", "rows", "gates", "seconds", "outcome"))
    table = Table(Column("step", overflow="fold"), Column("method", overflow="fold"), *whole, header_style="bold")
    closed: list[Verdict] = []
    for node in plan.nodes.values():
        state = finished.states.get(node.unit)
        if state is None or node.name == REPORT:
            continue
        key = node.key_in(finished.partition)
        commit = warehouse.latest(plan.asset(node.name), partition=key)
        current = commit if state in ("done", "failed") else None
        verdicts = []
        if current is not None:
            verdicts = warehouse.verdicts(plan.asset(node.name), version=current.version, partition=key)
        shut = [v for v in verdicts if v.closes]
        closed += shut
        warned = sum(not v.passed and v.severity != "error" for v in verdicts)
        gates = (
            f"[red]{len(shut)} closed[/]"
            if shut
            else f"[yellow]{warned} warn[/]"
            if warned
            else f"{len(verdicts)} open"
        )
        table.add_row(
            escape(node.name),
            escape(node.use),
            str(current.version) if current else "",
            f"{current.row_count:,}" if current else "",
            gates if verdicts else "",
            f"{display.took[node.unit]:.2f}" if node.unit in display.took else "",
            "[red]gate closed[/]" if shut else _MARKS["reused" if node.unit in finished.reused else state],
        )
    out.print(table)
    _print_quality(plan, warehouse, finished)
    _print_weights(plan, warehouse, finished)
    _print_models(plan, warehouse, finished)
    for verdict in closed:
        out.print(f"[red]closed[/] {escape(verdict.asset)} {verdict.gate}: ", end="")
        out.print(verdict.message, markup=False, highlight=False, soft_wrap=True)
    for unit, message in finished.messages.items():
        if not any(plan.nodes.get(unit) and v.asset == plan.asset(unit) for v in closed):
            out.print(f"{_MARKS[finished.states[unit]]} {escape(unit)}: ", end="")
            out.print(message, markup=False, highlight=False, soft_wrap=True)
    return bool(closed)


def _print_quality(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints what was missing, converted, imputed, unseen, left out or untested, a line a data role."""
    outline = outline_of(plan)
    nodes = tuple(n for n in outline.nodes if n.stage == "test" or not STAGES[n.stage].card)  # no other table is read
    snapshot = take_snapshot(warehouse, replace(outline, nodes=nodes), finished.partition)
    rows = {s.node.name: s.commit.row_count for s in snapshot.of("source") if s.commit is not None}
    for role, columns in qualities(snapshot).items():
        if finished.states.get(role) in ("done", "failed") and (said := list(sentences(columns, rows[role]))):
            out.print(f"[bold]{role}[/]: ", end="")
            out.print("; ".join(said), markup=False, highlight=False, soft_wrap=True)


def _print_weights(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints what each table of weights is worth and what it changed, a line a weigher."""
    for node in plan.nodes.values():
        if node.stage != "weigher" or finished.states.get(node.unit) not in ("done", "failed"):
            continue
        commit = warehouse.latest(plan.asset(node.name), partition=node.key_in(finished.partition))
        if commit is None or not commit.row_count:
            continue
        found = weight_figures(warehouse.read(commit.asset, version=commit.version), commit.summary)
        worth = f"effective sample size {found['effective_sample_size']:,.0f} of {found['rows']:,}"
        out.print(f"[bold]{escape(node.name)}[/]: ", end="")
        out.print("; ".join([worth, *sentences_of_weights(found)]), markup=False, highlight=False, soft_wrap=True)


def _print_models(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints each comparison of models: the metrics overall, with their intervals."""
    for node in plan.nodes.values():
        if finished.states.get(node.unit) != "done":
            continue
        commit = warehouse.latest(plan.asset(node.name), partition=node.key_in(finished.partition))
        if commit is None or not any(picture.shape == "comparison" for picture in declared(commit.summary)[1]):
            continue
        frame = warehouse.read(commit.asset, version=commit.version)
        table = Table("model", "metric", "value", "interval", "rows", title=node.name, header_style="bold")
        for row in frame[frame["slice"] == OVERALL].to_dict("records"):
            model = f"{row['model']} minus {row['versus']}" if row["versus"] else str(row["model"])
            interval = f"{row['low']:.4f} to {row['high']:.4f}"
            table.add_row(escape(model), str(row["metric"]), f"{row['value']:.4f}", interval, str(row["n"]))
        out.print(table)
