"""Whether the data have shifted, in which columns, and by how much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ballast.methods.frame.reports import LEFT_TO, NOT_TESTED, OVERALL
from ballast.reporting.figures import p_text
from ballast.reporting.findings.finding import Finding, named, of_older_inputs, short
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, plural, shown

MOST_COLUMNS, MOST_TESTS = 3, 3
MOST_CELLS = 20_000_000
"""Of larger data roles no median is read for a sentence."""
MOST_CATEGORIES = 1000
"""A column of more values is a text, and the share of one of them tells nothing."""

Change = Callable[[str], str]
"""Gives how a column has changed in words, such as "median 12.4 -> 13.1"; empty where that cannot be said."""


def shift(snapshot: Snapshot) -> Finding:
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
    text = f"{head}: {'; '.join(told)}{more}{caution}{of_older_inputs(snapshot, stored)}{kind}."
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
    sides = [snapshot.named(notes.get("on") or "train"), snapshot.named(notes.get("against") or "target")]
    tables: list[pd.DataFrame] = []

    def change(column: str) -> str:
        if not tables:
            tables.extend(table for side in sides if (table := _read(side, column)) is not None)
        if len(tables) < 2 or any(column not in table for table in tables):
            return ""
        return next(_moved(tables[0][column], tables[1][column]), "")

    return change


def _read(role: Step | None, column: str) -> pd.DataFrame | None:
    types = role.commit.summary.get("types", {}) if role is not None and role.commit is not None else {}
    if role is None or role.commit is None or column not in types:
        return None
    return role.read() if role.commit.row_count * len(types) <= MOST_CELLS else None


def _moved(before: pd.Series, after: pd.Series) -> Iterator[str]:
    """Gives the medians of numbers; of anything else the share of the value whose share changed most."""
    numbers = all(is_numeric_dtype(side) and not is_bool_dtype(side) for side in (before, after))
    if numbers:
        a, b = before.median(), after.median()
        if pd.notna(a) and pd.notna(b):
            yield f"median {short(float(a))} \u2192 {short(float(b))}"
        return
    try:
        shares = [side.astype(str).where(side.notna()).value_counts(normalize=True) for side in (before, after)]
    except (TypeError, ValueError):  # values that cannot be counted, such as arrays
        return
    a, b = shares[0].align(shares[1], fill_value=0.0)
    if len(a) and len(a) <= MOST_CATEGORIES:
        value = (b - a).abs().idxmax()
        yield f"share of {shown(value)} {a[value]:.0%} \u2192 {b[value]:.0%}"
