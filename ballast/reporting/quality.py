"""What became of a data role's columns on their way to the methods: missing, converted, imputed, unseen, left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ballast.methods.frame.reports import NOT_TESTED, OVERALL
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, percent, plural


@dataclass(frozen=True)
class ColumnQuality:
    """One column of a data role.

    Attributes
    ----------
    column : its name.
    holds : the type that it is stored in.
    missing : rows without a value; None where that is not known.
    imputed : cells that the encoder filled, because they were missing or infinite.
    infinite : of these, the infinite ones.
    unseen : rows whose category training does not have.
    notes : what else was done with it: converted, kept as text, blank, dropped, ignored, not tested; each with why.
    """

    column: str
    holds: str = ""
    missing: int | None = None
    imputed: int = 0
    infinite: int = 0
    unseen: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether anything was done with it that its values alone do not show."""
        return bool(self.missing or self.imputed or self.unseen or self.notes)


def quality_of(role: Step, features: Step | None, tests: Mapping[str, pd.DataFrame]) -> list[ColumnQuality]:
    """Gives the columns of a data role in their order; ``tests`` are the reports, by step, that tested the role."""
    summary = role.commit.summary if role.commit else {}
    repaired = features.commit.summary if features is not None and features.commit else {}
    nan, inf = repaired.get("imputed_nan", {}), repaired.get("imputed_inf", {})
    left_out = _left_out(role, repaired)
    untested = _untested(tests)
    columns = dict.fromkeys([*summary.get("types", {}), *left_out, *nan, *inf])
    return [
        ColumnQuality(
            column=name,
            holds=str(summary.get("types", {}).get(name, "")),
            missing=summary["missing_values"].get(name, 0) if "missing_values" in summary else None,
            imputed=nan.get(name, 0) + inf.get(name, 0),
            infinite=inf.get(name, 0),
            unseen=repaired.get("unseen_categories", {}).get(name, 0),
            notes=(
                *dict.fromkeys(filter(None, [summary.get("converted", {}).get(name), left_out.get(name)])),
                *untested.get(name, ()),
            ),
        )
        for name in columns
    ]


def _left_out(role: Step, repaired: Mapping[str, Any]) -> dict[str, str]:
    """Gives the columns that are no features though the spec does not say so, each with the reason."""
    dropped = {name: f"dropped: {why} in training" for name, why in repaired.get("dropped_columns", {}).items()}
    return dropped | dict.fromkeys(repaired.get("ignored_columns", ()), "ignored: training does not have it")


def _untested(tests: Mapping[str, pd.DataFrame]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for step, table in tests.items():
        for name, effect in zip(table["feature"], table["effect"].astype(str), strict=True):
            if name != OVERALL and effect.startswith(NOT_TESTED):
                found[str(name)] = (*found.get(str(name), ()), f"{step}: {effect}")
    return found


def sentences(columns: list[ColumnQuality], rows: int) -> Iterator[str]:
    """Gives a sentence for each thing that was done with a role's values, naming the columns."""
    for name, what in (
        ("missing", "{} missing"),
        ("imputed", "{} imputed"),
        ("infinite", "{} imputed because infinite"),
        ("unseen", "{} of a category that training does not have"),
    ):
        hit = {c.column: getattr(c, name) for c in columns if getattr(c, name)}
        if hit:
            total = plural(sum(hit.values()), "row" if name == "unseen" else "value")
            worst = max(hit, key=lambda column: hit[column])
            most = f"most in {worst} ({percent(hit[worst], rows)} of {rows} rows)" if len(hit) > 1 else f"in {worst}"
            yield f"{what.format(total)}, {most}"
    for start in ("converted", "kept as text", "blank", "outside the partitions", "dropped", "ignored"):
        notes = {c.column: n for c in columns for n in c.notes if n.startswith(start)}
        if notes:
            reasons = {column: note.partition(": ")[2] for column, note in notes.items()}
            yield f"{start}: {in_words(f'{column} ({why})' for column, why in reasons.items())}"
    untested = [c.column for c in columns if any(NOT_TESTED in n for n in c.notes)]
    if untested:
        yield f"not tested: {in_words(untested)}"


def told_of(labels: Mapping[str, Any]) -> str:
    """Gives what the summary of late labels says of them, and of the columns that they were read from."""
    return "; ".join([labels["told"], *(f"column {name} {why}" for name, why in labels["converted"].items())])


def qualities(snapshot: Snapshot) -> dict[str, list[ColumnQuality]]:
    """Gives the columns of every data role that is stored, by role."""
    features = {s.node.name.partition("/")[0]: s for s in snapshot.of("features")}
    found = {}
    for step in snapshot.of("source"):
        if step.commit is not None:
            tests = {
                s.node.name: s.table
                for s in snapshot.of("test")
                if s.table is not None and step.node.asset in s.node.upstream
            }
            found[step.node.name] = quality_of(step, features.get(step.node.name), tests)
    return found
