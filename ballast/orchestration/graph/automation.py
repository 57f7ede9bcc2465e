"""When a pipeline runs by itself: on a schedule, or when a source file changes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from ballast.errors import DataError
from ballast.orchestration.graph.partitions import current_keys, names_of_dynamic
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.read.files import found, is_remote
from ballast.orchestration.spec.data import paths_of
from ballast.words import plural


def schedules_of(plan: Plan, job: Any, partitions: dg.PartitionsDefinition | None) -> list[dg.ScheduleDefinition]:
    spec = plan.spec.schedule
    if spec is None:
        return []
    name = f"{plan.spec.name}_schedule"
    if partitions is None:
        return [dg.ScheduleDefinition(name=name, job=job, cron_schedule=spec.cron, execution_timezone=spec.timezone)]

    @dg.schedule(name=name, job=job, cron_schedule=spec.cron, execution_timezone=spec.timezone)
    def scheduled(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        yield from _requests(partitions, str(context.scheduled_execution_time), context)

    return [scheduled]


def _requests(
    partitions: dg.PartitionsDefinition | None,
    occasion: str,
    context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext,
) -> Iterator[dg.RunRequest]:
    """Asks for a run, or for one of every partition that there is, or of the latest time window."""
    if partitions is None:
        yield dg.RunRequest(run_key=occasion)
        return
    known = context.instance if names_of_dynamic(partitions) else None
    for key in current_keys(partitions, known):
        yield dg.RunRequest(run_key=f"{occasion}:{key}", partition_key=key)


def _there(path: str, folder: Path) -> tuple[str, ...]:
    """Gives the files that a path names now, none where they are gone."""
    try:
        return found(path, "sensor", folder).names
    except DataError:
        return ()


def _state(file: Path) -> str:
    """Gives what changes whenever a file does, also where its content is put back or its time is set."""
    try:
        stat = file.stat()
    except OSError:
        return f"{file} is gone"
    return f"{file}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def sensors_of(
    plan: Plan, folder: Path, job: Any, partitions: dg.PartitionsDefinition | None
) -> list[dg.SensorDefinition]:
    """Gives a sensor that runs the pipeline when one of its source files changes."""
    spec = plan.spec.sensor
    paths = [path for data in plan.spec.data.values() for path in paths_of(data)]
    if spec is None:
        return []

    @dg.sensor(name=f"{plan.spec.name}_sensor", job=job, minimum_interval_seconds=spec.every)
    def changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        files = [Path(name) for path in paths if not is_remote(path) for name in _there(path, folder)]
        state = hashlib.sha256("\n".join(map(_state, files)).encode()).hexdigest()
        if state == (context.cursor or ""):
            return dg.SkipReason(f"none of {plural(len(files), 'source file')} changed")
        return dg.SensorResult(run_requests=list(_requests(partitions, state, context)), cursor=state)

    return [changed]
