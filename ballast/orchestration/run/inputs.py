"""What a step of a pipeline reads: judged versions of its upstreams, and the arguments of its method's calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import DataError, GateClosedError, WarehouseError
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.partitions import Partition
from ballast.orchestration.plan.plan import ENCODER, Binding, Node, Plan
from ballast.orchestration.read.sources import feature_columns
from ballast.orchestration.run.recent import stored_table
from ballast.orchestration.spec.pipeline import DataSpec, listed
from ballast.warehouse import Commit, ModelStore, StoredModel, Verdict, Warehouse, matrix_of

LABELS = ("label", "outcome")
"""Columns that rows which were not observed may lack: a call that asks for one runs over the observed rows alone."""


@dataclass(frozen=True)
class Run:
    """One run of a pipeline: where it reads and writes, and how.

    Attributes
    ----------
    folder : where relative paths of the spec start.
    partition : the partition that the run is for, None in a pipeline without partitions.
    force : read inputs whose gate is closed; recorded with the verdict.
    fresh : compute again what is already there for the same inputs.
    """

    plan: Plan
    warehouse: Warehouse
    models: ModelStore
    folder: Path
    run_id: str
    partition: Partition | None = None
    force: bool = False
    fresh: bool = False
    log: Callable[[str], None] = print

    def key_of(self, node: Node) -> str | None:
        """Gives the partition key that a node's table is stored under."""
        return self.partition.key if node.partitioned and self.partition is not None else None


@dataclass
class Inputs:
    """The upstream versions of one unit's nodes, read as the node's method needs them."""

    run: Run
    node: Node
    upstream: tuple[str, ...]
    commits: dict[str, Commit] = field(init=False)
    forced: list[Verdict] = field(init=False, default_factory=list)
    _tables: dict[str, pa.Table] = field(init=False, default_factory=dict)
    _frames: dict[str, pd.DataFrame] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        run = self.run
        nodes = [run.plan.nodes[name] for name in self.upstream]
        found = run.warehouse.latest_of([(run.plan.asset(n.name), run.key_of(n)) for n in nodes])
        verdicts = run.warehouse.verdicts_of([(c.asset, c.version) for c in found if c is not None])
        self.commits = {
            node.name: self._settled(node, commit, [v for v in verdicts if commit and v.asset == commit.asset])
            for node, commit in zip(nodes, found, strict=True)
        }

    def _settled(self, node: Node, commit: Commit | None, verdicts: list[Verdict]) -> Commit:
        """Gives the version of an upstream to read; GateClosedError where its gate is closed or never judged it."""
        run, asset = self.run, self.run.plan.asset(node.name)
        if commit is None:
            raise WarehouseError(
                f"{asset} has not been made yet, and {self.node.name} needs it: run it first "
                f"(`ballast run {run.plan.spec.name} --select {node.name}`)"
            )
        judged = {(v.gate, v.definition): v for v in verdicts}
        blocking = [(e.name, e.definition) for e in node.suite if e.severity == "error"]
        closed = [judged[gate] for gate in blocking if gate in judged and not judged[gate].passed]
        unjudged = [gate for gate in blocking if gate not in judged]
        if not closed and not unjudged:
            return commit
        never = f"never judged by {', '.join(name for name, _ in unjudged)} as declared now; run {node.name} again"
        told = "; ".join([*(f"{v.gate}: {v.message}" for v in closed), *([never] if unjudged else [])])
        if not run.force:
            raise GateClosedError(
                f"{self.node.name} does not run: the gate behind {asset} (version {commit.version}) is closed. {told} "
                "(mend the data or the step, or set `force: true` in the run's config; that is recorded)"
            )
        run.log(f"forced past the closed gate behind {asset} (version {commit.version}): {told}")
        closed += [
            Verdict(asset, commit.partition, commit.version, name, False, "error", {}, never, run.run_id, definition)
            for name, definition in unjudged
        ]
        self.forced += [replace(v, forced_by=run.run_id) for v in closed]
        return commit

    def record_force(self) -> None:
        """Keeps with the verdicts that were overridden that they were."""
        self.run.warehouse.record_verdicts(self.forced)

    def read(self) -> None:
        """Reads all upstream tables, so that the store is not needed while computing."""
        for name in self.commits:
            self.arrow(name)

    @property
    def versions(self) -> dict[str, int]:
        return {commit.asset: commit.version for commit in self.commits.values()}

    @property
    def n_cells(self) -> int:
        """The size of the largest input, in cells."""
        return max((c.row_count * len(c.summary.get("names", "?")) for c in self.commits.values()), default=0)

    def fingerprint(self, **what: Any) -> str:
        """Gives a digest of what a result depends on: the upstreams' contents and `what` is done with them."""
        parts = {"inputs": {c.asset: c.content_hash for c in self.commits.values()}, **what}
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    # -- tables ----------------------------------------------------------------------------------------------

    def arrow(self, name: str) -> pa.Table:
        if name not in self._tables:
            self._tables[name] = stored_table(self.run.warehouse, self.commits[name])
        return self._tables[name]

    def frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = self.arrow(name).to_pandas()
        return self._frames[name]

    def data(self, role: str) -> DataSpec:
        return self.run.plan.spec.data[role]

    def features(self, role: str) -> tuple[np.ndarray, np.ndarray]:
        """Gives (sample ids, matrix) of a data role."""
        table = self.arrow(f"{role}/features")
        return table.column("sample_id").to_numpy(), matrix_of(table, "features")

    def column(self, role: str, key: str, ids: np.ndarray | None = None) -> np.ndarray:
        """Gives a declared column of a role's table, in the order of `ids` where given."""
        spec = self.data(role)
        table = self.frame(role)
        values = table[getattr(spec, key)].to_numpy()
        return values if ids is None else values[positions(table[spec.id].to_numpy(), ids, f"data.{role}")]

    def model(self, name: str) -> Any:
        row = self.frame(name).iloc[0]
        return self.run.models.load(StoredModel(**{str(key): str(value) for key, value in row.items()}))

    def encoder(self) -> Any:
        return self.model(ENCODER)

    # -- arguments -------------------------------------------------------------------------------------------

    def arguments(self, entry: str) -> dict[str, Any]:
        """Gives the keyword arguments of a call of the node's method."""
        return {b.term: self.provide(b) for b in self.node.bindings if b.entry == entry}

    def ids(self, entry: str) -> np.ndarray:
        """Gives the sample ids of the rows that a call runs over, in the order of its arguments."""
        return self._ids_of(next(b for b in self._bound(entry) if VOCABULARY[b.term].rows == "sample"))

    def _bound(self, entry: str) -> list[Binding]:
        return [b for b in self.node.bindings if b.entry == entry]

    def _ids_of(self, binding: Binding) -> np.ndarray:
        """Gives the sample ids of the rows that an argument's call runs over: all of its role, or the observed ones."""
        role = binding.role
        beside = [b for b in self._bound(binding.entry) if b.role == role]
        recorded = self._recorded(beside)
        if recorded is not None:
            return self.arrow(recorded).column("sample_id").to_numpy()
        ids = self._all_ids(role)
        if self.data(role).observed is None or not any(b.source in LABELS for b in beside):
            return ids
        return ids[VOCABULARY["observed"].check(self.column(role, "observed", ids), f"data.{role}: observed")]

    def _recorded(self, beside: list[Binding]) -> str | None:
        """Gives the table of a learner's training rows that a call reads, which says what rows those were."""
        if self.node.step is not None and any(b.source == "dynamics" for b in beside):
            return f"{self.node.step.model}/dynamics"
        predicted = any(b.source == "predictions" and b.role == "train" for b in beside)
        return f"{self._model_names[0]}/out_of_sample" if predicted else None

    def _all_ids(self, role: str) -> np.ndarray:
        if f"{role}/features" in self.commits:
            return self.features(role)[0]
        if role in self.commits:
            return self.column(role, "id")
        assert self.node.step is not None
        for name in (*self._model_names, *listed(self.node.step.weights)):
            if name in self.commits and "sample_id" in (table := self.arrow(name)).column_names:
                return table.column("sample_id").to_numpy()
        raise WarehouseError(f"{self.node.name}: no input says which rows of {role} it is about")

    @cached_property
    def _model_names(self) -> list[str]:
        step = self.node.step
        return [] if step is None else [*([step.model] if step.model else []), *(step.models or [])]

    def provide(self, binding: Binding) -> Any:
        """Gives the value of one argument, by the source that the plan bound it to."""
        provider: Mapping[str, Callable[[Binding], Any]] = {
            "features": self._features,
            "feature_names": lambda b: list(self.commits[f"{b.role}/features"].summary["names"]),
            "table": self._table,
            "weights": self._weights,
            "model": lambda b: self._each_model(b, self.model),
            "classes": lambda b: self.model(self._model_names[0]).classes_,
            "predictions": self._predictions,
            "dynamics": self._dynamics,
        }
        if binding.source in provider:
            return provider[binding.source](binding)
        return self.column(binding.role, binding.source, self._ids_of(binding))

    def _features(self, binding: Binding) -> np.ndarray:
        X = self._rows_of(binding)
        step = self.node.step
        return X if step is None or step.embed is None else self.model(step.embed).embed(X)

    def _rows_of(self, binding: Binding) -> np.ndarray:
        """Gives the encoded rows (n, d) of a role that an argument's call runs over."""
        ids, X = self.features(binding.role)
        wanted = self._ids_of(binding)
        return X if np.array_equal(wanted, ids) else X[positions(ids, wanted, f"data.{binding.role}")]

    def _table(self, binding: Binding) -> pd.DataFrame:
        frame = self.frame(binding.role)
        other = "target" if binding.role != "target" else "train"
        columns = feature_columns(self.data(binding.role), frame.columns, self.run.plan.spec.no_features)
        if other in self.run.plan.spec.data:  # what one role calls a label is no feature of the other
            columns = feature_columns(self.data(other), columns)
        kept = positions(frame[self.data(binding.role).id].to_numpy(), self._ids_of(binding), f"data.{binding.role}")
        return frame[columns].iloc[kept]

    def _weights(self, binding: Binding) -> Any:
        step = self.node.step
        assert step is not None
        ids = self._ids_of(binding)
        found = {name: self.weights(name, ids) for name in listed(step.weights)}
        rows = {name: self.arrow(name).num_rows for name in found}
        if len(set(rows.values())) > 1:  # each has all of the ids, so some have others too
            said = ", ".join(f"{name} {n}" for name, n in rows.items())
            raise DataError(
                f"{self.node.name}: the weights are not of the same rows ({said}); run their steps again so that all "
                "stand on the same rows"
            )
        return found if binding.term == "sample_weights" else next(iter(found.values()))

    def weights(self, name: str, ids: np.ndarray) -> np.ndarray:
        """Gives the weights of a step's table for `ids`."""
        table = self.frame(name)
        return table["weight"].to_numpy()[positions(table["sample_id"].to_numpy(), ids, name)]

    def _each_model(self, binding: Binding, give: Callable[[str], Any]) -> Any:
        several = binding.term in ("models", "predictions")
        return {name: give(name) for name in self._model_names} if several else give(self._model_names[0])

    def _predictions(self, binding: Binding) -> Any:
        kind = {"predictions": "prediction"}.get(binding.term, binding.term.removesuffix("_target"))
        if binding.role == "train":
            return self._each_model(binding, lambda name: self._out_of_sample(name, kind))
        X = self._rows_of(binding)
        return self._each_model(binding, lambda name: predict(self.model(name), X, kind))

    def _out_of_sample(self, name: str, kind: str) -> np.ndarray:
        table = self.arrow(f"{name}/out_of_sample")
        if kind in ("probs", "logits"):
            return matrix_of(table, kind)
        return table.column("prediction").to_numpy()

    def _dynamics(self, binding: Binding) -> np.ndarray:
        assert self.node.step is not None
        return matrix_of(self.arrow(f"{self.node.step.model}/dynamics"), binding.term)


def predict(model: Any, X: np.ndarray, kind: str) -> np.ndarray:
    """Gives a model's prediction, class probabilities ("probs") or class scores ("logits") for rows."""
    if kind == "prediction":
        return np.asarray(model.predict(X))
    if not hasattr(model, "predict_proba"):
        raise DataError(f"{type(model).__name__} gives no class probabilities; use a classifier that has predict_proba")
    probs = np.asarray(model.predict_proba(X))
    if kind == "probs":
        return probs
    scores = np.asarray(model.decision_function(X)) if hasattr(model, "decision_function") else None
    return scores if scores is not None and scores.ndim == 2 else np.log(np.clip(probs, 1e-12, None))


def positions(ids: np.ndarray, wanted: np.ndarray, where: str) -> np.ndarray:
    """Gives the row of each wanted id; DataError naming some that are missing."""
    if len(ids) == len(wanted) and np.array_equal(ids, wanted):
        return np.arange(len(ids))
    found = pd.Index(ids).get_indexer(pd.Index(wanted))
    if (found < 0).any():
        lost = [str(i) for i in np.asarray(wanted)[found < 0][:3]]
        raise DataError(
            f"{where} has no row for {int((found < 0).sum())} of {len(wanted)} sample ids (such as {', '.join(lost)}); "
            "run the steps before it again so that all stand on the same rows"
        )
    return found
