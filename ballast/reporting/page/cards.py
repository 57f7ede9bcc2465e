"""One card a step: its figure, its numbers, and what its gates say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from ballast.methods.frame.reports import OVERALL
from ballast.reporting.columns import Comparison
from ballast.reporting.figures import Known, figures_for
from ballast.reporting.judgements import known_value, shown_as
from ballast.reporting.metadata import stage_values
from ballast.reporting.page.flagged import flagged
from ballast.reporting.page.html import Markup, Status, chip, code, facts, join, number, prose, table, tag
from ballast.reporting.page.lineage import anchor
from ballast.reporting.pictures.theme import as_svg, themed
from ballast.reporting.snapshot import Snapshot, Step
from ballast.stages import STAGES
from ballast.words import in_words, spaced

MOST_COLUMNS = 12
"""Metrics, and slices of the first one, that the table of models has columns for."""

MOST_NAMED = 3
"""Columns that are named beside a test of all of them together."""

MOST_NUMBERS = 400
"""Rows of a table that a card lists; the warehouse has the rest."""


def cards(snapshot: Snapshot, steps: Sequence[Step], status: Status, comparison: Comparison | None) -> Iterator[Markup]:
    """Gives the card of each step; one that has not run says so."""
    for step in steps:
        if step.commit is None:
            yield _missing(step, status)
        else:
            yield _card(snapshot, step, status, comparison)


def _missing(step: Step, status: Status) -> Markup:
    body = tag("div", tag("p", prose(step.node.description)), class_="body") if step.node.description else None
    return tag("div", _head(step, status), body, tag("div", class_="body"), class_="card missing", id=anchor(step.node))


def _head(step: Step, status: Status) -> Markup:
    return tag("div", tag("h3", step.node.name), chip(step.node.use), status(step), class_="head")


def _card(snapshot: Snapshot, step: Step, status: Status, comparison: Comparison | None) -> Markup:
    body = tag(
        "div",
        tag("p", prose(step.node.description), class_="muted") if step.node.description else None,
        _verdicts(step),
        facts(_values(step)),
        _apart(step, comparison),
        flagged(snapshot, step),
        _numbers(step),
        class_="body",
    )
    return tag("div", _head(step, status), *_figures(snapshot, step), body, class_="card", id=anchor(step.node))


def _figures(snapshot: Snapshot, step: Step) -> Iterator[Markup]:
    """Gives the figures of a step, as parts of a page of two themes."""
    if step.table is None or step.commit is None:
        return

    def value(metric: str) -> float | None:
        return known_value(snapshot, metric, step.node.notes.get("model"))

    known = Known(step.node.name, snapshot.true_weights, value)
    for j, figure in enumerate(figures_for(step.node.stage, step.table, step.commit.summary, known)):
        yield tag("figure", Markup(themed(as_svg(figure), f"{anchor(step.node)}-{j}")))


def _apart(step: Step, comparison: Comparison | None) -> Markup | None:
    """Names the columns that differ most, beside a test that finds a shift of all columns together."""
    if comparison is None or step.table is None or "rejected" not in step.table or len(step.table) > 1:
        return None
    if not step.table["rejected"].all() or {"on", "against"} & set(step.node.notes):
        return None
    names = [shift.column for shift in comparison.standing_out[:MOST_NAMED]]
    if not names:
        return tag("p", "By itself no column differs by more than chance: the shift is in how columns go together.")
    return tag("p", "The columns that differ most by themselves: ", in_words(names), " (", _COLUMNS, ").")


_COLUMNS = tag("a", "all columns", href="#columns")


def _values(step: Step) -> dict[str, object]:
    if step.table is None or step.commit is None or "numbers" not in STAGES[step.node.stage].card:
        return {}
    return stage_values(step.node.stage, step.table, step.commit.summary)


def _verdicts(step: Step) -> Markup | None:
    failed = [v for v in step.verdicts if not v.passed]
    if not failed:
        return None
    return join(
        tag("p", chip(v.gate, "bad" if v.severity == "error" else "warn"), " ", v.message or number(v.observed))
        for v in failed
    )


def _numbers(step: Step) -> Markup | None:
    """Gives the rows of a report's table, folded."""
    if step.table is None or "rows" not in STAGES[step.node.stage].card:
        return None
    shown = _most_telling(step.table)
    columns = [c for c in shown.columns if shown[c].notna().any() and (shown[c].astype(str) != "").any()]
    numeric = [j for j, c in enumerate(columns) if pd.api.types.is_numeric_dtype(shown[c])]
    rows = shown[columns].astype(object).itertuples(index=False, name=None)
    title = f"{len(shown):,} of {len(step.table):,} rows" if len(shown) < len(step.table) else "the table"
    return tag(
        "details",
        tag("summary", title),
        table([spaced(c) for c in columns], rows, numeric=numeric, label=step.node.name),
    )


def _most_telling(rows: pd.DataFrame) -> pd.DataFrame:
    """Gives the rows of a report that a card lists: those on everything first; of a test then what has moved, all of
    it, and the rest by effect.
    """
    overall = rows["slice" if "slice" in rows else "feature"] != OVERALL if {"slice", "feature"} & {*rows} else None
    if overall is None:
        return rows.head(MOST_NUMBERS)
    if "rejected" not in rows:
        return rows.iloc[np.argsort(overall, kind="stable")].head(MOST_NUMBERS)
    moved = rows["rejected"].to_numpy(dtype=bool)
    order = np.lexsort((-rows["effect_size"].abs().fillna(-1).to_numpy(dtype=float), ~moved, overall))
    return rows.iloc[order].head(max(MOST_NUMBERS, int((moved | ~overall).sum())))


def models_table(snapshot: Snapshot, status: Status) -> Markup:
    """Gives one row a model: what it is, what it was trained on, how good its weights are, and how it did.

    The first metric of the comparison stands there once more for each of its slices.
    """
    metrics = _compared(snapshot)
    weights = _diagnosed(snapshot)
    rows = []
    for step in snapshot.of("learner"):
        notes, summary = step.node.notes, step.commit.summary if step.commit else {}
        rows.append(
            (
                join((tag("b", step.node.name, id=anchor(step.node)), " ", status(step))),
                code(step.node.use),
                notes.get("weights") or "uniform",
                notes.get("rows") or "train",
                summary.get("n_rows"),
                summary.get("n_features"),
                *(values.get(notes.get("weights")) for values in weights.values()),
                *(values.get(step.node.name) for values in metrics.values()),
            )
        )
    head = ("model", "class", "weights", "trained on", "rows", "features", *map(spaced, [*weights, *metrics]))
    return table(head, rows, numeric=range(4, len(head)), label="models")


def _compared(snapshot: Snapshot) -> dict[str, dict[object, float]]:
    """Gives each metric's value by model: of all rows, then the first metric's of each slice."""
    found: dict[str, dict[object, float]] = {}
    for _, compared, _ in islice(shown_as(snapshot, "comparison"), 1):
        alone = compared[compared["versus"] == ""]
        first = str(alone["metric"].iloc[0])
        for row in alone.sort_values("slice", key=lambda names: names != OVERALL, kind="stable").itertuples():
            if row.slice == OVERALL or row.metric == first:
                name = str(row.metric) if row.slice == OVERALL else f"{row.metric}: {row.slice}"
                found.setdefault(name, {})[row.model] = float(row.value)  # type: ignore[arg-type]
    return dict(islice(found.items(), MOST_COLUMNS))


def _diagnosed(snapshot: Snapshot) -> dict[str, dict[object, float]]:
    """Gives by weight table what the pipeline's steps say of the weights that a model was trained with."""
    found: dict[str, dict[object, float]] = {}
    for _, t, picture in shown_as(snapshot, "weights"):
        for metric in picture.metrics:
            rows = t[(t["metric"] == metric) & (t["slice"] == OVERALL)]
            if len(rows):
                found.setdefault(picture.called(metric), {}).update(zip(rows["model"], rows["value"], strict=True))
    return found
