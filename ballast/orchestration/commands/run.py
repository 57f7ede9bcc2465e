"""Runs a pipeline in this process, on the project's own Dagster instance, and reports its progress."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import dagster as dg
from dagster import DagsterEventType, EventLogEntry
from sqlalchemy.exc import SQLAlchemyError

from ballast.compute.progress import listening
from ballast.errors import BallastError, OwnedError, SpecError, nearest
from ballast.orchestration.graph.home import home
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.graph.owners import check_owner, claim
from ballast.orchestration.graph.partitions import current_keys, keys_of, names_of_dynamic, partition_of
from ballast.orchestration.graph.resources import RESOURCE, BallastResource, resolved
from ballast.orchestration.graph.results import REUSED, ROWS
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.plan.plan import ENCODER, REPORT, Plan
from ballast.orchestration.projects.find import Declared
from ballast.orchestration.projects.instance import instance
from ballast.orchestration.run.retired import retire
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_report
from ballast.warehouse import Warehouse, keep_open
from ballast.words import listed, shown

State = Literal["running", "done", "failed", "skipped"]
_STATES: dict[DagsterEventType, State] = {
    DagsterEventType.STEP_START: "running",
    DagsterEventType.STEP_SUCCESS: "done",
    DagsterEventType.STEP_FAILURE: "failed",
    DagsterEventType.STEP_SKIPPED: "skipped",
}


@dataclass(frozen=True)
class Progress:
    """A change in a run: the unit (or upstream asset) concerned, its new state, and why where it failed.

    A unit that is done is `reused` where all of it was stored already, and has `rows` where it stored a table; of one
    that runs `at` says how far it is, where that is known.
    """

    unit: str
    state: State
    message: str = ""
    reused: bool = False
    rows: int | None = None
    at: str = ""


@dataclass(frozen=True)
class Finished:
    """How a run of one partition (or of a pipeline without) ended.

    Attributes
    ----------
    states : of every unit of the run, and of the assets upstream of it that ran.
    messages : why, for those that failed and for upstream assets that gave nothing.
    reused : the units whose tables were stored already, made from the same inputs in the same way.
    """

    run_id: str
    partition: str | None
    success: bool
    states: dict[str, State]
    messages: dict[str, str]
    report: Path | None
    reused: frozenset[str] = frozenset()


@contextmanager
def _records() -> Iterator[None]:
    """Words what goes wrong with Dagster's own records, which it keeps in SQLite files."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        folder = os.environ.get("DAGSTER_HOME", home() / "dagster")
        raise BallastError(
            f"Dagster cannot keep its records in {folder}: {getattr(error, 'orig', None) or error}. Check that the "
            "folder is writable and the disk has room; what was finished is stored, and the next run goes on from there"
        ) from error


def partition_keys(plan: Plan, wanted: str | None) -> list[str | None]:
    """Gives the partitions to run: the one wanted, else all there are, or the latest window of a time partition."""
    definition = partitions_of(plan.spec.partitions)
    if definition is None:
        if wanted is not None:
            raise SpecError(f"{plan.where}: the pipeline has no partitions; leave --partition {shown(wanted)} out")
        return [None]
    dynamic = names_of_dynamic(definition)
    with _records():
        on = instance() if dynamic else None
    none_added = "; ".join(
        f"add its keys to Dagster's dynamic partitions {name!r}, in the UI or with "
        f"instance.add_dynamic_partitions({name!r}, [...])"
        for name in dynamic
    )
    if wanted is None:
        found = current_keys(definition, on)
        if dynamic and not found:
            raise SpecError(f"{plan.where}: {none_added}")
        return [*found]
    keys = keys_of(definition, on)
    if wanted in keys:
        return [wanted]
    there = none_added or f"{f'the last of {len(keys)} are' if len(keys) > 12 else 'there are'} {', '.join(keys[-12:])}"
    raise SpecError(f"{plan.where}: there is no partition {shown(wanted)}{nearest(wanted, keys)}; {there}")


def units_of(plan: Plan, select: Iterable[str]) -> list[str]:
    """Gives the units to run for the steps selected; all where none are. SpecError for an unknown step.

    The encoder brings the matrices that it makes: nothing can be done with it alone.
    """
    wanted: set[str] = set()
    for name in select:
        if name not in plan.nodes:
            raise SpecError(
                f"{plan.where}: --select {shown(name)}: there is no such step{nearest(name, plan.nodes)} "
                f"(there are {listed(plan.nodes, 20)})"
            )
        wanted.add(plan.nodes[name].unit)
        if name == ENCODER:
            wanted |= {node.unit for node in plan.nodes.values() if node.stage == "features"}
    return [unit for unit, _ in plan.units() if not wanted or unit in wanted]


def run(
    declared: Declared,
    plan: Plan,
    definitions: dg.Definitions,
    *,
    select: Sequence[str] = (),
    partition: str | None = None,
    force: bool = False,
    fresh: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on: dg.DagsterInstance | None = None,
) -> Finished:
    """Runs a pipeline, or the steps selected, for one partition.

    What is finished stays whatever happens later; the report is written even when a step failed or a gate closed.
    Ctrl-C comes out as KeyboardInterrupt, after Dagster has recorded the run as stopped.
    """
    units = units_of(plan, select)
    names = {f"{plan.spec.name}__{unit.replace('/', '__')}": unit for unit, _ in plan.units()}
    _refuse_namesake(plan, resource_of(definitions).open())
    with _records():
        on = on or instance()
    run_id = str(uuid4())
    if refused := _refused(declared, plan, definitions, run_id):
        states: dict[str, State] = {**dict.fromkeys(units, "skipped"), units[0]: "failed"}
        return Finished(run_id, partition, False, states, {units[0]: refused}, None)
    seen = _Events(names, on_progress)
    on.add_event_listener(run_id, seen)
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if force or fresh:
        settings = {"config": {"force": force, "fresh": fresh}}
        config["ops"] = {name: settings for name, unit in names.items() if unit in units}
    job = definitions.resolve_job_def(plan.spec.name)
    chosen = [asset_key(plan, name) for name, node in plan.nodes.items() if node.unit in units]
    with _records(), keep_open(), listening(seen.heard):
        result = job.execute_in_process(
            run_config=config,
            instance=on,
            partition_key=partition,
            asset_selection=chosen if select else None,
            run_id=run_id,
            raise_on_error=False,
        )
    if seen.interrupted:
        raise KeyboardInterrupt
    states = seen.states
    states |= {unit: "skipped" for unit in units if unit not in states}
    if any(states[unit] == "done" for unit in units):
        retire(plan, resource_of(definitions).open())
    report = None
    ran = any(states[unit] != "skipped" for unit in units)
    if (ran and not select) or states.get(REPORT) == "done":
        already = states.get(REPORT) == "done"
        failed = [node.name for node in plan.nodes.values() if states.get(node.unit) == "failed"]
        try:
            report = write_report_of(declared, plan, definitions, partition, run_id, failed, already=already)
        except BallastError as error:
            states[REPORT], seen.messages[REPORT] = "failed", str(error)
    success = result.success and REPORT not in seen.messages
    return Finished(run_id, partition, success, states, seen.messages, report, seen.reused)


@dataclass
class _Events:
    """What Dagster's events say of a run's units, `names` being these by their steps in Dagster."""

    names: dict[str, str]
    on_progress: Callable[[Progress], None]
    states: dict[str, State] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False
    made: dict[str, bool] = field(default_factory=dict)
    """Whether a unit stored something anew."""
    rows: dict[str, int] = field(default_factory=dict)
    warned: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)

    def __call__(self, entry: EventLogEntry) -> None:
        event, step = entry.dagster_event, entry.step_key
        if event is None and step is not None and int(entry.level) >= logging.WARNING:
            self.warned[step] = entry.user_message
        if event is not None and event.event_type == DagsterEventType.RUN_FAILURE:
            self.interrupted |= _was_interrupted(event.job_failure_data)
        if event is None or event.step_key is None:
            return
        step, unit = event.step_key, self.names.get(event.step_key, event.step_key)
        if event.event_type == DagsterEventType.STEP_OUTPUT:
            self.given.add(step)
        if event.event_type == DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
            reused, rows = metadata.get(REUSED), metadata.get(ROWS)
            if rows is not None and isinstance(rows.value, int):
                self.rows[unit] = rows.value
            self.made[unit] = self.made.get(unit, False) or reused is None or not reused.value
        if event.event_type in _STATES:
            self._change(step, unit, event)

    def heard(self, what: str, number: int, of: int) -> None:
        """Takes in how far the unit that runs is; the units of a run in this process run one after another."""
        for unit in [unit for unit, state in self.states.items() if state == "running"][-1:]:
            self.on_progress(Progress(unit, "running", at=f"{what} {number} of {of}"))

    def _change(self, step: str, unit: str, event: dg.DagsterEvent) -> None:
        self.states[unit] = _STATES[event.event_type]
        if self.states[unit] == "failed":
            self.messages[unit] = _reason(event.step_failure_data)
        if self.states[unit] == "done" and step not in self.given:  # an upstream asset that may leave its output out
            self.states[unit], self.messages[unit] = "skipped", self.warned.get(step, "it gave no output")
        told = (self.messages.get(unit, ""), unit in self.reused, self.rows.get(unit))
        self.on_progress(Progress(unit, self.states[unit], *told))

    @property
    def reused(self) -> frozenset[str]:
        """The units whose tables were all stored already."""
        return frozenset(unit for unit, anew in self.made.items() if not anew)


def _refuse_namesake(plan: Plan, warehouse: Warehouse) -> None:
    """Refuses, before anything is made, a pipeline whose steps SQL would not tell from those of another."""
    name = plan.spec.name
    for other in warehouse.pipelines():
        if other != name and other.lower() == name.lower():
            raise SpecError(
                f"{plan.where}: name: the warehouse holds a pipeline {other!r}, and SQL, which ignores case, cannot "
                f"tell it from {name!r}; rename one of them, or give this project another warehouse ({warehouse.url})"
            )


def _refused(declared: Declared, plan: Plan, definitions: dg.Definitions, run_id: str) -> str:
    """Gives why nothing may be stored or reported under the pipeline's name, "" where it may."""
    try:
        claim(resource_of(definitions).open(), plan.spec.name, declared.file.parent, run_id)
    except OwnedError as error:
        return str(error)
    except BallastError:  # the first step meets it too, and tells it as its own
        return ""
    return ""


def _was_interrupted(failure: Any) -> bool:
    error = failure.error if failure is not None else None
    while error is not None:
        if error.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError"):
            return True
        error = error.cause
    return False


def _reason(failure: Any) -> str:
    """Gives the message of the error that a failed step raised, without what Dagster wraps around it."""
    metadata = getattr(failure, "user_failure_data", None)
    if metadata is not None and metadata.description:
        return str(metadata.description)
    error = failure.error if failure is not None else None
    remedy = ""
    while error is not None and error.cause is not None and str(error.cls_name).startswith("Dagster"):
        if error.cls_name == "DagsterExecutionLoadInputError":
            remedy = "; if that asset returns no value (MaterializeResult), add `query:` or `path:` beside `asset:`"
        error = error.cause
    return f"{error.message.strip()}{remedy}" if error is not None else ""


def resource_of(definitions: dg.Definitions) -> BallastResource:
    found = (definitions.resources or {}).get(RESOURCE)
    if not isinstance(found, BallastResource):
        raise SpecError(
            f"the project has no resource {RESOURCE!r}; add `resources={{'{RESOURCE}': ballast.BallastResource()}}` "
            "to its Definitions"
        )
    return resolved(found)


def write_report_of(
    declared: Declared,
    plan: Plan,
    definitions: dg.Definitions,
    partition: str | None = None,
    run_id: str = "",
    failed: Sequence[str] = (),
    *,
    already: bool = False,
) -> Path:
    """Writes the report of what the warehouse holds now (unless the run already has) and gives its path."""
    resource = resource_of(definitions)
    found = partition_of(partitions_of(plan.spec.partitions), partition)
    path = resource.report_path(plan, found)
    if not already:
        check_owner(resource.open(), plan.spec.name, declared.file.parent)
        run = Run(plan, resource.open(), resource.model_store(), declared.file.parent, run_id=run_id, partition=found)
        run_report(run, path, failed)
    return path
