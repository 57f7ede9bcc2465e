"""What a step of a pipeline reads: judged versions of its upstreams, and the arguments of its method's calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.compute.rows import Rows
from ballast.errors import GateClosedError, OutdatedError, WarehouseError
from ballast.gates import WARNS
from ballast.orchestration.plan.plan import PREDICTION, PROMOTION, Node
from ballast.orchestration.provide.arguments import arguments_of, ids_of
from ballast.orchestration.provide.in_use import InUse, model_in_use
from ballast.orchestration.run.gate_context import StoredContext
from ballast.orchestration.run.recent import stored_table
from ballast.orchestration.run.run import Run
from ballast.orchestration.run.streamed import streamed_rows
from ballast.orchestration.run.verdicts import check_open, judged_anew
from ballast.orchestration.spec.pipeline import PipelineSpec, models_of
from ballast.warehouse import Commit, StoredModel, Verdict
from ballast.warehouse.aliases import in_use
from ballast.warehouse.tables.frames import pandas_frame
from ballast.words import in_words


class OvertakenError(OutdatedError):
    """Another run has stored a newer version while a unit was at work on an older one."""

    passing = True


class MixedError(OutdatedError):
    """What a unit reads stands on different versions of one table, as while another run is at work on it."""

    passing = True


def _named(node: Node) -> list[str]:
    """Gives the steps whose model a node asks for; itself where it is the one that names it."""
    step = node.step
    if step is None:
        return []
    return [node.name, *([step.predict] if step.predict and node.stage == PREDICTION else []), *models_of(step)]


@dataclass
class Inputs:
    """The upstream versions of one unit's nodes, read as the node's method needs them."""

    run: Run
    node: Node
    upstream: tuple[str, ...]
    commits: dict[str, Commit] = field(init=False)
    changed: list[Verdict] = field(init=False, default_factory=list)
    """Verdicts on upstreams that this unit overrode, or came to itself."""
    refused: GateClosedError | None = field(init=False, default=None)
    """Why the unit may not run: an upstream's gate is closed, or never judged it."""
    passed: list[str] = field(init=False, default_factory=list)
    """The closed gates that the unit passes for it flags what it makes behind them, each in words."""
    aliases: dict[str, InUse | None] = field(init=False, default_factory=dict)
    """What is in use, by each alias that the node's step names or is."""
    rows: dict[str, Rows] | None = field(init=False, default=None)
    """The upstream tables as parts, where they do not fit in memory and the node can do with these."""
    _tables: dict[str, pa.Table] = field(init=False, default_factory=dict)
    _frames: dict[str, pd.DataFrame] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        run = self.run
        guards = [name for name in self.node.guards if name not in self.upstream]
        nodes = [run.plan.nodes[name] for name in (*self.upstream, *guards)]
        found = run.warehouse.latest_of([(run.plan.asset(n.name), run.key_of(n)) for n in nodes])
        verdicts = run.warehouse.verdicts_of([(c.asset, c.version) for c in found if c is not None])
        self.commits = {
            node.name: self._settled(node, commit, [v for v in verdicts if commit and v.asset == commit.asset])
            for node, commit in zip(nodes, found, strict=True)
        }
        for guard in guards:
            del self.commits[guard]
        for name in self.spec.aliases(_named(self.node)):
            self.aliases[name] = model_in_use(run.warehouse, run.models, run.plan.asset(name))
        if self.refused is None:
            self._check_one_state()

    def _check_one_state(self) -> None:
        """Raises MixedError where the inputs were made from different versions of one table."""
        read = [(c.asset, c.version) for c in self.commits.values() if c.kind != PROMOTION]  # what is in use may be old
        found = self.run.warehouse.mixed(read) if len(read) > 1 else None
        if found is not None:
            of = f" (partition {found.partition})" if found.partition else ""
            stand = [
                f"{asset} is version {on}" if asset == found.asset else f"{asset} (version {version}) on version {on}"
                for (asset, version), on in found.versions.items()
            ]
            raise MixedError(
                f"{self.node.name} does not run: what it reads stands on different versions of {found.asset}{of}: "
                f"{', '.join(stand)}. Another run has just replaced it, or not all that is made from it was made anew: "
                f"run `ballast run {self.run.plan.spec.name}`"
            )

    def check_latest(self) -> None:
        """Raises OvertakenError where another version of an input, with other content, is the latest by now."""
        latest = self.run.warehouse.latest_of([(c.asset, c.partition) for c in self.commits.values()])
        for read, now in zip(self.commits.values(), latest, strict=True):
            if now is not None and (now.content_hash, now.summary) != (read.content_hash, read.summary):
                raise OvertakenError(
                    f"{read.asset} was at version {read.version} when {self.node.name} read it, and run {now.run_id} "
                    f"has stored version {now.version} since"
                )

        for name, read in self.aliases.items():
            asset = self.run.plan.asset(name)
            now = in_use(self.run.warehouse, asset)
            if now != (read.use if read else None):
                raise OvertakenError(f"{asset} was moved to {now} since {self.node.name} read it")

    def _settled(self, node: Node, commit: Commit | None, verdicts: list[Verdict]) -> Commit:
        """Gives the version of an upstream to read, and notes where its gate is closed or never judged it."""
        run, asset = self.run, self.run.plan.asset(node.name)
        if commit is None:
            raise WarehouseError(
                f"{asset} has not been made yet, and {self.node.name} needs it: run it first "
                f"(`ballast run {run.plan.spec.name} --select {node.name}`)"
            )
        judged = {(v.gate, v.definition): v for v in verdicts}
        anew = judged_anew(commit, judged, StoredContext(run, node))
        judged |= anew
        self.changed += anew.values()
        blocking = [(e.name, e.definition) for e in node.suite if e.severity == "error"]
        closed = [v for gate in blocking if (v := judged.get(gate)) and not v.passed and not v.observed.get(WARNS)]
        unjudged = [gate for gate in blocking if gate not in judged]
        if not closed and not unjudged:
            return commit
        never = f"never judged by {', '.join(name for name, _ in unjudged)} as declared now; run {node.name} again"
        said = "; ".join([*(f"{v.gate}: {v.message}" for v in closed), *([never] if unjudged else [])])
        if self.node.flags or node.name in self.node.passes:
            gates = in_words([v.gate for v in closed] + [name for name, _ in unjudged])
            self.passed.append(f"gate closed behind {node.name}: {gates}")
            run.log(f"{self.node.name} passes the closed gate behind {asset}, which is flagged: {said}")
            return commit
        if not run.force:
            self.refused = self.refused or GateClosedError(
                f"{self.node.name} does not run: the gate behind {asset} (version {commit.version}) is closed: {said}. "
                "Fix the data or the step, or set `force: true` in the run config (the override is recorded)."
            )
            return commit
        run.log(f"forced past the closed gate behind {asset} (version {commit.version}): {said}")
        closed += [
            Verdict(asset, commit.partition, commit.version, name, False, "error", {}, never, run.run_id, definition)
            for name, definition in unjudged
        ]
        self.changed += [replace(v, forced_by=run.run_id) for v in closed]
        return commit

    def record_verdicts(self) -> None:
        """Keeps what became of the verdicts on upstreams: that they were overridden, or are new."""
        latest = {(v.asset, v.version, v.gate): v for v in self.changed}
        self.run.warehouse.record_verdicts(list(latest.values()))

    def read(self) -> None:
        """Reads all upstream tables, so that the store is not needed while computing, or finds their files."""
        self.rows = streamed_rows(self)
        if self.rows is None:
            for name in self.commits:
                self.arrow(name)

    def of_another(self, asset: str) -> pa.Table:
        """Gives the latest version of another pipeline's step, of each partition; GateClosedError as for any reader."""
        warehouse = self.run.warehouse
        with warehouse.reading():
            table = warehouse.read_arrow(asset)
            if not self.run.force:
                check_open(warehouse, asset, None, self.node.name)
            if (commit := warehouse.latest(asset)) is not None:
                self.commits[asset] = commit
            return table

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

    # -- what sources of arguments read from (``ballast.orchestration.provide``) ---------------------------------

    @property
    def spec(self) -> PipelineSpec:
        return self.run.plan.spec

    def arrow(self, name: str) -> pa.Table:
        if name not in self._tables:
            self._tables[name] = stored_table(self.run.warehouse, self.commits[name])
        return self._tables[name]

    def frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = pandas_frame(self.arrow(name))
        return self._frames[name]

    def summary(self, name: str) -> Mapping[str, Any]:
        return self.commits[name].summary

    def in_use(self, alias: str) -> InUse | None:
        return self.aliases[alias]

    def model(self, name: str) -> Any:
        if (used := self.aliases.get(name)) is not None:
            return used.loaded["estimator"]
        return self.run.models.load(StoredModel.of(self.frame(name)))

    # -- arguments -------------------------------------------------------------------------------------------

    def arguments(self, entry: str) -> dict[str, Any]:
        """Gives the keyword arguments of a call of the node's method."""
        return arguments_of(self, entry)

    def ids(self, entry: str) -> np.ndarray | None:
        """Gives the sample ids of the rows that a call runs over; see ``ids_of``."""
        return ids_of(self, entry)
