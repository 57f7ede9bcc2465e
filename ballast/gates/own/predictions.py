"""Expectations on a table of predictions (sample_id, prediction, p_<class>, flagged, reason)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from ballast.columns import canonical, kind_of, numbers_of
from ballast.errors import DataError
from ballast.gates.own.form import Outcome, Own, column
from ballast.words import percent

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext

_Share = Annotated[float, Field(ge=0, le=1)]
MANY_NUMBERS = 20
"""Predictions that are numbers of more different values than this are compared as numbers, others as classes."""


class ExpectShareFlaggedBelow(Own):
    """At most ``share`` of the predictions are flagged: by a step beside, for a value never seen, a closed gate."""

    stages = ("prediction",)
    share: _Share

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        flags = column(frame, "flagged")
        there = flags.dropna()
        reasons = frame["reason"].dropna().value_counts() if "reason" in frame else None
        first = "" if reasons is None or reasons.empty else f"{reasons.iloc[0]} for {reasons.index[0]}"
        return self.said(len(flags), len(flags) - len(there), int(there.astype(bool).sum()), first)

    def said(self, n: int, missing: int, flagged: int, reason: str) -> Outcome:
        """Gives the outcome of n predictions, some without a flag and some flagged, with the most frequent reason."""
        if missing:
            raise DataError(f"{missing} of {n} predictions have no flag; predict them again")
        said = f"{flagged} of {n} predictions ({percent(flagged, n)}) are flagged, at most {self.share:.1%} allowed"
        passed = flagged <= self.share * n
        if not passed and reason:
            said += f": {reason}; look at these rows before anybody uses them"
        return Outcome(passed, {"rows": n, "flagged": flagged, "flagged_share": flagged / n}, said)


class ExpectPredictionShiftBelow(Own):
    """The predictions are spread as those of the step's previous version are, or differ by at most an effect size.

    It is Cramer's V between the two versions and the classes predicted, in [0, 1] (.1 is small, .3 medium), and the
    largest distance between the two distribution functions where the predictions are numbers. Where nothing changes it
    is not 0 but about the square root of (classes - 1) / the rows of both. A first version is held against nothing.
    """

    stages = ("prediction",)
    max_effect_size: _Share

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        now, before = column(frame, "prediction"), context.previous()
        if before is None:
            return Outcome(True, {"rows": len(now)}, "the first version of these predictions: none is before it")
        version, table = before
        then = column(table, "prediction")
        return self.said(len(now), len(then), version, lambda: _effect(now, then))

    def said(self, now: int, then: int, version: int, effect: Callable[[], tuple[float, str]]) -> Outcome:
        """Gives the outcome of so many predictions now and then, with how far they are apart, and that in words."""
        observed: dict[str, float] = {"rows": now, "rows_before": then, "version_before": version}
        if not then:
            return Outcome(True, observed, f"version {version}, the one before, predicted no rows")
        size, what = effect()
        observed["effect_size"] = size
        said = f"{what} from version {version} to this one ({then} and {now} rows)"
        if size <= self.max_effect_size:
            return Outcome(True, observed, f"{said}, at most {self.max_effect_size:g} allowed")
        remedy = "look at the drift of the rows, or at what changed in the model, before anybody uses them"
        return Outcome(False, observed, f"{said}, at most {self.max_effect_size:g} allowed: {remedy}")


def _effect(now: pd.Series, then: pd.Series) -> tuple[float, str]:
    """Gives how far two samples of predictions are apart, and that in words."""
    import pandas as pd
    from scipy import stats

    both = pd.concat([then, now], ignore_index=True)
    if kind_of(now) == kind_of(then) == "number" and both.nunique() > MANY_NUMBERS:
        a, b = numbers_of(then), numbers_of(now)
        distance = float(stats.ks_2samp(a, b, method="asymp").statistic)  # type: ignore[attr-defined]
        return distance, moved(distance, a.mean(), b.mean())
    version = np.repeat(["then", "now"], [len(then), len(now)])
    return effect_of_classes(pd.crosstab(pd.Series(canonical(both), name="label"), pd.Series(version)))


def moved(distance: float, then: float, now: float) -> str:
    """Gives a distance of two distribution functions in words, with their means."""
    return f"the distribution of predictions moved by {distance:.3g} (mean {then:.4g} to {now:.4g})"


def effect_of_classes(counts: pd.DataFrame) -> tuple[float, str]:
    """Gives how far the counts of classes (k, 2) "now" and "then" are apart, and that in words."""
    from scipy.stats.contingency import association

    size = float(association(counts.to_numpy(), method="cramer")) if len(counts) > 1 else 0.0
    shares = counts / counts.sum()
    label = (shares["now"] - shares["then"]).abs().idxmax()
    share = f"share of {label!r} {shares['then'][label]:.1%} to {shares['now'][label]:.1%}"
    return size, f"Cramer's V {size:.3g} ({share})"
