"""Whether the data have shifted, in which columns, and by how much."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from ballast.methods.frame.reports import LEFT_TO, NOT_TESTED, OVERALL
from ballast.reporting.columns import Comparison, compare
from ballast.reporting.columns.sides import Sides
from ballast.reporting.figures import p_text
from ballast.reporting.findings.finding import Finding, named, of_older_inputs, short
from ballast.reporting.judgements import sides_of
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, plural

MOST_COLUMNS, MOST_TESTS = 3, 3

Change = Callable[[str], str]
"""Gives how a column has changed in words, such as "median 12.4 -> 13.1"; empty where that cannot be said."""


def shift(snapshot: Snapshot, comparison: Comparison | None = None) -> Finding:
    steps = snapshot.of("test")
    stored = [step for step in steps if step.table is not None and len(step.table)]
    names = tuple(step.node.name for step in stored)
    ran = [step for step in stored if not supposes(step)]
    if not steps:
        why = "" if snapshot.named("target") else ", nor a target role to compare the training data with"
        return Finding("Shift", f"Not tested: the pipeline has no shift test{why}.")
    if not stored:
        return Finding("Shift", f"Not tested yet: {in_words(step.node.name for step in steps)} not run.", "warn")
    hits = [step for step in ran if _overall(step)["rejected"]]
    told = [_said(step, _change(snapshot, step)) for step in [*hits, *(s for s in ran if s not in hits)][:MOST_TESTS]]
    more = f"; {plural(len(ran) - MOST_TESTS, 'more test')} in the report" if len(ran) > MOST_TESTS else ""
    head = "The data have shifted" if hits else "No shift found"
    if hits and len(hits) < len(ran):
        head += f" by {len(hits)} of {len(ran)} tests"
    cautious = [step.node.name for step in ran if "too small if" in str(_overall(step)["effect"])]
    caution = f"; read the caution of {in_words(cautious)} in the report" if cautious else ""
    kind = "".join(f". {_on_kind(step)}" for step in stored if supposes(step))
    apart = _apart(snapshot, hits, comparison)
    text = f"{head}: {'; '.join(told)}{more}{apart}{caution}{of_older_inputs(snapshot, stored)}{kind}."
    text = text if ran else f"Not tested{kind}."
    return Finding("Shift", text, "bad" if hits else "good" if ran else "", names)


def supposes(step: Step) -> str:
    """Gives what a test speaks against where it rejects; empty where that is that nothing has shifted."""
    return str(step.commit.summary.get("supposes", "")) if step.commit is not None else ""


def _on_kind(step: Step) -> str:
    overall = _overall(step)
    said = "speaks against" if overall["rejected"] else "does not speak against"
    return f"{step.node.name} {said} this: {supposes(step)} ({_p(overall)})"


def _overall(step: Step) -> pd.Series:
    """Gives the row of a test that stands for all columns; where it has none, its strongest."""
    table = step.table
    assert table is not None
    whole = table[table["feature"] == OVERALL]
    return whole.iloc[0] if len(whole) else table.sort_values("rejected", ascending=False).iloc[0]


def _columns(step: Step) -> pd.DataFrame:
    """Gives the rows of what was tested, each with the name of its ``column``."""
    table = step.table
    assert table is not None
    untold = table["effect"].astype(str).str.startswith((LEFT_TO, NOT_TESTED))
    found = table[(table["feature"] != OVERALL) & ~untold]
    names = set(table["feature"].astype(str))
    return found.assign(column=[_column_of(str(name), names) for name in found["feature"]])


def _column_of(feature: str, features: set[str]) -> str:
    """Gives the column that a row tells of: of "age (missing)", beside a row of "age", that is "age"."""
    column = re.sub(r" \([^()]*\)$", "", feature)
    return column if column in features else feature


def _said(step: Step, change: Change) -> str:
    name, columns, overall = step.node.name, _columns(step), _overall(step)
    roles = [step.node.notes.get(key) for key in ("on", "against")]
    if any(roles):
        name += f" ({roles[1] or 'target'} against {roles[0] or 'train'})"
    if columns.empty:
        figures = ", ".join(filter(None, [f"{_measure(overall)} {short(overall['effect_size'])}", _p(overall)]))
        return f"{name} {'tells them apart' if overall['rejected'] else 'does not tell them apart'} ({figures})"
    columns = columns.sort_values("effect_size", ascending=False, key=abs)
    changed = columns[columns["rejected"]].drop_duplicates("column")
    n = plural(columns["column"].nunique(), "column")
    if changed.empty:
        none = f"none of {n} changed" if n != "1 column" else f"{named(columns['column'].iloc[0])} unchanged"
        return f"{name} finds {none} ({_p(overall) or 'no p-value'})"
    most, measures = [], [""]
    for _, row in changed.head(MOST_COLUMNS).iterrows():
        measure = f"{_measure(row)} " if _measure(row) != measures[-1] else ""
        measures.append(_measure(row))
        figures = [f"{measure}{short(row['effect_size'])}", change(str(row["column"]))]
        most.append(f"{named(row['column'])} ({', '.join(filter(None, figures))})")
    which = "most " if len(changed) > MOST_COLUMNS else ""
    return f"{name} finds {len(changed)} of {n} changed, {which}{in_words(most)}"


def _measure(row: pd.Series) -> str:
    """Gives what an effect size measures, without what is said of it in brackets or after it."""
    return re.split(r" \(|;", re.sub(r"^largest of \d+: ", "", str(row["effect"])))[0]


def _p(row: pd.Series) -> str:
    return p_text(row["p_value"] if pd.isna(row["adjusted_p_value"]) else row["adjusted_p_value"])


def _change(snapshot: Snapshot, step: Step) -> Change:
    """Gives how columns differ between the two roles that a test compares, by the tables of these roles."""
    notes = step.node.notes
    train, target = (snapshot.named(role) for role in (notes.get("on") or "train", notes.get("against") or "target"))

    def change(column: str) -> str:
        if train is None or target is None or train.commit is None or target.commit is None:
            return ""
        found = compare(Sides(train, target), [column]).columns
        return found[0].change if found else ""

    return change


def _apart(snapshot: Snapshot, hits: list[Step], comparison: Comparison | None) -> str:
    """Names the columns that differ most where a test finds a shift and none says in which columns."""
    whole = [step for step in hits if _columns(step).empty and not {"on", "against"} & {*step.node.notes}]
    named_some = any(set(_columns(step)["column"].astype(str)) & _shared(snapshot) for step in hits)
    sides = sides_of(snapshot)
    if not whole or named_some or sides is None:
        return ""
    comparison = comparison or compare(sides)
    n, most = len(comparison.columns), comparison.standing_out[:MOST_COLUMNS]
    if not n:
        return ""
    if not most:
        by_itself = f"by itself none of {plural(n, 'column')} differs by more than chance"
        return f"; {by_itself}: the shift is in how they go together"
    told, measure = [], ""
    for c in most:
        figures = [f"{'' if c.measure == measure else c.measure} {short(c.distance)}".strip(), c.change]
        told.append(f"{named(c.column)} ({', '.join(filter(None, figures))})")
        measure = c.measure
    which = "columns of the data that differ most are" if len(most) > 1 else "column of the data that differs is"
    return f"; the {which} {in_words(told)}"


def _shared(snapshot: Snapshot) -> set[str]:
    sides = sides_of(snapshot)
    return set() if sides is None else set(sides.names())
