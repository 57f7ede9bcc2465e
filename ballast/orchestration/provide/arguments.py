"""From the bindings of a call to its arguments, and to the rows that it runs over."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.compute.chance import drawn
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import Binding, Node
from ballast.orchestration.provide import SOURCES
from ballast.orchestration.provide.columns import declared, flags_of
from ballast.orchestration.provide.late import known
from ballast.orchestration.provide.source import Tables

SAMPLE = "sample"
"""What a step's sample is drawn for: one purpose for all steps, so that they take the same rows."""
APPLIED = frozenset({"score_samples"})
"""The calls in which what was learnt is applied, to all rows whatever `sample` it was learnt from."""


def arguments_of(tables: Tables, entry: str) -> dict[str, Any]:
    """Gives the keyword arguments of a call of the node's method."""
    bound = [b for b in tables.node.bindings if b.entry == entry]
    ids = {role: _rows_of(tables, bound, role) for role in {b.role for b in bound}}
    return {b.term: SOURCES[b.source].read(tables, b, ids[b.role]) for b in bound}


def samples_of(tables: Tables) -> dict[str, tuple[int, int]]:
    """Gives by data role how many rows a step's `sample` takes, and of how many; nothing where it takes them all."""
    found: dict[str, tuple[int, int]] = {}
    if tables.node.step is None or tables.node.step.sample is None:
        return found
    for entry in dict.fromkeys(b.entry for b in tables.node.bindings):
        bound = [b for b in tables.node.bindings if b.entry == entry]
        for role in dict.fromkeys(b.role for b in bound):
            rows, ids = _all_rows_of(tables, bound, role), _rows_of(tables, bound, role)
            if rows is not None and ids is not None and len(ids) < len(rows):
                found[role] = len(ids), len(rows)
    return found


def decided_by(tables: Tables) -> dict[str, Any]:
    """Gives what the arguments of all calls of the node's method depend on beside the tables that it is made from."""
    bound = tables.node.bindings
    found: dict[str, Any] = {f"{b.entry}.{b.term}": SOURCES[b.source].decided_by(tables, b) for b in bound}
    for b in bound:
        if SOURCES[b.source].observed_only:
            found[f"{b.entry} of {b.role}"] = declared(tables, b.role, "observed")
    return found


def ids_of(tables: Tables, entry: str) -> np.ndarray | None:
    """Gives the sample ids of the rows that a call runs over, in the order of its arguments.

    They are those that a method is fitted on or judges, else the target's; None for a call that runs over no rows.
    """
    bound = [b for b in tables.node.bindings if b.entry == entry]
    for rows in ("sample", "target"):
        for binding in bound:
            if VOCABULARY[binding.term].rows == rows:
                return _rows_of(tables, bound, binding.role)
    return None


def role_of_rows(node: Node) -> str | None:
    """Gives the data role whose rows a node's table is of, by their ids; None where it is of none."""
    rows = (b.role for b in node.bindings if b.entry.startswith("fit") and VOCABULARY[b.term].rows == "sample")
    return node.role or next(rows, None)


def _rows_of(tables: Tables, bound: list[Binding], role: str) -> np.ndarray | None:
    """Gives the sample ids of a data role's rows that a call runs over: those that there are, or a step's sample."""
    ids, step = _all_rows_of(tables, bound, role), tables.node.step
    if ids is None or step is None or step.sample is None or bound[0].entry in APPLIED:
        return ids
    return ids[drawn(ids, step.sample, seed=tables.spec.seed, purpose=SAMPLE)]


def _all_rows_of(tables: Tables, bound: list[Binding], role: str) -> np.ndarray | None:
    """Gives the sample ids of a data role's rows: all that there are, or the observed ones.

    A call that asks which are observed runs over all.
    """
    beside = [b for b in bound if b.role == role and VOCABULARY[b.term].rows is not None]
    if not beside:
        return None
    order = list(SOURCES)
    first = min(beside, key=lambda b: order.index(b.source))
    ids = SOURCES[first.source].ids(tables, first)
    asks = any(b.term == "observed" for b in beside)
    if asks or not any(SOURCES[b.source].observed_only for b in beside):
        return ids
    if tables.spec.data[role].labels_from is not None:
        return ids[known(tables, role, ids)]
    return ids if tables.spec.data[role].observed is None else ids[flags_of(tables, role, ids)]
