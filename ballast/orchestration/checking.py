"""Judges a pipeline's gates on the data as they stand, without running a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from ballast.errors import BallastError
from ballast.gates import Judgement, judge
from ballast.orchestration.inputs import Run
from ballast.orchestration.judging import Context
from ballast.orchestration.plan import Node
from ballast.orchestration.sources import Partition, read_source


@dataclass(frozen=True)
class Checked:
    """One gate's judgement of one table, or why it could not be judged.

    Attributes
    ----------
    version : the stored version that was judged; None for a source that was read from its file, query or loader.
    problem : why there is no judgement; empty where there is one.
    """

    asset: str
    partition: str | None
    version: int | None
    judgement: Judgement | None = None
    problem: str = ""

    @property
    def closed(self) -> bool:
        return self.judgement is not None and not self.judgement.passed and self.judgement.severity == "error"


def check(run: Run, partitions: list[Partition | None]) -> Iterator[Checked]:
    """Judges every gate of a pipeline: sources as they are now, all else as last stored.

    A source that is a Dagster asset is judged as last stored, for only Dagster can make it.
    """
    for partition in partitions:
        here = replace(run, partition=partition)
        for node in run.plan.nodes.values():
            if node.suite and (node.partitioned or partition == partitions[0]):
                yield from _check_node(here, node)


def _check_node(run: Run, node: Node) -> Iterator[Checked]:
    asset, key = run.plan.asset(node.name), run.key_of(node)
    try:
        version, frame = _table(run, node)
    except BallastError as error:
        yield Checked(asset, key, None, problem=str(error))
        return
    if frame is None:
        yield Checked(asset, key, None, problem="not made yet: run the pipeline first")
        return
    for judgement in judge(node.suite, frame, Context(run, node)):
        yield Checked(asset, key, version, judgement)


def _table(run: Run, node: Node) -> tuple[int | None, pd.DataFrame | None]:
    spec = run.plan.spec.data.get(node.name)
    if spec is not None and not spec.asset:
        where = f"{run.plan.where}: data.{node.name}"
        table = read_source(spec, where=where, folder=run.folder)
        if node.partitioned and run.partition and run.plan.spec.partitions:
            table = run.partition.rows(table, run.plan.spec.partitions, where)
        return None, table
    commit = run.warehouse.latest(run.plan.asset(node.name), partition=run.key_of(node))
    if commit is None:
        return None, None
    return commit.version, run.warehouse.read_arrow(commit.asset, version=commit.version).to_pandas()
