"""From a plan to Dagster: one multi-asset a unit, with its gates as checks, its partitions and its job."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from ballast.errors import BallastError
from ballast.orchestration.graph.partitions import partition_of, partitions_of
from ballast.orchestration.graph.resources import RESOURCE, BallastResource
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.run.fingerprint import code_version
from ballast.orchestration.run.inputs import Run
from ballast.orchestration.run.unit import Outcome, run_report, run_unit
from ballast.words import plural

_KINDS = {
    "source": "table",
    "encoder": "scikitlearn",
    "features": "matrix",
    "test": "report",
    "scorer": "scores",
    "weigher": "weights",
    "sampler": "dataset",
    "learner": "model",
    "dynamics": "matrix",
    "out_of_sample": "predictions",
    "assessor": "report",
    "report": "html",
}


class StepConfig(dg.Config):
    """How a step runs: ``force`` reads inputs behind a closed gate (recorded), ``fresh`` computes all again."""

    force: bool = False
    fresh: bool = False


def definitions_of(plan: Plan, folder: Path) -> dg.Definitions:
    """Gives the Dagster definitions of a pipeline; its assets ask for the resource ``ballast``."""
    partitions = partitions_of(plan.spec.partitions)
    assets = [_unit_asset(plan, folder, unit, nodes, partitions) for unit, nodes in plan.units()]
    selection = dg.AssetSelection.groups(plan.spec.name).upstream()
    job = dg.define_asset_job(
        plan.spec.name, selection=selection, partitions_def=partitions, description=plan.spec.description or None
    )
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        schedules=_schedules(plan, job, partitions),
        sensors=_sensors(plan, folder, job, partitions),
    )


def asset_key(plan: Plan, name: str) -> dg.AssetKey:
    return dg.AssetKey([plan.spec.name, *name.split("/")])


def _unit_asset(
    plan: Plan, folder: Path, unit: str, nodes: list[Node], partitions: dg.PartitionsDefinition | None
) -> dg.AssetsDefinition:
    source = plan.spec.data[unit].asset if unit in plan.spec.data else None
    upstream_asset = dg.AssetKey.from_user_string(source) if source else None
    specs = [_asset_spec(plan, node, nodes, upstream_asset) for node in nodes]
    checks = [
        dg.AssetCheckSpec(
            expectation.name,
            asset=asset_key(plan, node.name),
            blocking=expectation.severity == "error",
            description=f"{expectation.type} {expectation.arguments or ''}".strip(),
        )
        for node in nodes
        for expectation in node.suite
    ]

    @dg.multi_asset(
        name=f"{plan.spec.name}__{unit.replace('/', '__')}",
        specs=specs,
        check_specs=checks,
        ins={"source": dg.AssetIn(upstream_asset)} if upstream_asset else {},
        partitions_def=partitions if nodes[0].partitioned else None,
        required_resource_keys={RESOURCE},
    )
    def compute(context: dg.AssetExecutionContext, config: StepConfig, **given: Any) -> Iterator[dg.MaterializeResult]:
        resource: BallastResource = getattr(context.resources, RESOURCE)
        run = Run(
            plan=plan,
            warehouse=resource.open(),
            models=resource.model_store(),
            folder=folder,
            run_id=context.run_id,
            partition=partition_of(partitions, context.partition_key if context.has_partition_key else None),
            force=config.force,
            fresh=config.fresh,
            log=context.log.info,
        )
        try:
            if nodes[0].stage == "report":
                path = run_report(run, resource.report_path(plan, run.partition))
                shown = {"path": dg.MetadataValue.path(path), "report": dg.MetadataValue.url(path.as_uri())}
                yield dg.MaterializeResult(asset_key=asset_key(plan, unit), metadata=shown)
                return
            outcomes = run_unit(run, nodes, given.get("source"))
        except BallastError as error:
            raise dg.Failure(str(error), metadata={"error": type(error).__name__}, allow_retries=False) from error
        for outcome in outcomes:
            context.log.info(
                f"{outcome.commit.asset} is at version {outcome.commit.version}{' (reused)' * outcome.reused}"
            )
            for j in outcome.judgements:
                if not j.passed:
                    tell = context.log.error if j.closes else context.log.warning
                    tell(f"{outcome.commit.asset}: {j.name}: {j.message}")
            yield _result(plan, outcome)

    return compute


def _asset_spec(plan: Plan, node: Node, unit: Sequence[Node], upstream_asset: dg.AssetKey | None) -> dg.AssetSpec:
    deps: list[dg.AssetKey] = [asset_key(plan, name) for name in node.upstream]
    if upstream_asset is not None:
        deps.append(upstream_asset)
    condition = None
    if plan.spec.automation == "eager":
        condition = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
    about: dict[str, Any] = {"ballast/use": node.use, "ballast/stage": node.stage}
    if node.step is not None and node.step.params:
        about["ballast/parameters"] = dg.MetadataValue.json(node.step.params)
    return dg.AssetSpec(
        asset_key(plan, node.name),
        deps=deps,
        group_name=plan.spec.name,
        description=node.description,
        kinds={_KINDS[node.stage], "duckdb"} if node.stage != "report" else {"html"},
        owners=plan.spec.owners,
        tags=plan.spec.tags,
        code_version=code_version(plan, node),
        automation_condition=condition,
        metadata=about,
    )


def _result(plan: Plan, outcome: Outcome) -> dg.MaterializeResult:
    key = asset_key(plan, outcome.node.name)
    checks = [
        dg.AssetCheckResult(
            passed=j.passed,
            check_name=j.name,
            asset_key=key,
            severity=dg.AssetCheckSeverity.ERROR if j.severity == "error" else dg.AssetCheckSeverity.WARN,
            description=j.message,
            metadata={k: _metadata_value(v) for k, v in j.observed.items()},
        )
        for j in outcome.judgements
    ]
    metadata: dict[str, Any] = {
        "dagster/row_count": outcome.commit.row_count,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_) for name, type_ in outcome.columns.items()]
        ),
        "ballast/version": outcome.commit.version,
        "ballast/reused": outcome.reused,
        **{name: _metadata_value(value) for name, value in outcome.metadata.items()},
    }
    return dg.MaterializeResult(
        asset_key=key,
        metadata=metadata,
        data_version=dg.DataVersion(outcome.commit.content_hash),
        check_results=checks,
    )


def _metadata_value(value: Any) -> Any:
    if (isinstance(value, str) and "\n" in value) or (isinstance(value, str) and value.startswith("![")):
        return dg.MetadataValue.md(value)
    if isinstance(value, dict | list):
        return dg.MetadataValue.json(value)
    return value


def _schedules(plan: Plan, job: Any, partitions: dg.PartitionsDefinition | None) -> list[dg.ScheduleDefinition]:
    spec = plan.spec.schedule
    if spec is None:
        return []
    name = f"{plan.spec.name}_schedule"
    if not isinstance(partitions, dg.StaticPartitionsDefinition | dg.TimeWindowPartitionsDefinition):
        return [dg.ScheduleDefinition(name=name, job=job, cron_schedule=spec.cron, execution_timezone=spec.timezone)]

    @dg.schedule(name=name, job=job, cron_schedule=spec.cron, execution_timezone=spec.timezone)
    def scheduled(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        yield from _requests(partitions, str(context.scheduled_execution_time))

    return [scheduled]


def _requests(partitions: dg.PartitionsDefinition | None, occasion: str) -> Iterator[dg.RunRequest]:
    """Asks for a run, or for one of every static partition, or of the latest time window."""
    if partitions is None:
        yield dg.RunRequest(run_key=occasion)
        return
    keys = list(partitions.get_partition_keys())
    for key in keys[-1:] if isinstance(partitions, dg.TimeWindowPartitionsDefinition) else keys:
        yield dg.RunRequest(run_key=f"{occasion}:{key}", partition_key=key)


def _sensors(
    plan: Plan, folder: Path, job: Any, partitions: dg.PartitionsDefinition | None
) -> list[dg.SensorDefinition]:
    """Gives a sensor that runs the pipeline when one of its source files changes."""
    spec = plan.spec.sensor
    paths = [data.path for data in plan.spec.data.values() if data.path]
    if spec is None:
        return []

    @dg.sensor(name=f"{plan.spec.name}_sensor", job=job, minimum_interval_seconds=spec.every)
    def changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        wholes = [folder / Path(path).expanduser() for path in paths]
        files = sorted(f for w in wholes for f in Path(w.anchor).glob(str(w.relative_to(w.anchor))))
        state = ";".join(f"{f}:{f.stat().st_mtime_ns}:{f.stat().st_size}" for f in files)
        if state == (context.cursor or ""):
            return dg.SkipReason(f"none of {plural(len(files), 'source file')} changed")
        return dg.SensorResult(run_requests=list(_requests(partitions, state)), cursor=state)

    return [changed]
