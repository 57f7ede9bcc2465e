"""What weights did to the balance of the columns, and how many rows they leave in effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ballast.reporting.findings.finding import Finding, Kind, of_older_inputs, short
from ballast.reporting.judgements import ranked_weights, shown_as
from ballast.reporting.metadata import BALANCE, FEW, weight_figures
from ballast.reporting.snapshot import Snapshot, Step
from ballast.words import in_words, plural

MOST_WEIGHERS = 4


@dataclass(frozen=True)
class _Weights:
    """Weights of one step, the figures of ``weight_figures``, and the models and effects that are found with them."""

    step: Step
    found: Mapping[str, Any]
    users: tuple[str, ...]

    @property
    def name(self) -> str:
        """The step's, and what uses its weights."""
        return self.step.node.name + (f" (used by {in_words(self.users)})" if self.users else "")

    @property
    def balance(self) -> tuple[float, float] | None:
        """The largest standardized difference of a column before and after, where it is known."""
        before, after = (self.found.get(name) for name in BALANCE[:2])
        return None if before is None or after is None else (float(before), float(after))


def weights(snapshot: Snapshot) -> Finding:
    steps = snapshot.of("weigher")
    if not steps:
        return Finding("Weights", "None: the pipeline has no step that weighs.")
    made = [_weights_of(snapshot, step) for step in ranked_weights(snapshot)]
    if not made:
        return Finding("Weights", f"None yet: {in_words(step.node.name for step in steps)} not run.", "warn")
    said, named = [_first(made[0])], made[0].balance is not None
    for weights in made[1:MOST_WEIGHERS]:
        said.append(_other(weights, named=named))
        named |= weights.balance is not None
    if len(made) > MOST_WEIGHERS:
        said.append(f"{plural(len(made) - MOST_WEIGHERS, 'more table')} in the report")
    ran = [weights.step for weights in made]
    text = f"{'; '.join(said)}{of_older_inputs(snapshot, ran)}."
    return Finding("Weights", text, _kind(made[0]), tuple(step.node.name for step in ran))


def _weights_of(snapshot: Snapshot, step: Step) -> _Weights:
    assert step.table is not None
    using = [*snapshot.of("learner"), *(effect for effect, _, _ in shown_as(snapshot, "effect"))]
    users = tuple(s.node.name for s in using if s.node.notes.get("weights") == step.node.name)
    return _Weights(step, weight_figures(step.table, step.commit.summary if step.commit else {}), users)


def _kind(weights: _Weights) -> Kind:
    if weights.balance is None:
        return ""
    before, after = weights.balance
    if after < before and weights.found["effective_share"] < FEW:
        return "warn"
    return "good" if after < before else "bad" if after > before else ""


def _first(weights: _Weights) -> str:
    found = weights.found
    cut = f", {found['share_at_bound']:.1%} of them cut to the bound" if found.get("share_at_bound") else ""
    worth = (
        f"the weights are worth {_size(found)} rows in effect ({found['effective_share']:.0%}), the largest is "
        f"{short(found['maximum_weight'])}{cut}"
    )
    if weights.balance is None:
        return f"{weights.name}: {worth}"
    before, after = weights.balance
    verb = "brings" if after < before else "worsens" if after > before else "leaves"
    where = f"at {short(after)}" if verb == "leaves" else f"from {short(before)} to {short(after)}"
    return f"{weights.name} {verb} the largest standardized difference of a column {where}; {worth}"


def _other(weights: _Weights, *, named: bool) -> str:
    """Tells of a further weigher; `named` says whether it was said already what the balance is."""
    balance = "" if weights.balance is None else "{} \u2192 {}, ".format(*map(short, weights.balance))
    if balance and not named:
        balance = f"the largest standardized difference of a column {balance}"
    return f"{weights.name}: {balance}{_size(weights.found)} rows"


def _size(found: Mapping[str, Any]) -> str:
    return f"{found['effective_sample_size']:,.0f} of {found['rows']:,}"
