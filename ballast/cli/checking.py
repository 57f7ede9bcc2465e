"""``ballast check``: the verdicts as a table and as JUnit XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from rich.markup import escape
from rich.table import Table

from ballast.cli.app import CLOSED, FAILED, err, out
from ballast.errors import BallastError, SpecError
from ballast.orchestration.checking import Checked, check
from ballast.orchestration.graph import partition_of, partitions_of
from ballast.orchestration.inputs import Run
from ballast.orchestration.plan import Plan
from ballast.orchestration.projects import Declared, every, find, project_root
from ballast.orchestration.running import partition_keys, resource_of


def check_pipelines(names: list[str], *, spec_only: bool, junit: Path | None) -> int:
    """Checks pipelines, prints the verdicts and gives the exit code: 0 open, 1 closed, 2 could not be judged."""
    declared = [find(name) for name in names] or list(every(project_root()))
    if not declared:
        raise SpecError(f"no pipeline is declared under {project_root()}; name one, or make one with `ballast init`")
    found: dict[str, list[Checked]] = {}
    wrong = False
    for pipeline in declared:
        try:
            plan = pipeline.plan()
        except BallastError as error:
            wrong = True
            found[pipeline.name] = [Checked(pipeline.name, None, None, problem=str(error))]
            err.print(f"[red]wrong[/] {escape(pipeline.where)}")
            err.print(str(error), markup=False, highlight=False, soft_wrap=True)
            continue
        if spec_only:
            found[pipeline.name] = []
            out.print(f"[green]sound[/] {escape(pipeline.where)}: {len(plan.spec.steps)} steps")
        else:
            found[pipeline.name] = _judge(pipeline, plan)
    if junit is not None:
        _write_junit(found, junit)
    verdicts = [c for checked in found.values() for c in checked]
    if any(c.closed for c in verdicts):
        return CLOSED
    return FAILED if wrong or any(c.problem for c in verdicts) else 0


def _judge(declared: Declared, plan: Plan) -> list[Checked]:
    resource = resource_of(declared.definitions(plan))
    run = Run(plan, resource.open(), resource.model_store(), declared.file.parent, run_id="check")
    definition = partitions_of(plan.spec.partitions)
    checked = list(check(run, [partition_of(definition, key) for key in partition_keys(plan, None)]))
    table = Table("asset", "version", "gate", "verdict", "message", header_style="bold", title=plan.spec.name)
    for c in checked:
        asset = c.asset if c.partition is None else f"{c.asset} [{c.partition}]"
        verdict, message = _words(c)
        gate = c.judgement.name if c.judgement else ""
        table.add_row(escape(asset), str(c.version or "source"), gate, verdict, escape(message))
    out.print(table)
    return checked


def _words(c: Checked) -> tuple[str, str]:
    if c.judgement is None:
        return "[yellow]not judged[/]", c.problem
    if c.judgement.passed:
        return "[green]open[/]", ""
    return ("[red]closed[/]" if c.closed else "[yellow]warning[/]"), c.judgement.message


def _write_junit(found: dict[str, list[Checked]], path: Path) -> None:
    suites = ElementTree.Element("testsuites")
    for pipeline, checked in found.items():
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=pipeline,
            tests=str(len(checked)),
            failures=str(sum(c.closed for c in checked)),
            errors=str(sum(bool(c.problem) for c in checked)),
        )
        for c in checked:
            name = c.judgement.name if c.judgement else "judged"
            case = ElementTree.SubElement(
                suite, "testcase", classname=c.asset, name=name if c.partition is None else f"{name}[{c.partition}]"
            )
            if c.problem:
                ElementTree.SubElement(case, "error", message=c.problem)
            elif c.closed and c.judgement:
                ElementTree.SubElement(case, "failure", message=c.judgement.message)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
