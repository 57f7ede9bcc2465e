"""Runs one unit of a plan: reads judged inputs, computes or reuses, commits, and judges what it committed."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ballast import __version__
from ballast.gates import Judgement, judge
from ballast.methods.catalogue import resolve
from ballast.orchestration.inputs import Inputs, Run
from ballast.orchestration.judging import Context
from ballast.orchestration.outline import outline_of
from ballast.orchestration.plan import Node, Plan
from ballast.orchestration.stages import Product, perform
from ballast.reporting import stage_metadata, write_report
from ballast.warehouse import Commit, Verdict
from ballast.warehouse.hashing import content_hash


@dataclass(frozen=True)
class Outcome:
    """What a run made of one node: the committed version, its judgements, and what is shown of it."""

    node: Node
    commit: Commit
    judgements: list[Judgement]
    columns: dict[str, str]
    metadata: dict[str, Any]
    reused: bool


@cache
def _source_digest(cls: type) -> str:
    try:
        text = inspect.getsource(sys.modules[cls.__module__])
    except (OSError, TypeError, KeyError):
        text = cls.__qualname__
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def code_version(plan: Plan, node: Node) -> str:
    """Gives what changes when the code behind a node does: Ballast's version and a digest of the method's module."""
    if node.step is None:
        return __version__
    return f"{__version__}+{_source_digest(resolve(node.step.use))}"


def run_unit(run: Run, nodes: Sequence[Node], given: Any = None) -> list[Outcome]:
    """Runs the nodes of one unit and gives their outcomes.

    What is already stored for the same inputs, parameters and code is reused (and judged again, for gates may have
    changed), so that a run that failed or was stopped goes on where it was.
    """
    nodes = list(nodes)
    own = {node.name for node in nodes}
    upstream = tuple(dict.fromkeys(u for node in nodes for u in node.upstream if u not in own))
    inputs = Inputs(run, nodes[0], upstream)
    fingerprint = inputs.fingerprint(
        code=code_version(run.plan, nodes[0]),
        what=_what(run.plan, nodes[0]),
        nodes=sorted(own),
        seed=run.plan.spec.seed,
    )
    if nodes[0].stage != "source" and not run.fresh:
        stored = [run.warehouse.latest(run.plan.asset(node.name), partition=run.key_of(node)) for node in nodes]
        same = [commit for commit in stored if commit is not None and commit.fingerprint == fingerprint]
        if len(same) == len(nodes):
            pairs = zip(nodes, same, strict=True)
            return [_settle(run, node, commit, _stored_table(run, commit), reused=True) for node, commit in pairs]
    products = {product.node: product for product in perform(inputs, nodes, given)}
    return [_commit(run, inputs, node, products[node.name], fingerprint) for node in nodes]


def _what(plan: Plan, node: Node) -> dict[str, Any]:
    """Gives the part of the spec that a node's result depends on, for its fingerprint."""
    if node.step is not None:
        return node.step.model_dump(exclude={"description"})
    if node.stage in ("encoder", "features"):
        train = plan.spec.data["train"].model_dump()
        return {"features": plan.spec.features.model_dump(), "train": train}
    return {}


def _commit(run: Run, inputs: Inputs, node: Node, product: Product, fingerprint: str) -> Outcome:
    """Stores one product and judges it. A source whose content has not changed keeps its version."""
    table: pd.DataFrame | pa.Table = product.table
    asset, key = run.plan.asset(node.name), run.key_of(node)
    if product.model is not None:
        before = run.warehouse.latest(asset, partition=key)
        stored = run.models.save(asset, before.version + 1 if before else 1, product.model, partition=key)
        table = pd.DataFrame([asdict(stored)])
    if node.stage == "source" and not run.fresh:
        before = run.warehouse.latest(asset, partition=key)
        if before is not None and before.content_hash == content_hash(_arrow(table)):
            return _settle(run, node, before, table, reused=True)
    commit = run.warehouse.commit(
        asset,
        table,
        partition=key,
        method=node.use,
        parameters=node.step.params if node.step else {},
        code_version=code_version(run.plan, node),
        fingerprint=fingerprint,
        inputs=inputs.versions,
        run_id=run.run_id,
        kind=node.stage,
        summary=product.summary,
    )
    return _settle(run, node, commit, table, reused=False)


def _settle(run: Run, node: Node, commit: Commit, table: pd.DataFrame | pa.Table, *, reused: bool) -> Outcome:
    """Judges a stored version, keeps the verdicts, and gathers what is shown of it."""
    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    judgements = judge(node.suite, frame, Context(run, node)) if node.suite else []
    if judgements:
        run.warehouse.record_verdicts([_verdict(run, commit, j) for j in judgements])
    schema = _arrow(table).schema
    return Outcome(
        node,
        commit,
        judgements,
        {name: str(type_) for name, type_ in zip(schema.names, schema.types, strict=True)},
        stage_metadata(node.stage, frame, commit.summary),
        reused,
    )


def _stored_table(run: Run, commit: Commit) -> pa.Table:
    return run.warehouse.read_arrow(commit.asset, version=commit.version)


def _arrow(table: pd.DataFrame | pa.Table) -> pa.Table:
    return pa.Table.from_pandas(table, preserve_index=False) if isinstance(table, pd.DataFrame) else table


def _verdict(run: Run, commit: Commit, judgement: Judgement) -> Verdict:
    return Verdict(
        asset=commit.asset,
        partition=commit.partition,
        version=commit.version,
        gate=judgement.name,
        passed=judgement.passed,
        severity=judgement.severity,
        observed=judgement.observed,
        message=judgement.message,
        run_id=run.run_id,
    )


def run_report(run: Run, path: Path) -> Path:
    """Writes the pipeline's report from what the warehouse holds now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_report(
        run.warehouse, outline_of(run.plan), path, partition=run.partition.key if run.partition else None
    )
