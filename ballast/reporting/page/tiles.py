"""The answer first: what the report's top line says of shift, weights, models and gates."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.methods.frame.reports import OVERALL
from ballast.reporting.figures import p_text
from ballast.reporting.findings.shift import supposes
from ballast.reporting.judgements import (
    best_model,
    is_itself,
    known_value,
    leading_metric,
    ranked_weights,
    shown_as,
    weights_of,
)
from ballast.reporting.metadata import sentences_of_weights, weight_figures
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.snapshot import Snapshot, Step

Tile = tuple[str, str, str, str]
"""Label, value, note, and "good", "bad" or nothing."""


def tiles(snapshot: Snapshot) -> Iterator[Tile]:
    """Gives the tiles in the order of reading: models, shift, weights, estimate, gates."""
    yield from _comparison(snapshot)
    yield from _effects(snapshot)
    if snapshot.of("test"):
        yield _shift(snapshot)
    if snapshot.of("weigher"):
        yield _weights(snapshot)
    yield from _estimate(snapshot)
    yield _gates(snapshot)


def _comparison(snapshot: Snapshot) -> Iterator[Tile]:
    """Tells the first comparison of models by its leading metric, where that has a direction."""
    for step, t, picture in shown_as(snapshot, "comparison"):
        metric = leading_metric(t, picture)
        direction = step.declared[0].get(metric)
        rows = t[(t["metric"] == metric) & (t["slice"] == OVERALL)]
        differences = rows[rows["versus"] != ""].to_dict("records")
        others = [row for row in differences if not is_itself(step, row["model"], row["versus"])]
        if direction is None or not differences:
            continue
        if not others:
            own = rows[rows["versus"] == ""].iloc[0]
            note = f"{own['model']} [{own['low']:.3g}, {own['high']:.3g}]; nothing newer is compared"
            yield picture.called(metric), f"{own['value']:.3g}", note, ""
            return
        best = (max if direction == "higher" else min)(others, key=lambda row: row["value"])
        plain = rows[rows["versus"] == ""].set_index("model")["value"]
        chosen = f" (best of {len(others)})" if len(others) > 1 else ""
        kind = praise(best["low"], best["high"], direction)
        gain = f"{best['value']:+.3g} [{best['low']:+.3g}, {best['high']:+.3g}]"
        yield (
            f"{picture.called(metric)}, before → after",
            f"{plain[best['versus']]:.3g} → {plain[best['model']]:.3g}",
            f"{best['model']}{chosen} against {best['versus']}: {gain}{'' if kind else ', no clear difference'}",
            kind,
        )
        return


def _effects(snapshot: Snapshot) -> Iterator[Tile]:
    for step, t, picture in shown_as(snapshot, "effect"):
        for row in t[t["metric"].isin(picture.metrics) & (t["slice"] == OVERALL)].to_dict("records"):
            against = f"against {row['versus']}: " if row["versus"] else ""
            beside = f"{against}[{row['low']:+.3g}, {row['high']:+.3g}], by {step.node.name}"
            called = picture.called(row["metric"])
            yield f"{called} of {row['model'] or 'the treatment'}", f"{row['value']:+.3g}", beside, ""


def _shift(snapshot: Snapshot) -> Tile:
    ran = [s for s in snapshot.of("test") if s.commit is not None]
    if not ran:
        return "shift", "not run", "", ""
    found = [s for s in ran if _rejected(s) and not supposes(s)]
    value = "found" if found else "none found"
    notes = []
    for step in ran:
        p = step.commit.summary.get("p_value") if step.commit else None
        notes.append(f"{step.node.name}: {p_text(float('nan') if p is None else p)}".rstrip(": "))
    return "shift", value, "; ".join(notes), "bad" if found else "good"


def _rejected(step: Step) -> bool:
    if step.commit is not None and "rejected" in step.commit.summary:
        return bool(step.commit.summary["rejected"])
    return step.table is not None and bool(step.table["rejected"].any())


def _weights(snapshot: Snapshot) -> Tile:
    """Tells the weights that the best model used or, where it used none, those that come first in the sentences."""
    made = ranked_weights(snapshot)
    if not made or made[0].table is None:
        return "effective sample size", "not run", "", ""
    name, best = made[0].node.name, best_model(snapshot)
    used = weights_of(snapshot, best)
    which = f"{name}, which the best model ({best}) uses" if name == used else name
    none = f"the best model ({best}) uses no weights" if best is not None and used is None else ""
    found = weight_figures(made[0].table, made[0].commit.summary if made[0].commit else {})
    size, n = found["effective_sample_size"], found["rows"]
    said = [f"{found['effective_share']:.0%}, {which}", *sentences_of_weights(found), none]
    return "effective sample size", f"{size:,.0f} of {n:,}", "; ".join(filter(None, said)), ""


def _estimate(snapshot: Snapshot) -> Iterator[Tile]:
    """Tells the first value that is estimated, with what labels say of it where they do."""
    for step, t, picture in shown_as(snapshot, "estimate"):
        rows = t[t["metric"].isin(picture.metrics[:1]) & (t["slice"] == OVERALL)]
        if rows.empty:
            continue
        row, truth = rows.iloc[0], known_value(snapshot, picture.known, step.node.notes.get("model"))
        note = f"[{row['low']:.3f}, {row['high']:.3f}]"
        yield (
            picture.title or picture.called(row["metric"]),
            f"{row['value']:.3f}",
            note if truth is None else f"{note}; with labels {truth:.3f}",
            "",
        )
        return


def _gates(snapshot: Snapshot) -> Tile:
    verdicts = [v for s in snapshot.steps.values() for v in s.verdicts]
    closed = [v for v in verdicts if v.closes]
    warned = [v for v in verdicts if not v.passed and v.severity != "error"]
    if not verdicts:
        return "gates", "none judged", "", ""
    note = ", ".join(f"{len(group)} {name}" for name, group in (("closed", closed), ("warning", warned)) if group)
    forced = sum(v.forced for v in verdicts)
    note += f"{', ' if note else ''}{forced} forced" if forced else ""
    value = f"{len(verdicts) - len(closed)} of {len(verdicts)} open"
    return "gates", value, note, "bad" if closed else "good"
