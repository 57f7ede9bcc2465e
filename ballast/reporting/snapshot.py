"""The latest state of a pipeline, read from the warehouse once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ballast.methods.frame.reports import Direction, Picture, declared
from ballast.reporting.outline import Node, Outline
from ballast.stages import STAGES
from ballast.warehouse import Commit, Verdict, Warehouse

if TYPE_CHECKING:
    import pandas as pd

State = Literal["done", "open", "warned", "forced", "closed", "not-run"]

MOST_ROWS = 2_000_000
"""Larger tables are not read for a picture."""


@dataclass(frozen=True)
class Step:
    """A node of the outline, with its latest commit, verdicts and table where there are any."""

    node: Node
    commit: Commit | None = None
    verdicts: tuple[Verdict, ...] = ()
    table: pd.DataFrame | None = None
    stale: tuple[str, ...] = ()
    """Upstream assets that have a newer version than the one this step read."""

    @property
    def declared(self) -> tuple[dict[str, Direction], tuple[Picture, ...]]:
        """The directions and the pictures that an assessment declares of itself."""
        return declared(self.commit.summary if self.commit else {})

    @property
    def state(self) -> State:
        """Whether it ran and what its gates say; a closed gate outweighs a warning."""
        if self.commit is None:
            return "not-run"
        failed = [v for v in self.verdicts if not v.passed]
        if any(v.severity == "error" and not v.forced for v in failed):
            return "closed"
        if any(v.severity == "error" for v in failed):
            return "forced"
        if failed:
            return "warned"
        return "open" if self.verdicts else "done"


@dataclass(frozen=True)
class Snapshot:
    """A pipeline's steps in the outline's order."""

    outline: Outline
    partition: str | None
    steps: dict[str, Step] = field(default_factory=dict)
    run_id: str = ""
    """The run that is reported on, where it is of one."""
    true_weights: pd.Series | None = None
    """The known right weight of each training row by its id, where a source has them."""
    retired: tuple[str, ...] = ()
    """Partitions that are stored but no longer declared."""

    def of(self, *stages: str) -> list[Step]:
        """Gives the steps of these stages."""
        return [s for s in self.steps.values() if s.node.stage in stages]

    def named(self, name: str) -> Step | None:
        """Gives the step of that name."""
        return next((s for s in self.steps.values() if s.node.name == name), None)


def take_snapshot(warehouse: Warehouse, outline: Outline, partition: str | None = None) -> Snapshot:
    """Reads the latest commit of every node, its verdicts, and the tables that are drawn."""
    latest = {node.asset: _latest(warehouse, node.asset, partition) for node in outline.nodes}
    steps = {}
    for node in outline.nodes:
        commit = latest[node.asset]
        if commit is None:
            steps[node.asset] = Step(node)
            continue
        newer = {asset: found.version for asset, found in latest.items() if found is not None}
        steps[node.asset] = Step(
            node,
            commit,
            tuple(warehouse.verdicts(node.asset, version=commit.version)),
            _table(warehouse, node, commit),
            tuple(asset for asset, version in commit.inputs.items() if newer.get(asset, version) != version),
        )
    keys = sorted({key for _, key in warehouse.partitions([node.asset for node in outline.nodes])})
    retired = tuple(key for key in keys if not outline.declares(key))
    return Snapshot(outline, partition, steps, true_weights=_true_weights(warehouse, steps.values()), retired=retired)


def _true_weights(warehouse: Warehouse, steps: Iterable[Step]) -> pd.Series | None:
    for step in steps:
        column, key = step.node.notes.get("true_weight"), step.node.notes.get("id")
        if not (column and key) or step.commit is None:
            continue
        if step.commit.row_count <= MOST_ROWS:
            rows = warehouse.read(step.node.asset, version=step.commit.version)
            return rows.drop_duplicates(key).set_index(key)[column]
    return None


def _latest(warehouse: Warehouse, asset: str, partition: str | None) -> Commit | None:
    """Gives the newest commit of the partition or, for an asset without partitions, the newest of all."""
    found = warehouse.latest(asset, partition=partition)
    if found is None and partition is not None:
        whole = warehouse.latest(asset)
        return whole if whole is not None and whole.partition is None else None
    return found


def _table(warehouse: Warehouse, node: Node, commit: Commit) -> pd.DataFrame | None:
    """Gives the table of a step that has a card; of the others the commit says enough."""
    stage = STAGES.get(node.stage)
    if stage is None or not stage.card or commit.row_count > MOST_ROWS:
        return None
    return warehouse.read(node.asset, version=commit.version)
