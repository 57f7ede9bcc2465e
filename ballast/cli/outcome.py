"""What ``ballast run`` prints at its end: a row a step, the models, what is closed or failed, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.markup import escape
from rich.table import Table

from ballast.cli.console import out
from ballast.cli.progress import MARKS
from ballast.cli.tables import print_fitting
from ballast.methods.frame.reports import OVERALL, Direction, declared
from ballast.orchestration.commands.run import Finished
from ballast.orchestration.plan.design_weights import said_of
from ballast.orchestration.plan.plan import REPORT, Node, Plan
from ballast.orchestration.run.outline import outline_of
from ballast.reporting import findings_on, take_snapshot
from ballast.reporting.findings.finding import short
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.quality import qualities, sentences, told_of
from ballast.stages import STAGES
from ballast.warehouse import Commit, Verdict, Warehouse
from ballast.words import spaced

COLOURS = {"good": "green", "bad": "red", "warn": "yellow", "": "default"}


def print_outcome(
    plan: Plan, warehouse: Warehouse, finished: Finished, took: Mapping[str, float], *, whole: bool
) -> bool:
    """Prints all of it; gives whether a blocking gate is closed.

    Of a run of selected steps, which is not `whole`, only what was found by these is told.
    """
    rows, judged = [], []
    for node in plan.nodes.values():
        state = finished.states.get(node.unit)
        if state is None or node.name == REPORT:
            continue
        commit = _stored(plan, warehouse, finished, node)
        verdicts = []
        if commit is not None:
            verdicts = warehouse.verdicts(commit.asset, version=commit.version, partition=commit.partition)
        judged += verdicts
        mark = MARKS["reused" if node.unit in finished.reused else state]
        rows.append(_row(node, commit, verdicts, took.get(node.unit), mark))
    head = ("step", "method", "version", "rows >", "gates", "seconds >", "outcome")
    print_fitting(out, head, rows, spare=("method", "version"))
    _print_quality(plan, warehouse, finished)
    _print_labels(plan, warehouse, finished)
    _print_design_weights(plan, finished)
    _print_models(plan, warehouse, finished)
    _print_exceptions(plan, finished, judged)
    _print_findings(plan, warehouse, finished, whole=whole)
    return any(verdict.closes for verdict in judged)


def _stored(plan: Plan, warehouse: Warehouse, finished: Finished, node: Node) -> Commit | None:
    """Gives what the run has stored of a step, or found stored; None of one that it did not come to."""
    if finished.states.get(node.unit) not in ("done", "failed"):
        return None
    return warehouse.latest(plan.asset(node.name), partition=node.key_in(finished.partition))


def _row(node: Node, commit: Commit | None, verdicts: list[Verdict], took: float | None, mark: str) -> tuple[str, ...]:
    closed = sum(v.closes for v in verdicts)
    warned = sum(not v.passed and not v.closes for v in verdicts)
    gates = f"[red]{closed} closed[/]" if closed else f"[yellow]{warned} warn[/]" if warned else f"{len(verdicts)} open"
    return (
        escape(node.name),
        escape(node.use),
        str(commit.version) if commit else "",
        f"{commit.row_count:,}" if commit and not STAGES[node.stage].model else "",
        gates if verdicts else "",
        "" if took is None else f"{took:.2f}",
        "[red]gate closed[/]" if closed else mark,
    )


def _print_quality(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints what was missing, converted, imputed, unseen, left out or untested, a line a data role."""
    outline = outline_of(plan)
    nodes = tuple(n for n in outline.nodes if n.stage == "test" or not STAGES[n.stage].card)  # no other table is read
    snapshot = take_snapshot(warehouse, replace(outline, nodes=nodes), finished.partition)
    rows = {s.node.name: s.commit.row_count for s in snapshot.of("source") if s.commit is not None}
    for role, columns in qualities(snapshot).items():
        if finished.states.get(role) in ("done", "failed") and (said := list(sentences(columns, rows[role]))):
            _tell(f"[bold]{role}[/]: ", "; ".join(said))


def _print_labels(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints how many labels of a data role's rows have come, and what is wrong with the others, a line a role."""
    for node in plan.nodes.values():
        if node.stage == "labels" and (commit := _stored(plan, warehouse, finished, node)) is not None:
            _tell(f"[bold]{node.name}[/]: ", told_of(commit.summary))


def _print_design_weights(plan: Plan, finished: Finished) -> None:
    """Prints which steps leave the design weights of a data role out of account, a line a role."""
    for role in plan.spec.data:
        if finished.states.get(role) in ("done", "failed") and (said := said_of(plan, role)):
            _tell(f"[bold]{role}[/]: ", said)


def _print_models(plan: Plan, warehouse: Warehouse, finished: Finished) -> None:
    """Prints each comparison of models: a row a model, a column a metric, and what is clearly better or worse."""
    for node in plan.nodes.values():
        commit = _stored(plan, warehouse, finished, node)
        if commit is None or not any(picture.shape == "comparison" for picture in declared(commit.summary)[1]):
            continue
        frame = warehouse.read(commit.asset, version=commit.version).fillna({"versus": ""})
        frame = frame[frame["slice"] == OVERALL]
        own, gains = frame[frame["versus"] == ""], frame[frame["versus"] != ""]
        clear = dict(_clear(gains.to_dict("records"), declared(commit.summary)[0]))
        metrics = [str(m) for m in gains["metric"].unique()] or [str(m) for m in own["metric"].unique()]
        values = {(row["model"], row["metric"]): short(row["value"]) for row in own.to_dict("records")}
        rows = [
            (escape(str(model)), *(f"{values.get((model, m), '')}{clear.get((model, m), '')}" for m in metrics))
            for model in own["model"].unique()
        ]
        print_fitting(out, (escape(node.name), *map(spaced, metrics)), rows, spare=[spaced(m) for m in metrics[:0:-1]])


def _clear(gains: list, better: Mapping[str, Direction]) -> Iterator[tuple[tuple[str, str], str]]:
    """Gives by model and metric what is said of it: better or worse than the first, where its interval is beside 0."""
    for row in gains:
        kind = praise(row["low"], row["high"], better.get(row["metric"]))
        if kind:
            said = "[green]better[/]" if kind == "good" else "[red]worse[/]"
            yield (row["model"], row["metric"]), f" {said}"


def _print_exceptions(plan: Plan, finished: Finished, judged: list[Verdict]) -> None:
    """Prints each gate that is closed or warns, and why a step failed or was not run where no gate says it."""
    for verdict in sorted((v for v in judged if not v.passed), key=lambda v: not v.closes):
        kind = "[red]closed[/]" if verdict.closes else "[yellow]warning[/]"
        _tell(f"{kind} {escape(verdict.asset)} {verdict.gate}: ", verdict.message)
    closed = {verdict.asset for verdict in judged if verdict.closes}
    for unit, message in finished.messages.items():
        if not (unit in plan.nodes and plan.asset(unit) in closed):
            _tell(f"{MARKS[finished.states[unit]]} {escape(unit)}: ", message)


def _print_findings(plan: Plan, warehouse: Warehouse, finished: Finished, *, whole: bool) -> None:
    """Prints what was found, a sentence a topic: beside the topics on a terminal, else each in a line."""
    failed = [node.name for node in plan.nodes.values() if finished.states.get(node.unit) == "failed"]
    snapshot = take_snapshot(warehouse, outline_of(plan), finished.partition, failed=failed)
    ran = {node.name for node in plan.nodes.values() if finished.states.get(node.unit) in ("done", "failed")}
    table = Table.grid(padding=(0, 2, 0, 0))
    out.print()
    for found in findings_on(finished.report, snapshot):
        if not (whole or ran.intersection(found.steps)):
            continue
        topic = f"[bold {COLOURS[found.kind]}]{found.topic}[/]"
        if out.is_terminal:
            table.add_row(topic, escape(found.text))
        else:
            _tell(f"{topic}: ", found.text)
    if table.row_count:
        out.print(table, highlight=False)


def _tell(head: str, text: str) -> None:
    """Prints a text after its head, in one line however long where nobody looks, and without reading markup in it."""
    out.print(head, end="", highlight=False)
    out.print(text, markup=False, highlight=False, soft_wrap=True)
