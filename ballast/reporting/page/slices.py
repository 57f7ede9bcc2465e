"""The slices in which a model is worse than the one that it is held against, by name and amount."""

from __future__ import annotations

import shlex

from ballast.methods.frame.reports import OVERALL
from ballast.reporting.findings.finding import named, short, signed
from ballast.reporting.judgements import leading_metric, shown_as
from ballast.reporting.page.html import Markup, code, table, tag
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.snapshot import Snapshot
from ballast.warehouse.names import quoted, view_of
from ballast.words import plural

MOST_SLICES = 20
"""Losses that are listed; the warehouse has all of them."""


def losing_slices(snapshot: Snapshot) -> Markup | None:
    """Gives the losses of the first comparison that has slices, the largest first; None where none has."""
    for step, judged, picture in shown_as(snapshot, "comparison"):
        metric = leading_metric(judged, picture)
        direction = step.declared[0].get(metric)
        rows = judged[(judged["metric"] == metric) & (judged["slice"] != OVERALL)]
        held = rows[rows["versus"] != ""].to_dict("records")
        if direction is None or not held:
            continue
        alone = rows[rows["versus"] == ""].set_index(["model", "slice"])["value"].to_dict()
        lost = [row for row in held if praise(row["low"], row["high"], direction) == "bad"]
        lost.sort(key=lambda row: -abs(row["value"]))
        n, called = rows["slice"].nunique(), picture.called(metric)
        if not lost:
            said = f"In none of {plural(n, 'slice')} is a model clearly worse by {called}."
            return tag("div", tag("div", tag("p", said), class_="body"), class_="card wide")
        listed = [
            (
                tag("b", named(row["slice"])),
                row["model"],
                row["versus"],
                " → ".join(_value(alone.get((row[who], row["slice"]))) for who in ("versus", "model")),
                tag("span", signed(row["value"]), class_="bad"),
                f"[{signed(row['low'])}, {signed(row['high'])}]",
                int(row["n"]),
            )
            for row in lost[:MOST_SLICES]
        ]
        head = ("slice", "model", "against", called, "loses", "interval", "rows")
        return tag(
            "div",
            tag("div", tag("h3", "Slices that lose"), class_="head"),
            table(head, listed, numeric=(6,), label="slices that lose"),
            _more(len(lost), step.node.asset),
            class_="card wide",
        )
    return None


def _value(value: float | None) -> str:
    return "–" if value is None else short(value)


def _more(n: int, asset: str) -> Markup | None:
    if n <= MOST_SLICES:
        return None
    query = f"SELECT * FROM {quoted(*view_of(asset))} WHERE versus <> '' ORDER BY value"
    said = tag("p", f"{n - MOST_SLICES:,} more; all: ", code(f"ballast sql {shlex.quote(query)}"), class_="muted")
    return tag("div", said, class_="body")
