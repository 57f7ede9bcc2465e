"""What the gates of a running pipeline may look up: the stored data of its roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import VersionNotFoundError
from ballast.gates import Features
from ballast.orchestration.plan.plan import Node
from ballast.orchestration.run.inputs import Inputs, Run
from ballast.orchestration.run.recent import stored_table
from ballast.warehouse import Commit, matrix_of


@dataclass(frozen=True)
class StoredContext:
    """The stage that is judged; see ``ballast.gates.GateContext``.

    ``inputs`` are the tables that the stage itself was made from, ``read`` the sources' tables where they were read
    afresh; what is stored stands in for all others.
    """

    run: Run
    node: Node
    inputs: Inputs | None = None
    read: Mapping[str, pd.DataFrame] = field(default_factory=dict)

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
        return self.run.plan.spec.data[self.node.name].label if self.stage == "source" else None

    @property
    def label_required(self) -> bool:
        bindings = (b for node in self.run.plan.nodes.values() for b in node.bindings)
        return any(b.source == "label" and b.role == self.node.role for b in bindings)

    @property
    def observed(self) -> str | None:
        return self.run.plan.spec.data[self.node.name].observed if self.stage == "source" else None

    def ids(self, role: str) -> np.ndarray | None:
        if role not in self.run.plan.spec.data:
            return None
        if role in self.read:
            return self.read[role][self.run.plan.spec.data[role].id].to_numpy()
        run, node = self.run, self.run.plan.nodes[role]
        partition = self.node.key_in(run.key_of(node))
        try:
            return run.warehouse.read_column(run.plan.asset(role), run.plan.spec.data[role].id, partition=partition)
        except VersionNotFoundError:
            return None

    def features(self, role: str) -> Features | None:
        name = f"{role}/features"
        found = self._latest(name) if name in self.run.plan.nodes else None
        if found is None:
            return None
        commit, table = found
        names = [str(n) for n in commit.summary["names"]]
        return Features(table.column("sample_id").to_numpy(), matrix_of(table, "features"), names)

    def _latest(self, name: str) -> tuple[Commit, pa.Table] | None:
        if self.inputs is not None and name in self.inputs.commits:
            return self.inputs.commits[name], self.inputs.arrow(name)
        run, node = self.run, self.run.plan.nodes[name]
        with run.warehouse.reading():
            commit = run.warehouse.latest(run.plan.asset(name), partition=run.key_of(node))
            return None if commit is None else (commit, stored_table(run.warehouse, commit))
