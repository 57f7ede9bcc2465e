"""The report of a pipeline: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from ballast.errors import BallastError
from ballast.files import write_whole
from ballast.reporting.findings import findings
from ballast.reporting.outline import Outline
from ballast.reporting.page.cards import cards, models_table
from ballast.reporting.page.colours import colour_of
from ballast.reporting.page.html import Markup, chip, code, document, facts, join, number, table, tag
from ballast.reporting.page.kept import drawn_before, piece, stamp, state_of
from ballast.reporting.page.lineage import anchor, lineage
from ballast.reporting.page.tiles import tiles
from ballast.reporting.quality import ColumnQuality, qualities
from ballast.reporting.snapshot import Snapshot, Step, take_snapshot
from ballast.stages import STAGES
from ballast.warehouse import Warehouse
from ballast.words import listed, plural

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
    return write_page(take_snapshot(warehouse, outline, partition, run_id, failed), Path(path))


def write_page(snapshot: Snapshot, path: Path) -> Path:
    """Writes the report of a snapshot, as ``write_report`` does."""
    try:
        write_whole(path, document(f"{snapshot.outline.name} · Ballast", _body(snapshot, path)))
    except OSError as error:
        raise BallastError(
            f"cannot write the report to {path}: {error.strerror or error}; check that this is not a folder, that its "
            "folder is writable and that the disk has room, then run `ballast report`"
        ) from error
    return path


def _body(snapshot: Snapshot, path: Path) -> Iterator[Markup]:
    state = state_of(snapshot)
    top, sections = drawn = drawn_before(path, state) or _draw(snapshot)
    provenance = [_section("provenance", "Provenance", _provenance(snapshot))] if snapshot.steps else []
    yield stamp(state, drawn)
    yield piece(top)
    yield tag("main", piece(sections), *provenance)
    yield _footer(snapshot)


def _draw(snapshot: Snapshot) -> tuple[Markup, Markup]:
    """Gives the page down to its sections, and the sections: all that tells nothing of the run that reports."""
    sections = list(_sections(snapshot))
    titles = {key: title for key, title, _ in sections} | ({"provenance": "Provenance"} if snapshot.steps else {})
    links = [tag("a", title, href=f"#{key}") for key, title in titles.items()]
    top = join((_header(snapshot), tag("nav", tag("div", *links), aria_label="sections")))
    return top, join(_section(*section) for section in sections)


def _section(key: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=key)


def _sections(snapshot: Snapshot) -> Iterator[tuple[str, str, Markup]]:
    """Gives key, title and content of each section that the pipeline has steps for, but for the provenance."""
    if snapshot.steps:
        yield "lineage", "Lineage", tag("div", tag("div", lineage(snapshot), class_="lineage"), _key(), class_="card")
    for stage in STAGES.values():
        steps = snapshot.of(stage.name)
        if steps and stage.card:
            yield stage.section.lower(), stage.section, tag("div", *cards(snapshot, steps, _status), class_="cards")
        elif steps and stage.section:
            yield stage.section.lower(), stage.section, tag("div", TABLES[stage.name](snapshot), class_="card")
    yield "gates", "Gates", _gates(snapshot)


def _status(step: Step) -> Markup:
    return chip(*STATES[step.state])


def _header(snapshot: Snapshot) -> Markup:
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
            _found(snapshot),
            tag("div", *(_tile(*tile) for tile in tiles(snapshot)), class_="strip"),
        ),
    )


def _found(snapshot: Snapshot) -> Markup | None:
    """What the pipeline found, a sentence a topic; nothing of one of which nothing has run."""
    if all(step.commit is None for step in snapshot.steps.values()):
        return None
    said = [(tag("dt", f.topic, class_=f.kind or None), tag("dd", f.text)) for f in findings(snapshot)]
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
        held = f"; {len(waiting)} step(s) have not run" if waiting else ""
        return tag("div", tag("b", f"{len(closed)} gate(s) closed{held}"), tag("ul", *items), class_="banner")
    if len(waiting) == len(snapshot.steps):
        return tag("div", "Nothing has run yet: the warehouse holds no step of this pipeline.", class_="banner warn")
    if waiting:
        names = ", ".join(s.node.name for s in waiting)
        return tag("div", tag("b", f"{len(waiting)} step(s) have not run: "), names, class_="banner warn")
    return None


def _key() -> Markup:
    def entry(stage: str) -> Markup:
        return tag("span", tag("i", style=f"background:{colour_of(stage)}"), stage)

    return tag("div", *(entry(stage.name) for stage in STAGES.values() if not stage.like), class_="key")


def _data(snapshot: Snapshot) -> Markup:
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
                join((tag("b", step.node.name, id=anchor(step.node)), " ", _status(step))),
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
    return join([table(head, rows, numeric=range(2, 8)), *(_quality(role, found[role]) for role in found)])


def _quality(role: str, columns: list[ColumnQuality]) -> Markup:
    """Column by column what was missing, converted, imputed, unseen, left out or untested in a role; folded."""
    head = ("column", "holds", "missing", "imputed", "of these infinite", "unseen", "and")
    rows = [
        (tag("b", c.column), code(c.holds), c.missing, c.imputed, c.infinite, c.unseen, "; ".join(c.notes))
        for c in sorted(columns, key=lambda c: not c.is_told)
    ]
    n = sum(c.is_told for c in columns)
    title = f"Data quality of {role}: something to know of {n} of {plural(len(columns), 'column')}"
    return tag("div", tag("details", tag("summary", title), table(head, rows, numeric=range(2, 6))), class_="body")


def _models(snapshot: Snapshot) -> Markup:
    return models_table(snapshot, _status)


TABLES: dict[str, Callable[[Snapshot], Markup]] = {"source": _data, "learner": _models}
"""The one table of each kind of stage whose steps have no card."""


def _cells(report: dict, name: str) -> int:
    return sum((report.get(name) or {}).values())


def _gates(snapshot: Snapshot) -> Markup:
    """Every verdict, those that are closed first."""
    judged = [(step, v) for step in snapshot.steps.values() for v in step.verdicts]
    rows = [
        (
            tag("a", step.node.name, href=f"#{anchor(step.node)}"),
            code(v.gate),
            v.version,
            chip("open", "good")
            if v.passed
            else chip("closed", "bad")
            if v.severity == "error"
            else chip("warns", "warn"),
            v.message,
            number(v.observed),
            chip("forced", "warn") if v.forced else "",
        )
        for step, v in sorted(
            judged, key=lambda pair: (pair[1].passed, not pair[1].passed and pair[1].severity == "warn")
        )
    ]
    if not rows:
        return tag(
            "div",
            tag("div", tag("p", "No gate has judged anything yet.", class_="muted"), class_="body"),
            class_="card",
        )
    head = ("step", "gate", "version", "verdict", "says", "figures", "")
    return tag("div", table(head, rows, numeric=(2,)), class_="card")


def _provenance(snapshot: Snapshot) -> Markup:
    rows = []
    for step in snapshot.steps.values():
        c = step.commit
        stage = STAGES.get(step.node.stage)
        name = tag("span", step.node.name, id=None if stage and stage.section else anchor(step.node))
        stale = chip("older input", "warn") if step.stale else None
        reused = chip("reused") if c and snapshot.run_id and c.run_id != snapshot.run_id else None
        notes = {k: v for k, v in step.node.notes.items() if v not in ({}, [], "", None)}
        settings = tag("details", tag("summary", f"{len(notes)} settings"), facts(notes)) if notes else Markup("")
        rows.append(
            (
                join((name, " ", stale)),
                c.version if c else None,
                c.row_count if c else None,
                code((c.method if c else None) or step.node.use),
                number(c.parameters) if c and c.parameters else "",
                join((number(c.created_at), " ", reused)) if c else "not run",
                code(c.code_version or "") if c else "",
                code((c.run_id or "")[:8]) if c else "",
                settings,
            )
        )
    head = ("step", "version", "rows", "method", "parameters", "made", "code", "run", "declared")
    return tag("div", table(head, rows, numeric=(1, 2)), class_="card")


def _footer(snapshot: Snapshot) -> Markup:
    from ballast import __version__

    text = f"Ballast {__version__}, written {number(datetime.now(UTC))} from the warehouse's latest versions."
    return tag("footer", tag("main", text, class_="plain"))
