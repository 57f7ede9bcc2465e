"""One run of a pipeline, as its units see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import Node, Plan
from ballast.warehouse import ModelStore, Warehouse


@dataclass(frozen=True)
class Run:
    """One run of a pipeline: where it reads and writes, and how.

    Attributes
    ----------
    folder : where relative paths of the spec start.
    partition : the partition that the run is for, None in a pipeline without partitions.
    force : read inputs whose gate is closed; recorded with the verdict.
    fresh : compute again what is already there for the same inputs.
    sources : the data roles that this run reads anew; what is stored of them is of an earlier run until it has.
    """

    plan: Plan
    warehouse: Warehouse
    models: ModelStore
    folder: Path
    run_id: str
    partition: Partition | None = None
    force: bool = False
    fresh: bool = False
    sources: frozenset[str] = frozenset()
    log: Callable[[str], None] = print

    def key_of(self, node: Node) -> str | None:
        """Gives the partition key that a node's table is stored under."""
        return node.key_in(self.partition.key if self.partition is not None else None)
