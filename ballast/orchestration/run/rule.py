"""Whether a candidate may take the place of the model in use, by what a comparison of both found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ballast.errors import DataError, nearest
from ballast.methods.frame.reports import OVERALL
from ballast.orchestration.spec.pipeline import StepSpec
from ballast.words import listed, spaced


@dataclass(frozen=True)
class Gain:
    """How much better a model is than another, with the ends of the paired interval; higher is better."""

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Weighed:
    """A candidate held to the rule: its metric, its gain, whether it may come into use, and why or why not."""

    value: float
    gain: Gain = Gain()
    holds: bool = False
    said: str = ""


def metric_of(step: StepSpec, judged: pd.DataFrame, better: Mapping[str, str]) -> tuple[str, str]:
    """Gives the metric that models are weighed by, and which of its values are better; DataError for an unknown one."""
    there = [str(m) for m in judged["metric"].unique() if m in better]
    metric = step.metric or (there[0] if there else "")
    if metric not in there:
        raise DataError(
            f"{step.promote} has no metric {metric!r} to weigh models by{nearest(metric, there)}; give one of "
            f"those that it has as `metric:` ({listed(there)})"
        )
    return metric, better[metric]


def value_of(judged: pd.DataFrame, metric: str, model: str) -> float:
    """Gives a model's metric on all rows, NaN where the comparison has none."""
    found = judged[(judged["metric"] == metric) & (judged["model"] == model) & (judged["versus"] == "")]
    overall = found.loc[found["slice"] == OVERALL, "value"]
    return float(overall.iloc[0]) if len(overall) else float("nan")


def weigh(
    step: StepSpec,
    judged: pd.DataFrame,
    metric: str,
    better: str,
    candidate: str,
    *,
    against: str | None,
    obstacle: str,
) -> Weighed:
    """Holds one candidate to the rule.

    `judged` is the comparison's table. `against` is the name that the model in use has there; None where none is in
    use, so that any candidate may be. `obstacle` is what speaks against it whatever its figures are, if anything does.
    """
    value = value_of(judged, metric, candidate)
    if against is None:
        said = obstacle or f"its {spaced(metric)} is {value:.4g}, and nothing was in use"
        return Weighed(value, holds=not obstacle and np.isfinite(value).item(), said=said)
    rows = judged[(judged["metric"] == metric) & (judged["model"] == candidate) & (judged["versus"] == against)]
    gains = {str(row["slice"]): _gain(row, better) for row in rows.to_dict("records")}
    overall = gains.pop(OVERALL, None)
    if obstacle or overall is None:
        missing = f"{step.promote} has no difference of it from {against}; run {step.promote} again"
        return Weighed(value, overall or Gain(), said=obstacle or missing)
    holds, said = _held(step, spaced(metric), overall, gains)
    return Weighed(value, overall, holds, said)


def best(weights: Mapping[str, Weighed], better: str) -> str | None:
    """Gives the candidate that may come into use and is best, the first of several alike; None where none may."""
    of = {name: found.value if better == "higher" else -found.value for name, found in weights.items() if found.holds}
    return max(of, key=lambda name: of[name], default=None)


def _gain(row: Mapping[Any, Any], better: str) -> Gain:
    value, low, high = (float(row[key]) for key in ("value", "low", "high"))
    return Gain(value, low, high) if better == "higher" else Gain(-value, -high, -low)


def _held(step: StepSpec, metric: str, overall: Gain, slices: Mapping[str, Gain]) -> tuple[bool, str]:
    """Says whether the rule holds, by the lower ends of the intervals, and why."""
    if np.isnan(overall.low):
        return False, f"its {metric} is {overall.value:+.3g} better, and these rows do not tell how sure that is"
    how = f"{abs(overall.value):.3g} {'better' if overall.value >= 0 else 'worse'}"
    said = f"its {metric} is {how} ({overall.low:+.3g} to {overall.high:+.3g})"
    least = -(step.not_worse_by or 0.0)
    if step.better_by is not None or step.not_worse_by is None:
        more = step.better_by or 0.0
        holds, asked = overall.low > more, f"above {more:g}"
    else:
        holds, asked = overall.low >= least, f"at least {least:g}"
    said += f", the lower end {'' if holds else 'not '}{asked}"
    if not holds or step.not_worse_on is None:
        return holds, said
    return _held_on_slices(said, least, slices)


def _held_on_slices(said: str, least: float, slices: Mapping[str, Gain]) -> tuple[bool, str]:
    if not slices:
        return False, f"{said}; but no slice was judged"
    failing = [f"{name} ({gain.low:+.3g})" for name, gain in slices.items() if not gain.low >= least]
    if failing:
        told = listed(failing, 4).replace("(+nan)", "(not known)").replace("(nan)", "(not known)")
        return False, f"{said}; but the lower end is below {least:g} in {len(failing)} of {len(slices)} slices: {told}"
    return True, f"{said}, and at least {least:g} in each of {len(slices)} slices"
