"""``ballast check``: the verdicts as a table and as JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from rich.markup import escape

from ballast.cli.console import err, out
from ballast.cli.exits import CLOSED, FAILED
from ballast.cli.tables import print_fitting
from ballast.errors import BallastError, OwnedError, SpecError
from ballast.orchestration.commands.check import Checked, check
from ballast.orchestration.commands.named import check_named
from ballast.orchestration.commands.run import partition_keys
from ballast.orchestration.graph.home import within
from ballast.orchestration.graph.owners import check_owner
from ballast.orchestration.graph.partitions import partition_of
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.projects.find import Declared, every, find, project_resource, project_root
from ballast.orchestration.run.retired import retired
from ballast.orchestration.run.run import Run
from ballast.words import listed, plural


def check_pipelines(
    names: list[str],
    *,
    spec_only: bool,
    junit: Path | None,
    select: list[str],
    files: list[str],
    partition: str | None,
    stored: bool,
    closed: bool,
) -> int:
    """Checks pipelines, prints the verdicts and gives the exit code: 0 open, 1 closed, 2 could not be judged."""
    declared = [find(name) for name in names] or list(every(project_root()))
    if not declared:
        raise SpecError(f"no pipeline is declared under {project_root()}; name one, or make one with `ballast init`")
    if len(declared) > 1 and (select or files or partition):
        there = ", ".join(pipeline.name for pipeline in declared)
        raise SpecError(f"--select, --file and --partition apply to one pipeline; name it (there are {there})")
    namesakes = _namesakes(declared)
    tables = dict(_file(given) for given in files)
    found: dict[str, list[Checked]] = {}
    wrong = False
    for pipeline in declared:
        try:
            if told := namesakes.get(pipeline.where):
                raise SpecError(told)
            plan = pipeline.plan()
            if spec_only:
                check_named(pipeline, plan)
        except BallastError as error:
            wrong = True
            found[pipeline.name] = _wrong(pipeline, error)
            continue
        if spec_only:
            found[pipeline.name] = []
            out.print(f"[green]sound[/] {escape(pipeline.where)}: {plural(len(plan.spec.steps), 'step')}")
            continue
        with within(pipeline.root):
            resource = project_resource(pipeline.root)
            run = Run(plan, resource.open(), resource.model_store(), pipeline.file.parent, run_id="check")
        try:
            check_owner(run.warehouse, plan.spec.name, run.folder)
        except OwnedError as error:
            wrong = True
            found[pipeline.name] = _wrong(pipeline, error)
            continue
        definition = partitions_of(plan.spec.partitions)
        keys = [partition_of(definition, key) for key in partition_keys(plan, partition)]
        found[pipeline.name] = list(check(run, keys, select=select, files=tables, stored=stored))
        _print(plan.spec.name, found[pipeline.name], tables, closed=closed)
        _print_retired(plan.spec.name, retired(plan, run.warehouse))
    if junit is not None:
        _write_junit(found, junit)
    verdicts = [c for checked in found.values() for c in checked]
    if any(c.closed for c in verdicts):
        return CLOSED
    return FAILED if wrong or any(c.problem for c in verdicts) else 0


def _wrong(pipeline: Declared, error: BallastError) -> list[Checked]:
    """Prints why a pipeline cannot be checked, and gives that."""
    err.print(f"[red]wrong[/] {escape(pipeline.where)}")
    err.print(str(error), markup=False, highlight=False, soft_wrap=True)
    return [Checked(pipeline.name, None, None, problem=str(error))]


def _namesakes(declared: list[Declared]) -> dict[str, str]:
    """Says, by its place, why a pipeline may not be whose steps SQL, which ignores case, takes for an earlier one's."""
    first: dict[str, Declared] = {}
    found = {}
    for pipeline in (each for each in declared if each.problem is None):
        other = first.setdefault(pipeline.name.lower(), pipeline)
        if other is not pipeline:
            found[pipeline.where] = (
                f"{other.where} and {pipeline.where}: pipelines {other.name!r} and {pipeline.name!r} would have the "
                "same tables (SQL ignores case); rename one"
            )
    return found


def _file(given: str) -> tuple[str, Path]:
    name, separator, path = given.partition("=")
    if not (name and separator and path):
        raise SpecError(f"--file {given!r}: write NAME=PATH, a data role or step and its table, such as train=new.csv")
    return name, Path(path).expanduser().absolute()


def _print(pipeline: str, checked: list[Checked], files: dict[str, Path], *, closed: bool) -> None:
    """Prints a row an asset with its open gates as a count, below each gate that is not open with all that it says.

    With ``closed``, only the latter.
    """
    if not closed:
        rows = [_row(c, gates, files) for c, gates in _by_table(checked)]
        print_fitting(out, ("asset", "version >", "gates"), rows)
    for c in sorted((c for c in checked if _kind(c) != "open"), key=lambda c: list(_COLOURS).index(_kind(c))):
        gate = f" {c.judgement.name}" if c.judgement else ""
        message = c.judgement.message if c.judgement else c.problem
        out.print(f"[{_COLOURS[_kind(c)]}]{_kind(c)}[/] {escape(_place(c))}{gate}: ", end="", highlight=False)
        out.print(message, markup=False, highlight=False, soft_wrap=True)
    counts = {kind: sum(_kind(c) == kind for c in checked) for kind in ("open", *_COLOURS)}
    warned = counts.pop("warning")
    counts["open"] += warned
    said = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    out.print(f"{escape(pipeline)}: {said}{f' ({warned} with a warning)' if warned else ''}", soft_wrap=True)


_COLOURS = {"closed": "red", "not judged": "yellow", "warning": "yellow"}


def _kind(c: Checked) -> str:
    if c.judgement is None:
        return "not judged"
    return "open" if c.judgement.passed else "closed" if c.closed else "warning"


def _place(c: Checked) -> str:
    return c.asset if c.partition is None else f"{c.asset} [{c.partition}]"


def _by_table(checked: list[Checked]) -> Iterator[tuple[Checked, list[str]]]:
    """Gives each table that was judged, by its first gate, with what its gates say."""
    tables: dict[str, tuple[Checked, list[str]]] = {}
    for c in checked:
        tables.setdefault(_place(c), (c, []))[1].append(_kind(c))
    yield from tables.values()


def _row(c: Checked, gates: list[str], files: dict[str, Path]) -> tuple[str, str, str]:
    origin = "file" if c.asset.partition("/")[2] in files else "source"
    counts = [f"{gates.count('open')} open"] if "open" in gates else []
    counts += [f"[{colour}]{gates.count(kind)} {kind}[/]" for kind, colour in _COLOURS.items() if kind in gates]
    return escape(_place(c)), str(c.version or origin), ", ".join(counts)


def _print_retired(pipeline: str, partitions: list[tuple[str, str]]) -> None:
    if partitions:
        keys = listed(sorted({key for _, key in partitions}), 20)
        said = f"{pipeline}: retired partitions, stored but no longer declared: {keys}; remove them with "
        out.print(f"{said}`ballast prune --retired`", markup=False, highlight=False, soft_wrap=True)


def _write_junit(found: dict[str, list[Checked]], path: Path) -> None:
    suites = ElementTree.Element("testsuites")
    for pipeline, checked in found.items():
        suite = ElementTree.SubElement(
            suites,
            "testsuite",
            name=_xml(pipeline),
            tests=str(len(checked)),
            failures=str(sum(c.closed for c in checked)),
            errors=str(sum(bool(c.problem) for c in checked)),
        )
        for c in checked:
            name = c.judgement.name if c.judgement else "judged"
            name = name if c.partition is None else f"{name}[{c.partition}]"
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(c.asset), name=_xml(name))
            if c.judgement is None:
                ElementTree.SubElement(case, "error", message=_xml(c.problem))
            elif c.closed:
                ElementTree.SubElement(case, "failure", message=_xml(c.judgement.message))
            elif not c.judgement.passed:
                ElementTree.SubElement(case, "system-out").text = _xml(f"warning: {c.judgement.message}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise BallastError(f"cannot write the verdicts to {path}: {error}; choose another --junit path") from error


def _xml(text: str) -> str:
    """Gives a text without the characters that XML cannot hold; a value of the data may have them."""
    return re.sub(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
