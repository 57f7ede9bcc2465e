"""What the gates of a running pipeline may look up: the stored data of its roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.gates import Features, LabelKind, allows_no_rows
from ballast.methods.common.tasks import declared_task
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.provide.columns import plain
from ballast.orchestration.provide.rows import values_of
from ballast.orchestration.read.sources import feature_columns
from ballast.orchestration.run.recent import stored_table
from ballast.orchestration.run.run import Run
from ballast.warehouse import Commit, matrix_of
from ballast.warehouse.tables.frames import PARTITION_COLUMN, pandas_frame


@dataclass(frozen=True)
class StoredContext:
    """The stage that is judged; see ``ballast.gates.GateContext``.

    ``made_from`` are the versions that the stage itself was made from, and ``arrow`` gives their tables; ``read`` are
    the sources' tables where they were read afresh; what is stored stands in for all others. ``seen`` fills with the
    version of every stored table that is looked up. ``commit`` is the version that is judged, None while it has none.
    """

    run: Run
    node: Node
    made_from: Mapping[str, Commit] = field(default_factory=dict)
    arrow: Callable[[str], pa.Table] | None = None
    read: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    seen: dict[tuple[str, str | None], int | None] = field(default_factory=dict)
    commit: Commit | None = None

    @property
    def asset(self) -> str:
        return self.run.plan.asset(self.node.name)

    @property
    def stage(self) -> str:
        return self.node.stage

    @property
    def role(self) -> str | None:
        return self.node.role

    @property
    def id(self) -> str | None:
        return self.run.plan.spec.data[self.node.name].id if self.stage == "source" else None

    @property
    def label(self) -> str | None:
        if self.stage == "labels":
            return "label"
        return self.run.plan.spec.data[self.node.name].label if self.stage == "source" else None

    @property
    def label_required(self) -> bool:
        bindings = (b for node in self.run.plan.nodes.values() for b in node.bindings)
        return any(b.source == "label" and b.role == self.node.role for b in bindings)

    @property
    def observed(self) -> str | None:
        return self.run.plan.spec.data[self.node.name].observed if self.stage == "source" else None

    @property
    def label_kind(self) -> LabelKind | None:
        """What the pipeline's learners take the labels for: classes where one is a classifier."""
        plan = self.run.plan
        learners = [n for n in plan.nodes.values() if n.stage == "learner" and any(b.term == "y" for b in n.bindings)]
        tasks = {declared_task(plan.method_of(node.name)) for node in learners}
        return "classes" if "classification" in tasks else "numbers" if "regression" in tasks else None

    @property
    def may_be_empty(self) -> bool:
        return allows_no_rows(self.node.suite)

    def ids(self, role: str) -> np.ndarray | None:
        spec = self.run.plan.spec.data
        if role not in spec:
            return None
        if role in self.read:
            return self.read[role][spec[role].id].to_numpy()
        if self._look_up(role) is None:
            return None
        return self.run.warehouse.read_column(
            self.run.plan.asset(role), spec[role].id, partition=self._partition_of(role)
        )

    def table(self, role: str) -> pd.DataFrame | None:
        if role in self.read or self._look_up(role) is None:
            return self.read.get(role)
        run, partition = self.run, self._partition_of(role)
        if partition is None and run.plan.nodes[role].partitioned:
            return pandas_frame(run.warehouse.read_arrow(run.plan.asset(role)).drop_columns([PARTITION_COLUMN]))
        commit = run.warehouse.latest(run.plan.asset(role), partition=partition)
        return None if commit is None else pandas_frame(stored_table(run.warehouse, commit))

    def version_of(self, role: str) -> int | None:
        """Gives the version of a data role that this one is held against.

        None while it is not stored, or not yet by a run that reads it anew: whichever of the two is stored last is held
        against the other.
        """
        run = self.run
        if role not in run.plan.spec.data:
            return None
        commit = run.warehouse.latest(run.plan.asset(role), partition=self._partition_of(role))
        if commit is None:
            return None
        if role in run.sources and self.node.stage == "source":
            verdicts = run.warehouse.verdicts_of([(commit.asset, commit.version)])
            if not any(verdict.run_id == run.run_id for verdict in verdicts):
                return None
        return commit.version

    def _look_up(self, role: str) -> int | None:
        version = self.version_of(role)
        self.seen[self.run.plan.asset(role), self._partition_of(role)] = version
        return version

    def _partition_of(self, role: str) -> str | None:
        return self.node.key_in(self.run.key_of(self.run.plan.nodes[role]))

    def label_of(self, role: str) -> str | None:
        spec = self.run.plan.spec.data.get(role)
        return None if spec is None else spec.label

    def feature_columns(self, columns: Sequence[str], role: str) -> list[str]:
        spec = self.run.plan.spec
        described = feature_columns(spec.data[role], columns, spec.control_columns)
        return feature_columns(spec.data[self.role], described) if self.role in spec.data else described

    def previous(self) -> tuple[int, pd.DataFrame] | None:
        """Gives the version stored before this one: of the same partition, else of any other."""
        warehouse, key = self.run.warehouse, self.run.key_of(self.node)
        with warehouse.reading():
            older = [c for c in warehouse.commits(self.asset) if self.commit is None or c.version < self.commit.version]
            found = next((c for c in older if c.partition == key), next(iter(older), None))
            return None if found is None else (found.version, pandas_frame(stored_table(warehouse, found)))

    def features(self, role: str) -> Features | None:
        name = f"{role}/features"
        found = self._latest(name) if name in self.run.plan.nodes else None
        if found is None:
            return None
        commit, table = found
        names, ids = [str(n) for n in commit.summary["names"]], table.column("sample_id").to_numpy()
        return Features(ids, matrix_of(table, "features"), names, self._design_weight(role, ids))

    def _design_weight(self, role: str, ids: np.ndarray) -> np.ndarray | None:
        """Gives the design weights of a data role's rows; None where it declares none, or is not stored."""
        spec = self.run.plan.spec.data[role]
        found = None if spec.weight is None else self._latest(role)
        if found is None or spec.weight is None:
            return None
        weights = plain(pandas_frame(found[1].select([spec.weight]))[spec.weight])
        return values_of(weights, found[1].column(spec.id).to_numpy(), ids, f"data.{role}")

    def _latest(self, name: str) -> tuple[Commit, pa.Table] | None:
        if self.arrow is not None and name in self.made_from:
            return self.made_from[name], self.arrow(name)
        run, node = self.run, self.run.plan.nodes[name]
        with run.warehouse.reading():
            commit = run.warehouse.latest(run.plan.asset(name), partition=run.key_of(node))
            self.seen[run.plan.asset(name), run.key_of(node)] = commit.version if commit else None
            return None if commit is None else (commit, stored_table(run.warehouse, commit))
