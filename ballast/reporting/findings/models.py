"""Which model is better or worse, by how much and for which slices; and how right it will be where labels lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ballast.methods.frame.reports import OVERALL, Direction, Picture
from ballast.reporting.findings.finding import Finding, Kind, named, of_older_inputs, short, signed
from ballast.reporting.judgements import is_itself, known_value, leading_metric, shown_as
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, listed, plural

MOST_MODELS, MOST_SLICES = 4, 3

Row = Mapping[Any, Any]


def models(snapshot: Snapshot) -> Finding:
    for step, table, picture in shown_as(snapshot, "comparison"):
        metric = leading_metric(table, picture)
        rows = table[(table["metric"] == metric) & (table["slice"] == OVERALL)].to_dict("records")
        differences = [row for row in rows if row["versus"]]
        others = [row for row in differences if not is_itself(step, row["model"], row["versus"])]
        if (direction := step.declared[0].get(metric)) is not None and others:
            return _compared(snapshot, step, table, picture, direction, others)
        if differences and not others:
            return _itself(snapshot, step, picture, rows)
    return _effects(snapshot) or _alone(snapshot) or _not_compared(snapshot)


def _compared(
    snapshot: Snapshot, step: Step, table: pd.DataFrame, picture: Picture, better: Direction, others: Sequence[Row]
) -> Finding:
    """Tells of each model against the first one: with figures of those that gain or lose; of the rest, of the best."""
    metric, first = str(others[0]["metric"]), str(others[0]["versus"])
    others = sorted(others, key=lambda row: row["value"], reverse=better == "higher")
    own = table[(table["metric"] == metric) & (table["versus"] == "") & (table["slice"] == OVERALL)]
    values = own.set_index("model")["value"]
    by: dict[str, list[Row]] = {"good": [], "bad": [], "": []}
    for row in others:
        by[praise(row["low"], row["high"], better)].append(row)
    said: list[str] = []
    for row, is_so in [
        *((row, "is better") for row in by["good"]),
        *((row, "is worse") for row in by["bad"]),
        *((row, "is not clearly better or worse") for row in by[""][:1] if not by["good"] and not by["bad"]),
    ][:MOST_MODELS]:
        against, before = ("", "") if said else (f" than {first}", f"{short(values[first])} \u2192 ")
        gain = f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}]"
        beside = _elsewhere(step, table, row, metric)
        said.append(f"{row['model']} {is_so}{against}: {before}{short(values[row['model']])} ({gain}{beside})")
    told = min(len(said), MOST_MODELS)
    unclear = [str(row["model"]) for row in by[""][0 if by["good"] or by["bad"] else 1 :]]
    if len(by["good"]) + len(by["bad"]) > told:
        said.append(f"{plural(len(by['good']) + len(by['bad']) - told, 'more model')} in the report")
    if unclear:
        said.append(f"no clear difference for {listed(unclear, MOST_MODELS)}")
    head = f"By {picture.called(metric)} on {plural(int(others[0]['n']), 'row')}, "
    text = f"{head}{'; '.join(said)}{_slices(table, metric, better, others)}{of_older_inputs(snapshot, [step])}."
    return Finding("Models", text, "good" if by["good"] else "bad" if by["bad"] else "", (step.node.name,))


def _itself(snapshot: Snapshot, step: Step, picture: Picture, rows: Sequence[Row]) -> Finding:
    """Tells of a model in use beside which nothing else was judged than the same version of itself."""
    models = list(dict.fromkeys(str(row["model"]) for row in rows if row["versus"]))
    first = next(row for row in rows if not row["versus"])
    value = f"{short(first['value'])} [{short(first['low'])}, {short(first['high'])}]"
    head = f"By {picture.called(first['metric'])} on {plural(int(first['n']), 'row')}, {first['model']} {value}"
    text = f"{head}; {in_words(models)} is that same version, so that nothing newer is compared"
    return Finding("Models", f"{text}{of_older_inputs(snapshot, [step])}.", "", (step.node.name,))


def _elsewhere(step: Step, table: pd.DataFrame, row: Row, leading: str) -> str:
    """Says by which other metrics a model is clearly better or worse."""
    mine = table[(table["model"] == row["model"]) & (table["versus"] == row["versus"]) & (table["slice"] == OVERALL)]
    by: dict[str, list[str]] = {"good": [], "bad": []}
    for other in mine[mine["metric"] != leading].to_dict("records"):
        if kind := praise(other["low"], other["high"], step.declared[0].get(str(other["metric"]))):
            by[kind].append(str(other["metric"]).replace("_", " "))
    parts = [f"{word} by {in_words(by[kind])}" for kind, word in (("good", "better"), ("bad", "worse")) if by[kind]]
    return f"; {', '.join(parts)}" if parts else ""


def _slices(table: pd.DataFrame, metric: str, direction: Direction, others: Sequence[Row]) -> str:
    """Names the slices in which a model gains or loses clearly."""
    rows = table[(table["metric"] == metric) & (table["versus"] != "") & (table["slice"] != OVERALL)]
    if rows.empty:
        return ""
    said = []
    for model in [str(row["model"]) for row in others[:MOST_MODELS]]:
        by: dict[str, list[str]] = {"good": [], "bad": []}
        for row in rows[rows["model"] == model].to_dict("records"):
            if kind := praise(row["low"], row["high"], direction):
                by[kind].append(f"{named(row['slice'])} ({signed(row['value'])})")
        said += [
            f"{model} {verb} in {listed(by[kind], MOST_SLICES)}"
            for kind, verb in (("good", "gains"), ("bad", "loses"))
            if by[kind]
        ]
    n = rows["slice"].nunique()
    return (
        f"; of {plural(n, 'slice')}, {', '.join(said)}" if said else f"; none of {plural(n, 'slice')} clearly differs"
    )


def _effects(snapshot: Snapshot) -> Finding | None:
    """Tells each effect of a treatment that is estimated."""
    said, names = [], []
    for step, table, picture in shown_as(snapshot, "effect"):
        for row in table[table["metric"].isin(picture.metrics) & (table["slice"] == OVERALL)].to_dict("records"):
            against = f" against {named(row['versus'])}" if row["versus"] else ""
            effect = f"{signed(row['value'])} [{signed(row['low'])}, {signed(row['high'])}] by {step.node.name}"
            called = f"the {picture.called(row['metric'])} of {named(row['model'] or 'the treatment')}{against} is "
            said.append(f"{'' if said else called}{effect}")
            names.append(step.node.name)
    if not said:
        return None
    text = listed(said, MOST_MODELS, by="; ")
    return Finding("Effect", f"{text[0].upper()}{text[1:]}.", "", tuple(names))


def _alone(snapshot: Snapshot) -> Finding | None:
    """Tells how good models are that are judged beside each other, or one alone, without their difference."""
    learners = {step.node.name for step in snapshot.of("learner")}
    shown = list(shown_as(snapshot, "intervals"))
    for step, table, picture in sorted(shown, key=lambda found: found[2].by != "model"):
        own = table[(table["metric"] == leading_metric(table, picture)) & (table["slice"] == OVERALL)]
        rows = own[own["versus"] == ""].to_dict("records")
        name = step.node.notes.get("model")
        several = picture.by == "model" and {row["model"] for row in rows} <= learners
        single = len(rows) == 1 and name in learners and not picture.known
        if not rows or not (several or single):
            continue
        said = [f"{r['model'] or name} {short(r['value'])} [{short(r['low'])}, {short(r['high'])}]" for r in rows]
        which = " of train, out of sample" if step.node.notes.get("on") == "train" else ""
        head = f"By {picture.called(rows[0]['metric'])} on {plural(int(rows[0]['n']), 'row')}{which}"
        beside = "no interval is of their difference" if len(rows) > 1 else "it is compared with no other model"
        text = f"{head}: {listed(said, MOST_MODELS)}; {beside}{of_older_inputs(snapshot, [step])}."
        return Finding("Models", text, "", (step.node.name,))
    return None


def _not_compared(snapshot: Snapshot) -> Finding:
    """Says why no model is held against another."""
    comparing = [s for s in snapshot.of("assessor") if s.commit is None and len(s.node.notes.get("models") or ()) > 1]
    learners = [step.node.name for step in snapshot.of("learner")]
    if comparing:
        return Finding("Models", f"Not compared yet: {in_words(step.node.name for step in comparing)} not run.", "warn")
    if not learners:
        return Finding("Models", "None: the pipeline trains no model.")
    without = "" if snapshot.named("test") else "; there is no test role to judge on"
    return Finding("Models", f"Not compared: no step judges {in_words(learners)}{without}.")


def accuracy_foreseen(snapshot: Snapshot) -> Finding:
    """Tells the values that are estimated where labels lack, and what labels say of them where some are known."""
    said: list[str] = []
    ran: list[Step] = []
    kind: Kind = ""
    for step, table, picture in shown_as(snapshot, "estimate"):
        rows = table[table["metric"].isin(picture.metrics[:1]) & (table["slice"] == OVERALL)]
        if rows.empty:
            continue
        row, model = rows.iloc[0], str(step.node.notes.get("model") or "")
        metric = (picture.known or picture.called(str(row["metric"]))).replace("_", " ")
        role = step.node.notes.get("against") or "target"
        truth = known_value(snapshot, picture.known, model)
        foreseen = f"without labels, {metric}{' of ' + model if model else ''} on {role} is expected to be "
        foreseen += f"{short(row['value'])} [{short(row['low'])}, {short(row['high'])}]"
        if truth is not None:
            inside = row["low"] <= truth <= row["high"]
            foreseen += f"; labelled rows say {short(truth)}{'' if inside else ', which is outside'}"
            kind = kind if inside else "warn"
        said.append(foreseen)
        ran.append(step)
    names = tuple(step.node.name for step in ran)
    if said:
        text = "; ".join(said)
        return Finding("Expected", f"{text[0].upper()}{text[1:]}{of_older_inputs(snapshot, ran)}.", kind, names)
    foreseeing = "Not estimated: no step foresees how good a model is on rows without labels, or none has run."
    return Finding("Expected", foreseeing)
