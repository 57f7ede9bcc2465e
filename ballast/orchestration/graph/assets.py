"""From a plan to Dagster: one multi-asset a unit, with its gates as checks, its partitions and its job."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from ballast.compute.progress import listening
from ballast.gates.wording import sentence_of
from ballast.methods.frame.written import remembered_in
from ballast.orchestration.graph.alerts import alerts_of
from ballast.orchestration.graph.automation import schedules_of, sensors_of
from ballast.orchestration.graph.execution import failed, job_of
from ballast.orchestration.graph.explained import explained, source_of
from ballast.orchestration.graph.home import home, loaded
from ballast.orchestration.graph.keys import asset_key, key_of
from ballast.orchestration.graph.mappings import mapping_of, mapping_of_order
from ballast.orchestration.graph.owners import claim
from ballast.orchestration.graph.partitions import partition_of
from ballast.orchestration.graph.reported import report_metadata
from ballast.orchestration.graph.resources import RESOURCE, BallastResource
from ballast.orchestration.graph.results import result_of
from ballast.orchestration.graph.spoken import sparing
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.run.fingerprint import code_version, edited_modules
from ballast.orchestration.run.retired import retire
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.unit import run_report, run_unit
from ballast.orchestration.spec.automation import condition_of
from ballast.orchestration.spec.pipeline import StepSpec
from ballast.orchestration.spec.places import Place
from ballast.stages import STAGES

logger = logging.getLogger("ballast.run")

TEXTS = "texts.json"
"""The file in which what modules' texts say is remembered; removing it costs time alone."""


class StepConfig(dg.Config):
    """How a step runs: ``force`` reads inputs behind a closed gate (recorded), ``fresh`` computes all again."""

    force: bool = False
    fresh: bool = False


def definitions_of(plan: Plan, folder: Path, place: Place | None = None) -> dg.Definitions:
    """Gives the Dagster definitions of a pipeline; its assets ask for the resource ``ballast``.

    `place` is where it is declared, to which the assets then refer.
    """
    loaded(folder)
    partitions = partitions_of(plan.spec.partitions)
    with remembered_in(home(folder) / TEXTS):
        assets = [_unit_asset(plan, folder, place, unit, nodes, partitions) for unit, nodes in plan.units()]
    job = job_of(plan, partitions)
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        schedules=schedules_of(plan, job, partitions),
        sensors=[*sensors_of(plan, folder, job, partitions), *alerts_of(plan)],
    )


def _unit_asset(
    plan: Plan,
    folder: Path,
    place: Place | None,
    unit: str,
    nodes: list[Node],
    partitions: dg.PartitionsDefinition | None,
) -> dg.AssetsDefinition:
    handed = _handed(plan, unit)
    specs = [_asset_spec(plan, node, list(handed.values()), place) for node in nodes]
    passed = {u for n in plan.nodes.values() for u in (n.upstream if n.flags else n.passes)}  # readers see to the rest
    checks = [
        dg.AssetCheckSpec(
            expectation.name,
            asset=asset_key(plan, node.name),
            blocking=expectation.severity == "error" and node.name not in passed,
            description=sentence_of(expectation),
        )
        for node in nodes
        for expectation in node.suite
    ]

    @dg.multi_asset(
        name=_op_name(plan, unit),
        specs=specs,
        check_specs=checks,
        ins={role: dg.AssetIn(key) for role, key in handed.items()},
        partitions_def=partitions if nodes[0].partitioned else None,
        required_resource_keys={RESOURCE},
        op_tags=_op_tags(plan, unit, nodes[0].step),
        pool=(nodes[0].step.pool if nodes[0].step else None) or plan.spec.pool,
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
            sources=_sources_of(plan, context),
            log=context.log.info,
        )
        try:
            with remembered_in(home(folder) / TEXTS), listening(sparing(context.log.info, plan.asset(unit))):
                results = _results(context, run, unit, nodes, given)
        except Exception as error:
            if (told := failed(context, plan, nodes[0], error)) is error:
                raise
            raise told from error
        yield from results

    return compute


def _results(
    context: dg.AssetExecutionContext, run: Run, unit: str, nodes: list[Node], given: dict[str, Any]
) -> list[dg.MaterializeResult]:
    """Makes a unit's tables, or finds them stored, and tells the log what came of it."""
    plan = run.plan
    for line in edited_modules(plan, run.run_id):
        context.log.warning(line)
        logger.warning(line)
    claim(run.warehouse, plan.spec.name, run.folder, run.run_id)
    if not STAGES[nodes[0].stage].stored:
        retire(plan, run.warehouse)
        path = getattr(context.resources, RESOURCE).report_path(plan, run.partition)
        found = run_report(run, path)
        shown = report_metadata(run, path, found, context.instance)
        return [dg.MaterializeResult(asset_key=asset_key(plan, unit), metadata=shown)]
    outcomes = run_unit(run, nodes, given)
    if plan.spec.partitions is not None or not all(stored.reused for stored in outcomes):
        retire(plan, run.warehouse, [node.name for node in nodes])
    for stored in outcomes:
        reused = " (reused)" * stored.reused
        context.log.info(f"{stored.commit.asset} is at version {stored.commit.version}{reused}")
        for j in stored.judgements:
            if not j.passed:
                tell = context.log.error if j.closes else context.log.warning
                tell(f"{stored.commit.asset}: {j.name}: {j.message}")
    return [result_of(plan, stored, context.instance) for stored in outcomes]


def _sources_of(plan: Plan, context: dg.AssetExecutionContext) -> frozenset[str]:
    """Gives the data roles that the run reads: all, those selected, or those that a retry is to try again."""
    chosen, steps = context.run.asset_selection, context.run.step_keys_to_execute
    return frozenset(
        role
        for role in plan.spec.data
        if (not chosen or asset_key(plan, role) in chosen) and (not steps or _op_name(plan, role) in steps)
    )


def _op_tags(plan: Plan, unit: str, step: StepSpec | None) -> dict[str, Any]:
    first = {"dagster/priority": "1"} if unit == "train" else {}  # the other roles are held against it
    return {**first, **plan.spec.op_tags, **(step.op_tags if step is not None else {})}


def _op_name(plan: Plan, unit: str) -> str:
    return f"{plan.spec.name}__{unit.replace('/', '__')}"


def _handed(plan: Plan, unit: str) -> dict[str, dg.AssetKey]:
    """Gives the assets of Dagster that a data role is read from: its own, and train's, whose schema it is to have.

    That of its late labels is their own unit's.
    """
    if unit not in plan.spec.data:
        node = plan.nodes.get(unit)
        if node is None or node.stage != "labels":
            return {}
        asset = plan.spec.data[str(node.role)].labels_asset
        return {node.handed_as: dg.AssetKey.from_user_string(asset)} if asset else {}
    data = {role: plan.spec.data[role] for role in dict.fromkeys((unit, "train"))}
    sources = {role: spec.asset for role, spec in data.items() if spec.source == "asset"}
    return {role: dg.AssetKey.from_user_string(str(asset)) for role, asset in sources.items()}


def _asset_spec(plan: Plan, node: Node, handed: Sequence[dg.AssetKey], place: Place | None) -> dg.AssetSpec:
    deps = [*(asset_key(plan, name) for name in node.upstream), *handed]
    if node.stage == "source":
        sources = [plan.spec.data[role] for role in dict.fromkeys((node.name, "train"))]
        deps += [key_of(data.step) for data in sources if data.step]
        deps += [dg.AssetKey.from_user_string(asset) for data in sources for asset in data.named]
        deps = [
            dg.AssetDep(key, partition_mapping=_mapping(plan, node.name, key, place)) for key in dict.fromkeys(deps)
        ]
    stage = STAGES[node.stage]
    about: dict[str, Any] = {"ballast/use": node.use, "ballast/stage": node.stage}
    if node.step is not None and node.step.params:
        about["ballast/parameters"] = dg.MetadataValue.json(node.step.params)
    return dg.AssetSpec(
        asset_key(plan, node.name),
        deps=deps,
        group_name=plan.spec.name,
        description=explained(plan, node.name).as_markdown(),
        kinds={stage.kind, *(plan.spec.kinds or (["duckdb"] if stage.stored else []))},
        owners=plan.spec.owners,
        tags=plan.spec.tags,
        code_version=code_version(plan, node),
        automation_condition=condition_of(plan.spec.automation) if plan.spec.automation else None,
        metadata={**about, **_references(plan, node, place)},
    )


def _mapping(plan: Plan, role: str, key: dg.AssetKey, place: Place | None) -> dg.PartitionMapping:
    data = plan.spec.data[role]
    if data.source == "asset" and key == dg.AssetKey.from_user_string(str(data.asset)):
        return mapping_of(plan, role, place)
    return mapping_of_order(plan, role)


def _references(plan: Plan, node: Node, place: Place | None) -> dict[str, Any]:
    """Gives where an asset is declared, and where its method is written, for the UI to open."""
    told = [(*source, f"the method {node.use}")] if (source := source_of(plan, node)) is not None else []
    if place is not None:
        keys = (f"steps.{node.name.partition('/')[0]}", f"data.{node.role or node.name}", "features", "name")
        told.insert(0, (place.file, place.line(*keys), f"{node.name} in {place.file.name}"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        found = [
            dg.LocalFileCodeReference(file_path=str(file), line_number=line, label=what) for file, line, what in told
        ]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[*found])} if found else {}
