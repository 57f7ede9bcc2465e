"""Of a report on rows of which some have no label yet: how many have one, and what is said of these beside all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ballast.gates.own.form import Outcome
from ballast.methods.frame.reports import OVERALL
from ballast.stages import LABELLED, LABELLED_SHARE
from ballast.words import in_words, listed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Labelled:
    """The share of the ``rows`` that have a label, overall and ``by`` what was predicted of them."""

    share: float
    rows: int
    by: Mapping[str, float]

    @property
    def observed(self) -> dict[str, Any]:
        return {LABELLED_SHARE: self.share}

    @property
    def said(self) -> str:
        """Gives the shares in words."""
        parts = listed([f"{share:.1%} of those {part}" for part, share in self.by.items()], most=8)
        return f"{self.share:.1%} of {self.rows} rows have a label{f' ({parts})' if parts else ''}"

    def lacking(self, least: float, *, weighed: bool) -> Outcome | None:
        """Gives the outcome where too few rows have a label, or where they are weighed and none predicted alike has."""
        if self.share < least:
            why = f"{self.said}, at least {least:.1%} needed: wait for labels, or estimate without them"
            return Outcome(False, self.observed, why)
        without = [part for part, share in self.by.items() if not share]
        if not without or not weighed:
            return None
        why = f"{self.said}: none of those {in_words(without)}, so nothing is known of them: get labels of some"
        return Outcome(False, self.observed, f"cannot be judged: {why}")

    def beside(self, frame: pd.DataFrame, metric: str) -> str:
        """Gives what is to be known beside a metric: of a weighed one, what the rows with a label say as they are."""
        own = frame[(frame["metric"] == metric) & (frame["slice"] == LABELLED)]
        if own.empty:
            return f" ({self.said})"
        alone = f"{float(own['value'].iloc[0]):.4g} unweighted"
        return f" with labels weighed by what was predicted, {alone} ({self.said})"


def labelled_of(frame: pd.DataFrame) -> Labelled | None:
    """Gives what a report says of how many rows have a label; None where all have one."""
    if not {"metric", "slice", "model", "value", "n"} <= {*frame.columns}:
        return None
    shares = frame[(frame["metric"] == LABELLED_SHARE) & (frame["model"].fillna("") == "")]
    overall = shares[shares["slice"] == OVERALL]
    if overall.empty:
        return None
    by = shares[shares["slice"] != OVERALL]
    parts = dict(zip(map(str, by["slice"]), map(float, by["value"]), strict=True))
    return Labelled(float(overall["value"].iloc[0]), int(overall["n"].iloc[0]), parts)
