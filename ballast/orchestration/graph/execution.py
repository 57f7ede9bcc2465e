"""In which processes a pipeline's job runs, and which failures of its steps are tried again."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from ballast.errors import BallastError, is_passing
from ballast.methods.frame.parameters import defaults
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.graph.mappings import settle_mappings
from ballast.orchestration.plan.outside import resolve
from ballast.orchestration.plan.plan import Node, Plan
from ballast.orchestration.spec.execution import ExecutorSpec, RetriesSpec
from ballast.orchestration.spec.pipeline import StepSpec
from ballast.words import one_line


class _Job(UnresolvedAssetJobDefinition):
    """A job that makes a pipeline's assets and, before them, those that it is handed."""

    def resolve(self, asset_graph: Any, default_executor_def: Any = None, resource_defs: Any = None) -> Any:
        keys = self._made(asset_graph)
        settle_mappings(asset_graph, [key for key in keys if key.path[0] == self.name])
        about = {"executor_def": self.executor_def, "description": self.description}
        job = dg.define_asset_job(
            self.name, dg.AssetSelection.assets(*keys), partitions_def=self.partitions_def, **about
        )
        return job.resolve(asset_graph, default_executor_def, resource_defs)

    def _made(self, graph: Any) -> set[dg.AssetKey]:
        """Gives what is selected, but for what is partitioned otherwise, which no run of the job can make."""
        selected = self.selection.resolve(graph)
        found = {key for key in selected if key.path[0] == self.name}
        waiting = list(found)
        while waiting:
            for key in (graph.get(waiting.pop()).parent_keys & selected) - found:
                if graph.get(key).partitions_def in (None, self.partitions_def):
                    found.add(key)
                    waiting.append(key)
        return found


class _OneProcessJob(_Job):
    """A job whose steps run in one process, unless the definitions that it is put into name an executor."""

    def resolve(self, asset_graph: Any, default_executor_def: Any = None, resource_defs: Any = None) -> Any:
        return super().resolve(asset_graph, default_executor_def or dg.in_process_executor, resource_defs)


def job_of(plan: Plan, partitions: dg.PartitionsDefinition | None) -> Any:
    """Gives the pipeline's job, with the executor that the spec names.

    Where it names none the project's own holds, if it has one. Else the steps run in one process, or in Dagster's
    default, a process a step, where one of them is long.
    """
    spec = plan.spec
    selection = dg.AssetSelection.assets(*(asset_key(plan, name) for name in plan.nodes))
    if any(data.named or data.labels_asset for data in spec.data.values()):
        others = {data.step.partition("/")[0] for data in spec.data.values() if data.step}
        selection = selection.upstream() - dg.AssetSelection.key_prefixes(*others) if others else selection.upstream()
    about = {"description": spec.description or None, "partitions_def": partitions}
    if spec.executor is None and not any(_is_long(step) for step in spec.steps.values()):
        return _OneProcessJob(spec.name, selection, **about)
    executor = None if spec.executor is None else _executor_of(spec.executor)
    return _Job(spec.name, selection, executor_def=executor, **about)


def _executor_of(spec: ExecutorSpec) -> dg.ExecutorDefinition:
    if spec.multiprocess is None:
        return dg.in_process_executor
    settings = spec.multiprocess.model_dump(exclude_none=True)
    return dg.multiprocess_executor.configured(settings) if settings else dg.multiprocess_executor


def _is_long(step: StepSpec) -> bool:
    """Says whether a step may well take minutes: whether it leaves a method that is long all its epochs or rounds.

    A method that is long says what makes it quick (``quick``): fewer epochs, steps, rounds or folds than its own.
    """
    if not step.use:
        return False
    cls = resolve(step.use)
    quick, own = getattr(cls, "quick", {}), defaults(cls)
    counts = [name for name, few in quick.items() if _is_count(few) and _is_count(own.get(name)) and few < own[name]]
    given = {name: step.params.get(name, own[name]) for name in counts}
    return bool(counts) and all(not _is_count(n) or n >= own[name] for name, n in given.items())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def failed(context: dg.AssetExecutionContext, plan: Plan, node: Node, error: Exception) -> Exception:
    """Gives what a step ends with that failed: a request to try it again where that may help, else its failure.

    Dagster's own retry policy is not used for it: an op that has one is tried again when its run is interrupted, and
    Ctrl-C would stop nothing.
    """
    retries = (node.step.retries if node.step else None) or plan.spec.retries or RetriesSpec(max=0)
    number, policy = context.retry_number + 1, retries.policy()
    if number <= retries.max and is_passing(error):
        wait = policy.calculate_delay(number)
        told = f"{plan.asset(node.unit)} is tried again in {wait:.3g} s ({number} of {retries.max})"
        context.log.warning(f"{told}: {one_line(str(error) or type(error).__name__)}")
        return dg.RetryRequested(max_retries=retries.max, seconds_to_wait=wait)
    if isinstance(error, BallastError):
        return dg.Failure(str(error), metadata={"error": type(error).__name__}, allow_retries=False)
    return error
