"""``ballast explain``: what a pipeline is made of, and what one of its assets will do, in words."""

from __future__ import annotations

from ballast.cli.console import out
from ballast.errors import SpecError, nearest
from ballast.orchestration.graph.explained import explained, source_of
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import Declared, find
from ballast.words import listed, plural, shown


def explain(name: str) -> None:
    """Prints a pipeline's assets and what starts its runs, or one asset in full ("digits/density")."""
    pipeline, _, node = name.partition("/")
    try:
        declared = find(name)
        node = ""
    except SpecError:
        if not node:
            raise
        declared = find(pipeline)
    plan = declared.plan()
    if not node:
        _explain_pipeline(declared, plan)
        return
    if node not in plan.nodes:
        there = listed(plan.nodes, 20)
        raise SpecError(
            f"{plan.where}: there is no step or data role {node!r}{nearest(node, plan.nodes)} (there are {there})"
        )
    _explain_asset(declared, plan, node)


def _explain_pipeline(declared: Declared, plan: Plan) -> None:
    spec = plan.spec
    _say(f"{spec.name}, declared in {declared.where}")
    if spec.description:
        _say(spec.description)
    gates = sum(len(node.suite) for node in plan.nodes.values())
    _say(f"\nIt makes {plural(len(plan.nodes), 'asset')} with {plural(gates, 'gate')}, in this order:")
    for name, node in plan.nodes.items():
        _say(f"  {name} ({node.use}): {explained(plan, name).title}")
    _say("\nIn Dagster they are the group and the job of its name. What starts a run:")
    starts = [f"the schedule {spec.name}_schedule ({spec.schedule.cron})"] if spec.schedule else []
    starts += [f"the sensor {spec.name}_sensor, every {spec.sensor.every} s"] if spec.sensor else []
    starts += [f"the automation condition {spec.automation} of each asset"] if spec.automation else []
    for line in starts or ["nothing by itself; `ballast run` or the UI"]:
        _say(f"  {line}")
    _say(f"\n`ballast explain {spec.name}/STEP` says what one of them will do.")


def _explain_asset(declared: Declared, plan: Plan, name: str) -> None:
    told, node = explained(plan, name), plan.nodes[name]
    _say(f"{asset_key(plan, name).to_user_string()} ({node.use}): {told.title}")
    line = next((declared.lines[k] for k in (f"steps.{name}", f"data.{name}") if k in declared.lines), None)
    _say(f"declared in {declared.where}{f':{line}' if line else ''}")
    if (written := source_of(plan, node)) is not None:
        _say(f"written in {written[0]}:{written[1]}")
    _list("Reads", [f"{argument}: {what}" if argument else what for argument, what in told.reads])
    _list("Columns", told.columns)
    _list("Parameters", [f"{n} = {shown(v)}{'' if given else ' (default)'}" for n, v, given in told.parameters])
    _list("Gates on its table", told.gates)
    _list("Read by", told.readers)
    if told.stored:
        _say(f'Stored as {told.stored}: `ballast sql "SELECT * FROM {told.stored}"`')


def _list(title: str, lines: list[str] | tuple[str, ...]) -> None:
    if lines:
        _say(f"{title}:")
    for line in lines:
        _say(f"  {line}")


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
