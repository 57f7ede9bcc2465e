"""The head of the page: what the pipeline is, what keeps it from being right, and what it found."""

from __future__ import annotations

from ballast.reporting.findings import Finding
from ballast.reporting.page.html import Markup, code, number, tag
from ballast.reporting.page.lineage import anchor
from ballast.reporting.page.tiles import tiles
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import listed, plural


def header(snapshot: Snapshot, found: list[Finding]) -> Markup:
    outline = snapshot.outline
    ran = [s.commit for s in snapshot.steps.values() if s.commit is not None]
    newest = max((c.created_at for c in ran), default=None)
    about = [f"partition {snapshot.partition}"] if snapshot.partition is not None else []
    about += [f"{len(ran)} of {len(snapshot.steps)} steps have run", f"latest {number(newest)}" if newest else ""]
    return tag(
        "header",
        tag(
            "div",
            tag("h1", outline.name),
            tag("p", outline.description, class_="lead") if outline.description else None,
            tag("p", " · ".join(a for a in about if a), class_="muted"),
            _retired(snapshot),
            _banner(snapshot),
            _found(found) if ran else None,
            tag("div", *(_tile(*tile) for tile in tiles(snapshot)), class_="strip"),
        ),
    )


def _found(found: list[Finding]) -> Markup:
    """What the pipeline found, a sentence a topic."""
    said = [(tag("dt", f.topic, class_=f.kind or None), tag("dd", f.text)) for f in found]
    return tag("dl", *(part for pair in said for part in pair), class_="found")


def _retired(snapshot: Snapshot) -> Markup | None:
    if not snapshot.retired:
        return None
    keys = listed(snapshot.retired, 20)
    text = (
        f"Retired, for they are no longer declared: {plural(len(snapshot.retired), 'partition')} ({keys}), removed by "
    )
    return tag("p", text, code("ballast prune --retired"), class_="muted")


def _tile(label: str, value: str, note: str, kind: str) -> Markup:
    return tag(
        "div", tag("div", label, class_="label"), tag("div", value, class_=f"value {kind}".strip()),
        tag("div", note, class_="note") if note else None, class_="tile",
    )  # fmt: skip


def _banner(snapshot: Snapshot) -> Markup | None:
    """Says first what keeps the results from being what they should be."""
    closed = [(step, verdict) for step in snapshot.steps.values() for verdict in step.verdicts if verdict.closes]
    waiting = [s for s in snapshot.steps.values() if s.commit is None]
    if not snapshot.steps:
        return tag("div", "This pipeline has no steps.", class_="banner warn")
    if closed:
        items = [
            tag(
                "li", code(verdict.gate), " on ", tag("a", step.node.name, href=f"#{anchor(step.node)}"), ": ",
                verdict.message or number(verdict.observed), " (the run went on by force)" if verdict.forced else None,
            )
            for step, verdict in closed
        ]  # fmt: skip
        held = f"; {_not_run(waiting)}" if waiting else ""
        return tag("div", tag("b", f"{plural(len(closed), 'gate')} closed{held}"), tag("ul", *items), class_="banner")
    if len(waiting) == len(snapshot.steps):
        return tag("div", "Nothing has run yet: the warehouse holds no step of this pipeline.", class_="banner warn")
    if waiting:
        names = ", ".join(s.node.name for s in waiting)
        return tag("div", tag("b", f"{_not_run(waiting)}: "), names, class_="banner warn")
    return None


def _not_run(steps: list[Step]) -> str:
    return f"{plural(len(steps), 'step')} {'has' if len(steps) == 1 else 'have'} not run"
