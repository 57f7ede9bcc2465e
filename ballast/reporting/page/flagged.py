"""The rows that a step flags, by their ids."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from ballast.reporting.page.html import Markup, code, table, tag
from ballast.reporting.snapshot import Snapshot, Step
from ballast.warehouse.names import literal, quoted, view_of
from ballast.words import one_line, plural

MOST_FLAGGED, MOST_NAMED = 20, 3
"""Rows that are listed, and those that are named where the list is folded; the warehouse has all of them."""


def flagged(snapshot: Snapshot, step: Step) -> Markup | None:
    """Gives the rows that a step flags, scores with the most extreme first, and how to get them all."""
    if step.table is None or "flagged" not in step.table or not step.table["flagged"].any():
        return None
    marked = step.table["flagged"].to_numpy(dtype=bool)
    high = _are_high(step, marked)
    of_step = ("score",) if high is not None else ("prediction", "reason")
    by = ["score", "sample_id"] if high is not None else ["sample_id"]
    found = step.table[marked].sort_values(by, ascending=[not high, True][-len(by) :], kind="stable")
    shown, role = found.head(MOST_FLAGGED), _role(snapshot, step)
    ids = [one_line(str(key), 80) for key in shown["sample_id"]]
    more = len(found) - len(ids)
    values = (shown[name].astype(object) for name in of_step)
    rows = table(
        ("id", *of_step), zip(ids, *values, strict=True), numeric=(1,) if high is not None else (), label="flagged rows"
    )
    order = "s.sample_id" if high is None else f"score {'DESC' if high else 'ASC'}"
    query = code(f"ballast sql {shlex.quote(_query(step, role, of_step, order))}")
    said = f"{more:,} more: " if more else "With their columns: " if role is not None else "As a table: "
    of = f" of {role.node.name}" if role is not None else ""
    most = f"{', '.join(ids[:MOST_NAMED])}{' …' if len(found) > MOST_NAMED else ''}"
    title = f"{plural(len(found), 'flagged row')}{of}: {most}"
    return tag("details", tag("summary", title), rows, tag("p", said, query, class_="small"))


def _are_high(step: Step, marked: np.ndarray) -> bool | None:
    """Says whether the flagged rows' scores are the high ones; None of a step that gives no score of its own."""
    if step.table is None or "score" not in step.table:
        return None
    scores = step.table["score"].to_numpy(dtype=float)
    return not (~marked).any() or bool(np.median(scores[marked]) >= np.median(scores[~marked]))


def _role(snapshot: Snapshot, step: Step) -> Step | None:
    """Gives the data role whose rows were scored: of those that the step reads the one with as many rows."""
    read = {asset.split("/")[1] for asset in step.node.upstream if asset.count("/")}
    roles = [s for s in snapshot.of("source") if s.row_count == step.row_count and s.node.notes.get("id")]
    named = [s for s in roles if s.node.name in read]
    found = named or roles
    return found[0] if len(found) == 1 else None


def _query(step: Step, role: Step | None, of_step: Sequence[str], order: str) -> str:
    scored = quoted(*view_of(step.node.asset))
    key = step.commit.partition if step.commit else None
    where = "WHERE flagged" + (f" AND s.partition = {literal(key)}" if key is not None else "")
    if role is None:
        return f"SELECT * FROM {scored} AS s {where} ORDER BY {order}"
    rows = quoted(*view_of(role.node.asset))
    same = f"s.sample_id = r.{quoted(str(role.node.notes['id']))}"
    if key is not None and role.commit is not None and role.commit.partition is not None:
        same += " AND s.partition = r.partition"
    own = ", ".join(f"s.{name}" for name in of_step)
    return f"SELECT {own}, r.* FROM {scored} AS s JOIN {rows} AS r ON {same} {where} ORDER BY {order}"
