"""The words and numbers of an object, as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd

from ballast.methods.frame.base import Scorer, Weigher
from ballast.methods.frame.calls import COLUMNS, owner_of
from ballast.methods.frame.reports import LEFT_TO, NOT_TESTED, OVERALL, Assessment, TestReport
from ballast.methods.frame.summary import WeightSummary
from ballast.reporting.figures import p_text, verdict_of
from ballast.reporting.metadata import FEW
from ballast.reporting.page.html import tag
from ballast.reporting.pictures.intervals import praise
from ballast.reporting.pictures.theme import GREEN, GREY, MOST_ROWS, ORANGE
from ballast.words import one_line, plural, spaced

TONES = {"good": GREEN, "bad": ORANGE, "": GREY}
JUDGED = {"good": "better", "bad": "worse", "": "no clear difference"}


@dataclass(frozen=True)
class Sheet:
    """What is to be read of an object: a title and its tone, facts by name, a table of texts, a note below it."""

    title: str
    tone: str = ""
    facts: Sequence[tuple[str, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""


def text(of: Any) -> str:
    """Gives an object's lines: at most a dozen rows of its table."""
    sheet = _sheet(of)
    assert sheet is not None, "only objects that have a sheet show themselves by it"
    wide = max((len(name) for name, _ in sheet.facts), default=0)
    lines = [sheet.title, *(f"  {name:{wide}}  {value}" for name, value in sheet.facts)]
    if sheet.rows:
        cells = [[_cut(cell) for cell in row] for row in (sheet.head, *sheet.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines += ["  " + "  ".join(f"{c:{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([*lines, *([f"  {sheet.note}"] if sheet.note else [])])


def html(of: Any) -> str:
    """Gives the same as ``text`` as HTML, which stands on light and on dark paper; nothing of what has no sheet."""
    sheet = _sheet(of)
    if sheet is None:
        return ""
    cell = "text-align:left;padding:2px 14px 2px 0;border:0;background:none;white-space:nowrap"
    facts = [tag("tr", tag("td", name, style=cell), tag("td", value, style=cell)) for name, value in sheet.facts]
    rows = [
        tag("tr", *(tag(name, _cut(value), style=cell) for value in row))
        for name, row in zip(["th", *["td"] * len(sheet.rows)], [sheet.head, *sheet.rows], strict=True)
    ]
    tables = [
        tag("table", *part, style="border:0;margin:4px 0") for part in (facts, rows if sheet.rows else ()) if part
    ]
    note = [tag("div", sheet.note, style="opacity:.7")] if sheet.note else []
    frame = f"border-left:4px solid {TONES[sheet.tone]};padding:2px 0 2px 12px;margin:4px 0;overflow-x:auto"
    return tag("div", tag("strong", sheet.title), *tables, *note, style=frame)


@singledispatch
def _sheet(of: Any) -> Sheet | None:
    return None


@_sheet.register(TestReport)
def _(of: TestReport) -> Sheet:
    facts = [("p-value", _p(of.p_value)), ("level", f"{of.threshold:g}"), ("statistic", f"{of.statistic:.4g}")]
    features = of.table[of.table["feature"] != OVERALL]
    order = features["effect_size"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    shown = features.loc[order].head(MOST_ROWS)
    p, effects = shown["adjusted_p_value"].fillna(shown["p_value"]), shown["effect"].astype(str)
    columns = {
        "feature": shown["feature"].astype(str),
        "effect size": shown["effect_size"].map(_number),
        "measure": effects,
        "p-value": p.map(_p),
        "verdict": [_found(rejected, value) for rejected, value in zip(shown["rejected"], p, strict=True)],
    }
    if features.empty:
        last = of.table.tail(1)
        facts += [(str(e), _number(size)) for e, size in zip(last["effect"], last["effect_size"], strict=True)]
    else:
        tested = features[~features["effect"].astype(str).str.startswith((LEFT_TO, NOT_TESTED))]
        facts.append(("features", f"{int(tested['rejected'].sum())} of {len(tested)} differ"))
        if effects.nunique() == 1:
            facts.append(("effect size", effects.iloc[0]))
            del columns["measure"]
    tone, rows = "bad" if of.rejected else "", list(zip(*columns.values(), strict=True))
    return Sheet(
        verdict_of(of.rejected, of.supposes), tone, facts, list(columns), rows, _more(features, shown, "feature")
    )


def _p(value: float) -> str:
    return p_text(value).removeprefix("p ").removeprefix("= ")


def _found(rejected: bool, p: float) -> str:
    return "" if np.isnan(p) else "differs" if rejected else "no shift found"


@_sheet.register(Assessment)
def _(of: Assessment) -> Sheet:
    table = of.table
    overall = table["slice"] == OVERALL
    shown = pd.concat([table[overall], table[~overall]]).head(MOST_ROWS)
    rows = [[spaced(row["metric"]), str(row["model"]), str(row["versus"]), str(row["slice"]), _number(row["value"]),
             _interval(row), _judged(of, row), f"{row['n']:,}"] for row in shown.to_dict("records")]  # fmt: skip
    head = ("metric", "model", "versus", "slice", "value", "interval", "verdict", "rows")
    kept = [j for j in range(len(head)) if any(row[j] for row in rows) and (head[j] != "slice" or not overall.all())]
    title = f"Assessment: {plural(len(table), 'number')}"
    tones = {_judged(of, row) for row in table[overall].to_dict("records")} & {"better", "worse"}
    tone = {"better": "good", "worse": "bad"}[tones.pop()] if len(tones) == 1 else ""
    picked = [[row[j] for j in kept] for row in rows]
    return Sheet(title, tone, (), [head[j] for j in kept], picked, _more(table, shown, "number"))


def _judged(of: Assessment, row: dict[Any, Any]) -> str:
    """Gives what a difference is, in words: nothing of a value that is not one, or of a metric without a direction."""
    if not row["versus"] or row["metric"] not in of.better or not np.isfinite([row["low"], row["high"]]).all():
        return ""
    return JUDGED[praise(row["low"], row["high"], of.better[row["metric"]])]


def _interval(row: dict[Any, Any]) -> str:
    return f"[{row['low']:.4g}, {row['high']:.4g}]" if np.isfinite([row["low"], row["high"]]).all() else ""


@_sheet.register(WeightSummary)
def _(of: WeightSummary) -> Sheet:
    facts = [
        ("effective sample size", f"{of.effective_sample_size:,.1f} ({of.effective_share:.0%} of the rows)"),
        ("largest weight", f"{of.maximum_weight:.3g}"),
        ("rows of weight 0", f"{of.zero_share:.1%}"),
    ]
    if of.share_at_bound is not None:
        facts.append(("cut to the bound", f"{of.share_at_bound:.1%} of the rows"))
    title = f"{of.weigher}: weights of {plural(of.rows, 'training row')}, mean 1"
    if of.balance is None or of.balance.empty:
        return Sheet(title, "", facts)
    worst, at = of.balance.max(), of.balance.idxmax()
    said = {when: f"{worst[when]:.3f}" for when in ("before", "after")}
    named = {when: "" if float(value) == 0 else f" ({_cut(at[when])})" for when, value in said.items()}
    difference = ", ".join(f"{value}{named[when]} {when}" for when, value in said.items())
    facts.append(("largest standardized difference", difference))
    shown = of.balance.head(MOST_ROWS)
    rows = [(str(name), f"{before:.3f}", f"{after:.3f}") for name, before, after in shown.itertuples()]
    change = worst["after"] - worst["before"]
    tone = praise(change, change, "lower") if of.effective_share >= FEW else "bad"
    head = ("standardized difference", "before", "after")
    return Sheet(title, tone, facts, head, rows, _more(of.balance, shown, "column"))


@_sheet.register(Weigher)
def _(of: Weigher) -> Sheet | None:
    return _sheet(of.summary()) if hasattr(of, "weights_") else None


@_sheet.register(Scorer)
def _(of: Scorer) -> Sheet | None:
    if all(not name.endswith("_") or name in COLUMNS for name in vars(of)):
        return None
    threshold = getattr(of, "threshold_", None)
    rule = "none" if threshold is None else f"scores {of.flags} {threshold:.4g}"
    return Sheet(f"{owner_of(of)}: fitted", "", [("a higher score", of.higher), ("flagged", rule)])


def _more(all_: pd.DataFrame, shown: pd.DataFrame, noun: str) -> str:
    left = len(all_) - len(shown)
    return f"and {plural(left, f'more {noun}')}; all are in the table" if left else ""


def _number(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else ""


def _cut(value: object) -> str:
    return one_line(" ".join(str(value).split()), 60)
