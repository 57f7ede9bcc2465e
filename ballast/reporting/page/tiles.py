"""The answer first: what the report's top line says of shift, weights, models and gates."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.methods.frame.reports import OVERALL
from ballast.reporting.page.html import words
from ballast.reporting.pictures.figures import p_text
from ballast.reporting.snapshot import Snapshot, Step

Tile = tuple[str, str, str, str]
"""Label, value, note, and "good", "bad" or nothing."""


def tiles(snapshot: Snapshot) -> Iterator[Tile]:
    """Gives the tiles in the order of reading: models, shift, weights, estimate, gates."""
    if snapshot.of("assessor"):
        yield from _comparison(snapshot)
        yield from _effects(snapshot)
    if snapshot.of("test"):
        yield _shift(snapshot)
    if snapshot.of("weigher"):
        yield _weights(snapshot)
    yield from _estimate(snapshot)
    yield _gates(snapshot)


def comparison_of(snapshot: Snapshot) -> pd.DataFrame | None:
    """Gives the table of the first judgement that compares models, None where there is none.

    Such a table has its metrics both of each model alone and of one versus another.
    """
    for step in snapshot.of("assessor"):
        if step.table is not None:
            versus = step.table["versus"].fillna("") != ""
            if set(step.table.loc[versus, "metric"]) & set(step.table.loc[~versus, "metric"]):
                return step.table
    return None


def known_accuracy(snapshot: Snapshot, model: object) -> float | None:
    """Gives a model's accuracy on labelled rows from the pipeline's other judgements, None where nothing tells."""
    for step in snapshot.of("assessor"):
        t = step.table
        if t is None or step.node.notes.get("on") == "train":
            continue
        found = t[(t["metric"] == "accuracy") & (t["slice"] == OVERALL) & (t["versus"].fillna("") == "")]
        by_name = found[found["model"] == model]
        if len(by_name):
            return float(by_name["value"].iloc[0])
        if len(found) and step.node.notes.get("model") == model:
            return float(found["value"].iloc[0])
    return None


def _comparison(snapshot: Snapshot) -> Iterator[Tile]:
    t = comparison_of(snapshot)
    if t is None:
        return
    metric = str(t["metric"].iloc[0])
    rows = t[(t["metric"] == metric) & (t["slice"] == OVERALL)].fillna({"versus": ""})
    plain = rows[rows["versus"] == ""]
    lower_is_better = metric.endswith("error")
    sign = -1 if lower_is_better else 1
    others = rows[rows["versus"] != ""]
    best = others.loc[(sign * others["value"]).idxmax()]
    base = plain.iloc[0]
    after = plain[plain["model"] == best["model"]].iloc[0]
    worst_end = min(sign * best["low"], sign * best["high"])
    best_end = max(sign * best["low"], sign * best["high"])
    chosen = f" (best of {len(others)})" if len(others) > 1 else ""
    kind = "good" if worst_end > 0 else "bad" if best_end < 0 else ""
    gain = f"{best['value']:+.3g} [{best['low']:+.3g}, {best['high']:+.3g}]"
    yield (
        f"{words(metric)}, before → after",
        f"{base['value']:.3g} → {after['value']:.3g}",
        f"{best['model']}{chosen} against {base['model']}: {gain}{'' if kind else ', no clear difference'}",
        kind,
    )


def _effects(snapshot: Snapshot) -> Iterator[Tile]:
    for step in snapshot.of("assessor"):
        if step.table is None:
            continue
        effects = step.table[step.table["metric"] == "effect"].fillna({"model": "", "versus": ""})
        for row in effects.to_dict("records"):
            against = f"against {row['versus']}: " if row["versus"] else ""
            beside = f"{against}[{row['low']:+.3g}, {row['high']:+.3g}], by {step.node.name}"
            yield f"effect of {row['model'] or 'the treatment'}", f"{row['value']:+.3g}", beside, ""


def _shift(snapshot: Snapshot) -> Tile:
    ran = [s for s in snapshot.of("test") if s.commit is not None]
    if not ran:
        return "shift", "not run", "", ""
    found = [s for s in ran if _rejected(s)]
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
    shares = {}
    for step in snapshot.of("weigher"):
        if step.table is not None and len(step.table):
            weight = step.table["weight"].to_numpy(dtype=float)
            shares[step.node.name] = (effective_sample_size(weight), len(weight))
    if not shares:
        return "effective sample size", "not run", "", ""
    name, (size, n) = min(shares.items(), key=lambda item: item[1][0] / item[1][1])
    lowest = f"the lowest of {len(shares)}: {name}" if len(shares) > 1 else name
    return "effective sample size", f"{size:,.0f} of {n:,}", f"{size / n:.0%}, {lowest}", ""


def _estimate(snapshot: Snapshot) -> Iterator[Tile]:
    for step in snapshot.of("assessor"):
        t = step.table
        if t is None or "estimated_accuracy" not in set(t["metric"]):
            continue
        row = t[t["metric"] == "estimated_accuracy"].iloc[0]
        truth = known_accuracy(snapshot, step.node.notes.get("model"))
        note = f"[{row['low']:.3f}, {row['high']:.3f}]"
        yield (
            "accuracy without labels",
            f"{row['value']:.3f}",
            note if truth is None else f"{note}; with labels {truth:.3f}",
            "",
        )
        return


def _gates(snapshot: Snapshot) -> Tile:
    verdicts = [v for s in snapshot.steps.values() for v in s.verdicts]
    closed = [v for v in verdicts if not v.passed and v.severity == "error"]
    warned = [v for v in verdicts if not v.passed and v.severity != "error"]
    if not verdicts:
        return "gates", "none judged", "", ""
    note = ", ".join(f"{len(group)} {name}" for name, group in (("closed", closed), ("warning", warned)) if group)
    forced = sum(v.forced for v in verdicts)
    note += f"{', ' if note else ''}{forced} forced" if forced else ""
    value = f"{len(verdicts) - len(closed)} of {len(verdicts)} open"
    return "gates", value, note, "bad" if closed else "good"
