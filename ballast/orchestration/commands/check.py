"""Judges a pipeline's gates on the data as they stand, without running a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ballast.errors import BallastError, SpecError, nearest
from ballast.gates import Judgement, judge
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.read.sources import read_path, read_role
from ballast.orchestration.run.gate_context import StoredContext
from ballast.orchestration.run.run import Run
from ballast.orchestration.spec.data import SOURCES
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import listed, shown


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


def check(
    run: Run,
    partitions: Sequence[Partition | None],
    *,
    select: Sequence[str] = (),
    files: Mapping[str, Path] | None = None,
    stored: bool = False,
) -> Iterator[Checked]:
    """Judges the gates of a pipeline: sources as they are now, all else as last stored.

    A source that is a Dagster asset, or another pipeline's step, is judged as last stored: a run hands its rows.

    Parameters
    ----------
    select : the data roles and steps to judge; default those with a file, else all.
    files : tables to judge in place of a data role's or step's own, by its name.
    stored : judge sources, too, as they were last stored.

    Raises SpecError, before anything is read, for a name that there is not.
    """
    files = files or {}
    nodes = run.plan.nodes
    for name in (*select, *files):
        if name not in nodes:
            raise SpecError(
                f"{run.plan.where}: there is no step or data role {shown(name)}{nearest(name, nodes)} "
                f"(there are {listed(nodes, 20)})"
            )
    wanted = select or files or nodes
    for partition in partitions:
        here = replace(run, partition=partition)
        read, problems = _read(here, files, stored=stored)
        for node in nodes.values():
            if node.name not in wanted or not (node.partitioned or partition == partitions[0]):
                continue
            if node.suite:
                yield from _check_node(here, node, read, problems.get(node.name))
            elif node.name in (*select, *files):
                yield Checked(run.plan.asset(node.name), here.key_of(node), None, problem="it has no gate")


def _read(run: Run, files: Mapping[str, Path], *, stored: bool) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Gives the tables of the files, and of all sources that can be read here, and why others could not."""
    read: dict[str, pd.DataFrame] = {}
    problems: dict[str, str] = {}
    sources = {} if stored else {role: spec for role, spec in run.plan.spec.data.items() if not spec.handed}
    for name in {**sources, **files}:
        where = f"{run.plan.where}: {f'data.{name}' if name in sources else name}"
        try:
            read[name] = _table(run, name, files.get(name), where)
        except BallastError as error:
            problems[name] = str(error)
    return read, problems


def _table(run: Run, name: str, file: Path | None, where: str) -> pd.DataFrame:
    node = run.plan.nodes[name]
    if node.stage != "source":
        return pandas_frame(read_path(str(file), where, run.folder))
    spec = run.plan.spec.data[name]
    if file is not None:
        spec = spec.model_copy(update={**dict.fromkeys(SOURCES), "path": str(file)})
    table = read_role(run.plan, node, folder=run.folder, partition=run.partition, spec=spec, run_id=run.run_id)
    return pandas_frame(table)


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
    frame = read[node.name] if version is None else run.warehouse.read(asset, version=version)
    for judgement in judge(node.suite, frame, StoredContext(run, node, read=read, commit=commit)):
        yield Checked(asset, key, version, judgement)
