"""The report of a pipeline: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ballast.errors import BallastError
from ballast.files import write_whole
from ballast.reporting.columns import Comparison, compare
from ballast.reporting.findings import Finding, findings
from ballast.reporting.judgements import sides_of
from ballast.reporting.outline import Outline
from ballast.reporting.page.cards import cards, models_table
from ballast.reporting.page.colours import colour_of
from ballast.reporting.page.columns import columns_section
from ballast.reporting.page.data import data
from ballast.reporting.page.gates import gates
from ballast.reporting.page.header import header
from ballast.reporting.page.html import Markup, Status, chip, code, document, facts, join, number, table, tag
from ballast.reporting.page.kept import Drawn, drawn_before, piece, stamp, state_of
from ballast.reporting.page.lineage import anchor, lineage
from ballast.reporting.page.slices import losing_slices
from ballast.reporting.snapshot import Snapshot, Step, take_snapshot
from ballast.stages import STAGES
from ballast.warehouse import Warehouse
from ballast.words import plural

STATES = {
    "done": ("ran", ""),
    "open": ("gates open", "good"),
    "warned": ("gate warns", "warn"),
    "forced": ("gate forced", "warn"),
    "closed": ("gate closed", "bad"),
    "not-run": ("not run", ""),
}


def write_report(
    warehouse: Warehouse,
    outline: Outline,
    path: str | Path,
    *,
    partition: str | None = None,
    run_id: str = "",
    failed: Collection[str] = (),
) -> Path:
    """Writes the report of a pipeline's latest state, whole or not at all, and gives its path.

    Parameters
    ----------
    warehouse : where the steps' tables are; one that holds nothing gives a page that says so.
    outline : the pipeline as it is declared; steps that the warehouse lacks are shown as not run.
    path : the HTML file to write; its folder is made.
    partition : the partition to report on; without one the newest commit of any.
    run_id : the run that the report is of; what an earlier one has stored is marked as reused.
    failed : the steps that failed in that run.

    Raises BallastError where the file cannot be written; what stood there stays.

    Cost: reads the latest table of every test, score, weight, dataset, recording and judgement once; about 50 ms a
    step. Where the file at `path` shows the same state already, what it draws of it is taken over.
    """
    with warehouse.reading():
        write_page(take_snapshot(warehouse, outline, partition, run_id, failed), Path(path))
    return Path(path)


def write_page(snapshot: Snapshot, path: Path) -> list[Finding]:
    """Writes the report of a snapshot, as ``write_report`` does, and gives what it says first."""
    state = state_of(snapshot)
    drawn = drawn_before(path, state) or _draw(snapshot)
    try:
        write_whole(path, document(f"{snapshot.outline.name} · Ballast", _body(snapshot, state, drawn)))
    except OSError as error:
        raise BallastError(
            f"cannot write the report to {path}: {error.strerror or error}; check that this is not a folder, that its "
            "folder is writable and that the disk has room, then run `ballast report`"
        ) from error
    return drawn.found


def findings_on(path: Path | None, snapshot: Snapshot) -> list[Finding]:
    """Gives the findings of a snapshot as the report at `path` has them, made anew where it shows another state."""
    drawn = drawn_before(path, state_of(snapshot)) if path is not None else None
    return findings(snapshot) if drawn is None else drawn.found


def _body(snapshot: Snapshot, state: str, drawn: Drawn) -> Iterator[Markup]:
    provenance = [_section("provenance", "Provenance", _provenance(snapshot))] if snapshot.steps else []
    yield stamp(state, drawn)
    yield tag("a", "To the content", href="#main", class_="skip")
    yield piece(drawn.top)
    yield tag("main", piece(drawn.sections), *provenance, id="main", tabindex="-1")
    yield _footer(snapshot)


def _draw(snapshot: Snapshot) -> Drawn:
    """Gives all that tells nothing of the run that reports."""
    sides = sides_of(snapshot)
    comparison = None if sides is None else compare(sides)
    sections = list(_sections(snapshot, comparison))
    titles = {key: title for key, title, _ in sections} | ({"provenance": "Provenance"} if snapshot.steps else {})
    links = [tag("a", title, href=f"#{key}") for key, title in titles.items()]
    found = findings(snapshot, comparison)
    top = join((header(snapshot, found), tag("nav", tag("div", *links), aria_label="sections")))
    return Drawn(top, join(_section(*section) for section in sections), found)


def _section(key: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=key)


def _sections(snapshot: Snapshot, comparison: Comparison | None) -> Iterator[tuple[str, str, Markup]]:
    """Gives key, title and content of each section that the pipeline has steps for, but for the provenance."""
    if snapshot.steps:
        yield "lineage", "Lineage", tag("div", tag("div", lineage(snapshot), class_="lineage"), _key(), class_="card")
    for stage in STAGES.values():
        steps = snapshot.of(stage.name)
        if steps and stage.card:
            shown = tag("div", *cards(snapshot, steps, _status, comparison), class_="cards")
            first = FIRST[stage.name](snapshot) if stage.name in FIRST else None
            yield stage.section.lower(), stage.section, join([first, shown])
        elif steps and stage.section:
            yield stage.section.lower(), stage.section, tag("div", TABLES[stage.name](snapshot, _status), class_="card")
        if stage.name in COMPARED and comparison is not None:
            yield "columns", "Columns", columns_section(snapshot, comparison)
    yield "gates", "Gates", gates(snapshot)


def _status(step: Step) -> Markup:
    return chip(*STATES[step.state])


def _key() -> Markup:
    def entry(stage: str) -> Markup:
        return tag("span", tag("i", style=f"background:{colour_of(stage)}"), stage)

    return tag("div", *(entry(stage.name) for stage in STAGES.values() if not stage.like), class_="key")


TABLES: dict[str, Callable[[Snapshot, Status], Markup]] = {"source": data, "learner": models_table}
"""The one table of each kind of stage whose steps have no card."""

FIRST: dict[str, Callable[[Snapshot], Markup | None]] = {"assessor": losing_slices}
"""What stands before the cards of a kind of stage."""

COMPARED = ("source",)
"""The kinds of stage whose steps' columns are compared, below their table."""


def _provenance(snapshot: Snapshot) -> Markup:
    rows = []
    for step in snapshot.steps.values():
        c = step.commit
        stage = STAGES.get(step.node.stage)
        name = tag("span", step.node.name, id=None if stage and stage.section else anchor(step.node))
        stale = chip("older input", "warn") if step.stale else None
        reused = chip("reused") if c and snapshot.run_id and c.run_id != snapshot.run_id else None
        notes = {k: v for k, v in step.node.notes.items() if v not in ({}, [], "", None)}
        settings = tag("details", tag("summary", plural(len(notes), "setting")), facts(notes)) if notes else Markup("")
        rows.append(
            (
                join((name, " ", stale)),
                c.version if c else None,
                c.row_count if c else None,
                code((c.method if c else None) or step.node.use),
                number(c.parameters) if c and c.parameters else "",
                join((tag("time", number(c.created_at)), " ", reused)) if c else "not run",
                tag("span", code((c.code_version or "")[:14]), title=c.code_version) if c else "",
                code((c.run_id or "")[:8]) if c else "",
                settings,
            )
        )
    head = ("step", "version", "rows", "method", "parameters", "made", "code", "run", "declared")
    return tag("div", table(head, rows, numeric=(1, 2), label="steps"), class_="card")


def _footer(snapshot: Snapshot) -> Markup:
    from ballast import __version__

    text = f"Ballast {__version__}, written {number(datetime.now(UTC))} from the warehouse's latest versions."
    return tag("footer", tag("div", text))
