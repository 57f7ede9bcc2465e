"""One sentence of what a pipeline found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import one_line

Kind = Literal["good", "bad", "warn", ""]


@dataclass(frozen=True)
class Finding:
    """One sentence, and what it is about.

    Attributes
    ----------
    topic : what it is about, in a word or three.
    text : the sentence, with its full stop.
    kind : whether it is good news, bad news or a warning; empty where it is neither.
    steps : the steps that it tells of, by name; those that it only counts or sums up are left out.
    """

    topic: str
    text: str
    kind: Kind = ""
    steps: tuple[str, ...] = ()


def of_older_inputs(snapshot: Snapshot, steps: list[Step]) -> str:
    """Says which of the steps hold what was made of inputs that have changed since; empty where none does."""
    names = [step.node.name for step in steps if step.node.asset in snapshot.outdated]
    return f" (of inputs that have changed since: {', '.join(names)})" if names else ""


def named(name: object) -> str:
    """Gives a name of the data's own on one line, its middle left out where it is long."""
    return one_line(str(name), 60)


def short(value: float) -> str:
    """Gives a number with three digits, as 0.825, 12.4 or 1,240."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def signed(value: float) -> str:
    return f"+{short(value)}" if value >= 0 else f"\u2212{short(-value)}"
