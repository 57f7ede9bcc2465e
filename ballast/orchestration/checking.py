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
        return self.judgement is not None and self.judgement.closes


def check(run: Run, partitions: list[Partition | None]) -> Iterator[Checked]:
    """Judges every gate of a pipeline: sources as they are now, all else as last stored.

    A source that is a Dagster asset is judged as last stored, for only Dagster can make it.
    """
    for partition in partitions:
        here = replace(run, partition=partition)
        read, problems = _read_sources(here)
        for node in run.plan.nodes.values():
            if node.suite and (node.partitioned or partition == partitions[0]):
                yield from _check_node(here, node, read, problems.get(node.name))


def _read_sources(run: Run) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Gives the tables of all sources that can be read here, and why others could not."""
    read: dict[str, pd.DataFrame] = {}
    problems: dict[str, str] = {}
    for role, spec in run.plan.spec.data.items():
        if spec.asset:
            continue
        where = f"{run.plan.where}: data.{role}"
        try:
            read[role] = read_source(spec, where=where, folder=run.folder)
            if run.plan.nodes[role].partitioned and run.partition and run.plan.spec.partitions:
                read[role] = run.partition.rows(read[role], run.plan.spec.partitions, where)
        except BallastError as error:
            problems[role] = str(error)
    return read, problems


def _check_node(run: Run, node: Node, read: dict[str, pd.DataFrame], problem: str | None) -> Iterator[Checked]:
    asset, key = run.plan.asset(node.name), run.key_of(node)
    commit = None
    if problem is None and node.name not in read:
        commit = run.warehouse.latest(asset, partition=key)
        problem = None if commit else "not made yet: run the pipeline first"
    if problem is not None:
        yield Checked(asset, key, None, problem=problem)
        return
    version = commit.version if commit else None
    frame = read[node.name] if version is None else run.warehouse.read_arrow(asset, version=version).to_pandas()
    for judgement in judge(node.suite, frame, Context(run, node, read=read)):
        yield Checked(asset, key, version, judgement)
