"""The data roles: their rows and columns, and what became of these on the way to the methods."""

from __future__ import annotations

from ballast.reporting.page.html import Markup, Status, code, join, table, tag
from ballast.reporting.page.lineage import anchor
from ballast.reporting.quality import ColumnQuality, qualities, told_of
from ballast.reporting.snapshot import Snapshot
from ballast.words import plural

MOST_QUIET = 100
"""Columns of which there is nothing to tell that are listed all the same, with what they hold; the rest is counted."""


def data(snapshot: Snapshot, status: Status) -> Markup:
    """Rows and columns of each role, and what encoding had to repair in it."""
    encoded = {s.node.name.partition("/")[0]: s for s in snapshot.of("features")}
    rows = []
    for step in snapshot.of("source"):
        summary = step.commit.summary if step.commit else {}
        features = encoded.get(step.node.name)
        repair = features.commit.summary if features and features.commit else {}
        missing = summary.get("missing_values", {})
        rows.append(
            (
                join((tag("b", step.node.name, id=anchor(step.node)), " ", status(step))),
                step.node.description or step.node.use,
                step.commit.row_count if step.commit else None,
                summary.get("columns"),
                sum(missing.values()) if missing else (0 if step.commit else None),
                repair.get("n_features"),
                _cells(repair, "imputed_nan") + _cells(repair, "imputed_inf") if repair else None,
                _cells(repair, "unseen_categories") if repair else None,
            )
        )
    head = ("role", "from", "rows", "columns", "missing values", "features", "imputed cells", "unseen categories")
    found = qualities(snapshot)
    told = [_quality(role, found[role]) for role in found]
    late = [
        tag("div", tag("p", tag("b", step.node.name), f": {told_of(step.commit.summary)}."), class_="body")
        for step in snapshot.of("labels")
        if step.commit is not None
    ]
    return join([table(head, rows, numeric=range(2, 8), label="data roles"), *told, *late])


def _cells(report: dict, name: str) -> int:
    return sum((report.get(name) or {}).values())


def _quality(role: str, columns: list[ColumnQuality]) -> Markup:
    """Column by column what was missing, converted, imputed, unseen, left out or untested in a role; folded."""
    head = ("column", "holds", "missing", "imputed", "of these infinite", "unseen", "and")
    told, quiet = [c for c in columns if c.is_told], [c for c in columns if not c.is_told]
    rows = [
        (tag("b", c.column), code(c.holds), c.missing, c.imputed, c.infinite, c.unseen, "; ".join(c.notes))
        for c in [*told, *quiet[:MOST_QUIET]]
    ]
    title = f"Data quality of {role}: something to know of {len(told)} of {plural(len(columns), 'column')}"
    more = len(quiet) - MOST_QUIET
    rest = tag("p", f"{more:,} more columns of which there is nothing to tell.", class_="muted") if more > 0 else None
    listed = table(head, rows, numeric=range(2, 6), label=f"data quality of {role}")
    return tag("div", tag("details", tag("summary", title), listed, rest), class_="body")
