"""The latest state of a pipeline, as the warehouse holds it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ballast.methods.frame.reports import Direction, Picture, declared
from ballast.reporting.outline import Node, Outline
from ballast.stages import STAGES
from ballast.warehouse import Commit, Verdict, Warehouse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

State = Literal["done", "open", "warned", "forced", "closed", "not-run"]

MOST_ROWS = 2_000_000
"""Larger tables are not read for a picture."""

NEXT_TO_NONE = 1 << 40
"""One row in so many is read where only the columns are of interest."""


@dataclass(frozen=True)
class Step:
    """A node of the outline, with its latest commit, verdicts and table where there are any."""

    node: Node
    commit: Commit | None = None
    verdicts: tuple[Verdict, ...] = ()
    stale: tuple[str, ...] = ()
    """Upstream assets that have a newer version than the one this step read."""
    warehouse: Warehouse | None = None
    """Where the table of the commit is."""

    @cached_property
    def table(self) -> pd.DataFrame | None:
        """The table of a step that has a card, read when first asked for; of the others the commit says enough."""
        stage = STAGES.get(self.node.stage)
        return self.read() if stage is not None and stage.card else None

    def read(self) -> pd.DataFrame | None:
        """Gives the step's table, whatever its stage; None where there is none, or too large a one for a picture."""
        if self.commit is None or self.warehouse is None or self.commit.row_count > MOST_ROWS:
            return None
        return self.warehouse.read(self.commit.asset, version=self.commit.version)

    @property
    def row_count(self) -> int:
        return self.commit.row_count if self.commit is not None else 0

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the table; none where there is no table."""
        if self.commit is None or self.warehouse is None:
            return []
        if types := self.commit.summary.get("types"):
            return list(types)
        few = self.warehouse.read_arrow(self.commit.asset, version=self.commit.version, one_in=NEXT_TO_NONE)
        return few.column_names

    def read_columns(self, columns: Sequence[str], one_in: int = 1) -> pa.Table:
        """Gives some columns of a table that is there; of about one row in so many, the same ones each time."""
        assert self.commit is not None
        assert self.warehouse is not None
        return self.warehouse.read_arrow(self.commit.asset, version=self.commit.version, columns=columns, one_in=one_in)

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
    retired: tuple[str, ...] = ()
    """Partitions that are stored but no longer declared."""
    failed: tuple[str, ...] = ()
    """The steps that failed in the run that is reported on: what is stored of them is of an earlier one."""

    @cached_property
    def true_weights(self) -> pd.Series | None:
        """The known right weight of each training row by its id, where a source has them."""
        for step in self.steps.values():
            column, key = step.node.notes.get("true_weight"), step.node.notes.get("id")
            if column and key and (rows := step.read()) is not None:
                return rows.drop_duplicates(key).set_index(key)[column]
        return None

    @cached_property
    def outdated(self) -> frozenset[str]:
        """The assets that were made of inputs which have a newer version now, or are themselves such."""
        found: set[str] = set()
        for asset, step in self.steps.items():  # in the outline's order, in which inputs come first
            if step.commit is not None and (step.stale or not found.isdisjoint(step.commit.inputs)):
                found.add(asset)
        return frozenset(found)

    def of(self, *stages: str) -> list[Step]:
        """Gives the steps of these stages."""
        return [s for s in self.steps.values() if s.node.stage in stages]

    def named(self, name: str) -> Step | None:
        """Gives the step of that name."""
        return next((s for s in self.steps.values() if s.node.name == name), None)


def take_snapshot(
    warehouse: Warehouse,
    outline: Outline,
    partition: str | None = None,
    run_id: str = "",
    failed: Collection[str] = (),
) -> Snapshot:
    """Gives the latest commit of every node and its verdicts; the tables are read when they are first asked for."""
    latest = _latest(warehouse, [node.asset for node in outline.nodes], partition)
    verdicts: dict[str, list[Verdict]] = {}
    for verdict in warehouse.verdicts_of([(asset, commit.version) for asset, commit in latest.items()]):
        verdicts.setdefault(verdict.asset, []).append(verdict)
    steps = {}
    for node in outline.nodes:
        commit = latest.get(node.asset)
        read = commit.inputs.items() if commit is not None else ()
        stale = tuple(asset for asset, version in read if asset in latest and latest[asset].version != version)
        steps[node.asset] = Step(node, commit, tuple(verdicts.get(node.asset, ())), stale, warehouse)
    keys = sorted({key for _, key in warehouse.partitions([node.asset for node in outline.nodes])})
    retired = tuple(key for key in keys if not outline.declares(key))
    return Snapshot(
        outline, partition, steps, run_id, retired, tuple(n.name for n in outline.nodes if n.name in failed)
    )


def _latest(warehouse: Warehouse, assets: Sequence[str], partition: str | None) -> dict[str, Commit]:
    """Gives the newest commit of the partition or, for an asset without partitions, the newest of all."""
    found = warehouse.latest_of([(asset, partition) for asset in assets])
    if partition is not None:
        whole = warehouse.latest_of([(asset, None) for asset in assets])
        found = [of or (w if w and w.partition is None else None) for of, w in zip(found, whole, strict=True)]
    return {commit.asset: commit for commit in found if commit is not None}
