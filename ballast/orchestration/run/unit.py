"""Runs one unit of a plan: reads judged inputs, computes or reuses, commits, and judges what it committed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa

from ballast.errors import OutdatedError
from ballast.gates import Judgement
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.provide.arguments import role_of_rows, samples_of
from ballast.orchestration.run.fingerprint import check_code, code_version, what_is_done
from ballast.orchestration.run.gate_context import StoredContext
from ballast.orchestration.run.inputs import Inputs, OvertakenError
from ballast.orchestration.run.outline import outline_of
from ballast.orchestration.run.recent import remember, remember_encoder, stored_table
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.stages import Given, Product, perform
from ballast.orchestration.run.standing import basis_of, pairs_standing, standing
from ballast.orchestration.run.targets import write_target
from ballast.orchestration.run.verdicts import judged, verdict_of
from ballast.reporting import stage_metadata, take_snapshot, write_page
from ballast.reporting.findings import Finding
from ballast.stages import STAGES
from ballast.warehouse import Commit, StoredModel
from ballast.warehouse.aliases import move
from ballast.warehouse.tables.aliases import Use
from ballast.warehouse.tables.frames import pandas_frame
from ballast.warehouse.tables.hashing import content_hash

logger = logging.getLogger("ballast.run")

TRIES = 3
"""How often a unit is made, where each time another run stores a newer version of what it reads meanwhile."""


@dataclass(frozen=True)
class Stored:
    """What a run stored of one node: the committed version, its judgements, and its table."""

    node: Node
    commit: Commit
    judgements: list[Judgement]
    reused: bool
    read: Callable[[], pa.Table]

    def columns(self) -> dict[str, str]:
        """Gives the table's columns with their types."""
        schema = self.read().schema
        return {name: str(type_) for name, type_ in zip(schema.names, schema.types, strict=True)}

    def metadata(self) -> dict[str, Any]:
        """Gives what is worth showing of the table: numbers, and a figure."""
        return stage_metadata(self.node.stage, pandas_frame(self.read()), self.commit.summary)


def run_unit(run: Run, nodes: Sequence[Node], given: Given = MappingProxyType({})) -> list[Stored]:
    """Runs the nodes of one unit and gives what is stored of them.

    What is already stored for the same inputs, parameters and code is reused (and judged again, for gates may have
    changed), so that a run that failed or was stopped goes on where it was. The store is opened twice, to read and to
    write, and held by neither the computation nor the gates, but for those that hold one data role against another: of
    two roles that are stored at the same time the later must see the earlier. What names a target is written there
    last; TargetError where that fails, after which it is stored all the same.
    """
    made = _run_to_its_end(run, list(nodes), given)
    for one in made:
        write_target(run, one.node, one.commit, one.judgements, one.read)
    return made


def _run_to_its_end(run: Run, nodes: list[Node], given: Given) -> list[Stored]:
    for _ in range(TRIES - 1):
        try:
            return _run_once(run, nodes, given)
        except OvertakenError as error:
            run.log(f"{run.plan.asset(nodes[0].unit)}: {error}; it is made again from what is there now")
    return _run_once(run, nodes, given)


def _run_once(run: Run, nodes: list[Node], given: Given) -> list[Stored]:
    check_code(run.plan, nodes[0])
    with run.warehouse.reading():
        inputs = _inputs(run, nodes)
        fingerprint = _fingerprint(inputs, nodes)
        before = _latest(run, nodes)
        stands = [standing(run, node, last) for node, last in zip(nodes, before, strict=True)]
        results = _reused(run, nodes, before, fingerprint)
        if not results and inputs.refused is None:
            inputs.read()
    if inputs.refused is not None:
        with run.warehouse.writing():
            inputs.record_verdicts()
        raise inputs.refused
    if not results:
        products = {product.node: product for product in perform(inputs, nodes, given)}
        check_code(run.plan, nodes[0])
        results = [
            _result(run, node, products[node.name], last, fingerprint) for node, last in zip(nodes, before, strict=True)
        ]
    for result, (judgements, seen) in zip(results, stands, strict=True):
        if result.kept:
            result.judgements, result.seen = judgements, dict(seen)
    if not STAGES[nodes[0].stage].outside and not inputs.changed and all(result.is_settled for result in results):
        return [_stored(result, result.kept) for result in results if result.kept]
    for result in results:
        result.judge(run, inputs, between_roles=False)
    with run.warehouse.writing(max((r.table for r in results), key=_row_bytes)):
        inputs.check_latest()
        for result, last, now in zip(results, before, _latest(run, nodes), strict=True):
            if now is not None and now.version != (last.version if last else 0):
                _give_way(result, now, fingerprint, handed=result.node.handed_as in given)
        inputs.record_verdicts()
        made = [(result, result.kept or _commit(run, inputs, result, fingerprint)) for result in results]
        for result, commit in made:
            remember(commit, result.table)
            if result.kept:
                result.judgements |= pairs_standing(run, result.node, commit)
            result.judge(run, inputs, between_roles=True)
            run.warehouse.record_suite(
                commit.asset,
                commit.version,
                [verdict_of(run, commit, e, result.judgements[e.name]) for e in result.node.suite],
                basis=basis_of(run, result.node, result.seen),
            )
    for result, _ in made:
        if result.save is not None:
            run.models.settle(StoredModel.of(result.frame), str(run.warehouse.home))
    return [_stored(result, commit) for result, commit in made]


def _latest(run: Run, nodes: list[Node]) -> list[Commit | None]:
    return run.warehouse.latest_of([(run.plan.asset(node.name), run.key_of(node)) for node in nodes])


def _give_way(result: Result, now: Commit, fingerprint: str, *, handed: bool) -> None:
    """Raises an OutdatedError where another run has stored a version since, which older rows would hide.

    A source is read anew, and what was made of the same inputs in the same way is taken as it is stored.
    """
    told = f"run {now.run_id} has stored {now.asset} version {now.version} while this one was making it"
    reads = STAGES[result.node.stage].outside and not handed
    if reads or (not handed and now.fingerprint == fingerprint):
        raise OvertakenError(told)
    if not handed or now.content_hash != content_hash(result.table):
        how = "from another value of its Dagster asset" if handed else "with other parameters or code"
        raise OutdatedError(f"{told}, {how}; that version stays: run it again if yours is to follow it")


@dataclass
class Result:
    """A node's table before it is stored, or the stored one that is kept for it, and what its gates say of it."""

    node: Node
    read: Callable[[], pa.Table]
    summary: Mapping[str, Any]
    kept: Commit | None = None
    save: Callable[[], StoredModel] | None = None
    """Writes the file of its model, where it has one that no version names yet."""
    use: Use | None = None
    """What an alias is to name once it is stored."""
    judgements: dict[str, Judgement] = field(default_factory=dict)
    seen: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    """What its gates have looked up beside the table itself; see ``standing``."""

    @property
    def is_settled(self) -> bool:
        """Whether it is stored, with all that its gates would say of it."""
        return self.kept is not None and all(e.name in self.judgements for e in self.node.suite)

    @cached_property
    def table(self) -> pa.Table:
        return self.read()

    @cached_property
    def frame(self) -> pd.DataFrame:
        return pandas_frame(self.table)

    def judge(self, run: Run, inputs: Inputs, *, between_roles: bool) -> None:
        """Holds the table against the part of the suite that does, or does not, look at other data roles."""
        suite = [e for e in self.node.suite if bool(e.roles) == between_roles and e.name not in self.judgements]
        if suite:
            seen = {} if between_roles and self.node.stage == "source" else self.seen
            context = StoredContext(run, self.node, inputs.commits, inputs.arrow, seen=seen, commit=self.kept)
            self.judgements |= {j.name: j for j in judged(suite, self.frame, context)}


def _inputs(run: Run, nodes: list[Node]) -> Inputs:
    """Gives the judged versions of what the unit is made from; GateClosedError where a gate before it is closed."""
    own = {node.name for node in nodes}
    return Inputs(run, nodes[0], tuple(dict.fromkeys(u for node in nodes for u in node.upstream if u not in own)))


def _fingerprint(inputs: Inputs, nodes: list[Node]) -> str:
    plan = inputs.run.plan
    return inputs.fingerprint(
        code=code_version(plan, nodes[0]),
        what=what_is_done(inputs),
        nodes=sorted(node.name for node in nodes),
    )


def _reused(run: Run, nodes: list[Node], before: Sequence[Commit | None], fingerprint: str) -> list[Result]:
    """Gives what is stored of the nodes where all of it was made just so; nothing for sources, which are read anew."""
    same = [commit for commit in before if commit is not None and commit.fingerprint == fingerprint]
    if len(same) < len(nodes) or STAGES[nodes[0].stage].outside or run.fresh:
        return []
    kept = [
        Result(node, partial(stored_table, run.warehouse, commit), commit.summary, commit)
        for node, commit in zip(nodes, same, strict=True)
    ]
    return kept if all(_is_there(run, result) for result in kept) else []


def _is_there(run: Run, kept: Result) -> bool:
    """Says whether the file of a stored model still holds what was stored; told in log and terminal where not."""
    problem = run.models.problem(StoredModel.of(kept.frame)) if STAGES[kept.node.stage].model else None
    if problem is not None:
        told = f"{run.plan.asset(kept.node.name)} is made anew: {problem}"
        run.log(told)
        logger.warning(told)
    return problem is None


def _result(run: Run, node: Node, product: Product, before: Commit | None, fingerprint: str) -> Result:
    """Gives what is to be stored of a product. What is read from outside keeps its version while nothing changes."""
    table, save = product.table, None
    if product.model is not None:
        version, home = before.version + 1 if before else 1, str(run.warehouse.home)
        save = partial(
            run.models.save, run.plan.asset(node.name), version, product.model, run.key_of(node), warehouse=home
        )
        stored = save()
        table = pd.DataFrame([asdict(stored)])
        if node.stage == "encoder":
            remember_encoder(stored.sha256, product.model)
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    keeps = STAGES[node.stage].outside and not run.fresh and before and before.content_hash == content_hash(table)
    if keeps and before and node.upstream:  # labels: of the same rows, and with as much to say of those not taken
        keeps = before.fingerprint == fingerprint and product.summary.items() <= before.summary.items()
    return Result(node, lambda: table, product.summary, before if keeps else None, save=save, use=product.use)


def _row_bytes(table: pa.Table) -> float:
    return table.nbytes / max(table.num_rows, 1)


def _commit(run: Run, inputs: Inputs, result: Result, fingerprint: str) -> Commit:
    node = result.node
    if result.save is not None and not run.models.has(StoredModel.of(result.frame)):
        result.save()  # prune, which has the same lock, took the file for that of a commit that had failed
    if result.use is not None:
        move(run.warehouse, result.use)
    return run.warehouse.commit(
        run.plan.asset(node.name),
        result.table,
        partition=run.key_of(node),
        method=node.use,
        parameters=node.step.params if node.step else {},
        code_version=code_version(run.plan, node),
        fingerprint=fingerprint,
        inputs=inputs.versions,
        run_id=run.run_id,
        kind=node.stage,
        summary={
            **result.summary,
            **({"rows_of": of} if (of := role_of_rows(node)) is not None else {}),
            **({"sampled": taken} if (taken := samples_of(inputs)) else {}),
        },
    )


def _stored(result: Result, commit: Commit) -> Stored:
    judgements = [result.judgements[e.name] for e in result.node.suite]
    return Stored(result.node, commit, judgements, result.kept is not None, lambda: result.table)


def run_report(run: Run, path: Path, failed: Collection[str] = ()) -> list[Finding]:
    """Writes the pipeline's report from what the warehouse holds now, and gives what it says first.

    ``failed`` are the steps that failed in the run that it is of.
    """
    key = run.partition.key if run.partition else None
    with run.warehouse.reading():
        snapshot = take_snapshot(run.warehouse, outline_of(run.plan), key, run.run_id, failed)
        return write_page(snapshot, path)
