"""Expectations on the reports of tests and assessors, and on the scores of scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ballast.errors import DataError, nearest
from ballast.gates.own.form import Outcome, Own, column, numbers
from ballast.gates.own.labelled import labelled_of
from ballast.methods.frame.parameters import Level, NonNegative, Positive
from ballast.methods.frame.reports import LEFT_TO, NOT_TESTED, OVERALL
from ballast.words import SHOWN, in_words, listed, percent, plural

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import GateContext


class ExpectDriftBelow(Own):
    """The shift is small: an effect size of at most ``max_effect_size``, or a p-value of at least ``min_p_value``.

    With ``feature``, that feature's row of the report is judged; without, the largest effect size of all features, and
    the overall p-value (adjusted for the number of tests). A column that was not tested closes the gate, unless it is
    among ``except``: the features that are not judged, tested or not. Columns that the report leaves to another test
    are that test's to judge. In large samples tiny shifts have tiny p-values: prefer the effect size there.
    """

    stages = ("test",)
    max_effect_size: Positive | None = None
    min_p_value: Level | None = None
    feature: str | None = None
    left_out: list[str] = Field(default=[], alias="except")

    @model_validator(mode="after")
    def _bounded(self) -> ExpectDriftBelow:
        if self.max_effect_size is None and self.min_p_value is None:
            raise ValueError("give max_effect_size, min_p_value or both")
        if self.feature is not None and self.left_out:
            raise ValueError("give feature, or the features that are left out (except), not both")
        return self

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        column(frame, "feature")
        rows = self._judged(frame)
        missed, said, observed = [], [], {}
        if self.max_effect_size is not None:
            effects = np.abs(numbers(rows, "effect_size"))
            if np.isnan(effects).all():
                raise DataError(f"the report has no effect size: {listed(rows['effect'])}; give min_p_value instead")
            top = int(np.nanargmax(effects))
            over = int((effects > self.max_effect_size).sum())
            observed |= {"effect_size": effects[top], "feature": rows["feature"].iloc[top], "rows_over": over}
            said.append(f"largest effect size {effects[top]:.3g} ({_measure(rows, top)}, {observed['feature']})")
            if over:
                missed.append(f"{_columns_over(rows, effects > self.max_effect_size)}above {self.max_effect_size:g}")
        if self.min_p_value is not None:
            p = _p_value(rows if self.feature or self.left_out else _rows_of_feature(frame, OVERALL))
            observed |= {"p_value": p}
            said.append(f"p-value {p:.3g}")
            if not p >= self.min_p_value:
                missed.append(f"p-value below {self.min_p_value:g}")
        notes = _notes(frame)
        if missed:
            remedy = "weigh or resample the training rows toward the target, retrain, or look for a broken column"
            return Outcome(False, observed, f"drift: {', '.join([*said, *missed])}: {remedy}{notes}")
        said[-1] += notes
        if untested := _untested(rows):
            return Outcome(False, observed | {"untested": len(untested)}, f"{', '.join(said)}; {_remedies(untested)}")
        return Outcome(True, observed, f"{', '.join(said)}: no more drift than allowed")

    def _judged(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Gives the rows of the report that count; DataError for a feature it does not have."""
        if self.feature is not None:
            return _rows_of_feature(frame, self.feature)
        if not self.left_out:
            return frame
        for feature in self.left_out:
            _rows_of_feature(frame, feature)
        rows = frame[~frame["feature"].isin([*self.left_out, OVERALL])]
        if rows.empty:
            raise DataError(f"except leaves none of the report's {plural(len(frame) - 1, 'feature')} to judge")
        return rows


def _remedies(untested: dict[str, str]) -> str:
    columns = plural(len(untested), "column")
    reasons = "; ".join(f"{name!r} ({reason})" for name, reason in list(untested.items())[:SHOWN])
    more = f" and {len(untested) - SHOWN} more" if len(untested) > SHOWN else ""
    return (
        f"{columns} not tested: {reasons}{more}. Give such a column values that can be tested, or name it in `except`"
    )


class ExpectOverallResult(Own):
    """The report of a shift test has an overall row with a finite statistic and a p-value in [0, 1]."""

    stages = ("test",)

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        column(frame, "feature")
        row = _rows_of_feature(frame, OVERALL)
        statistic, p, untested = float(numbers(row, "statistic")[0]), _p_value(row), _untested(frame)
        observed = {
            "statistic": statistic,
            "p_value": p,
            "rejected": row["rejected"].iloc[0],
            "untested": len(untested),
        }
        said = f"overall statistic {statistic:.4g}, p-value {p:.3g}"
        said += f"; not tested: {listed(untested)}" if untested else ""
        said += _notes(frame)
        passed = bool(np.isfinite(statistic) and 0 <= p <= 1)
        return Outcome(passed, observed, said if passed else f"{said}: the test came to no result; look at its columns")


def _measure(rows: pd.DataFrame, row: int) -> str:
    """Gives what an effect size measures, without the notes of the test, which are said once."""
    return str(rows["effect"].iloc[row]).partition("; ")[0]


def _columns_over(rows: pd.DataFrame, over: np.ndarray) -> str:
    """Says how many of the columns that were measured are over a bound; nothing where none is by itself."""
    columns = (rows["feature"] != OVERALL).to_numpy() & np.isfinite(numbers(rows, "effect_size"))
    return f"{int((over & columns).sum())} of {plural(int(columns.sum()), 'column')} " if (over & columns).any() else ""


def _notes(frame: pd.DataFrame) -> str:
    """Gives what a test says of itself: what decides, how rows were dealt out, whether they look dependent."""
    overall = frame.loc[frame["feature"] == OVERALL, "effect"].astype(str)
    notes = overall.iloc[0].partition("; ")[2] if len(overall) else ""
    return f"; {notes}" if notes else ""


def _untested(rows: pd.DataFrame) -> dict[str, str]:
    """Gives the features that a test could not say anything of, with the reason; not those left to another test."""
    reasons = rows["effect"].astype(str)
    without = np.isnan(numbers(rows, "p_value")) & ~reasons.str.startswith(LEFT_TO) & (rows["feature"] != OVERALL)
    return {
        str(feature): reason.removeprefix(f"{NOT_TESTED}: ")
        for feature, reason in zip(rows["feature"][without], reasons[without], strict=True)
    }


def _rows_of_feature(frame: pd.DataFrame, feature: str) -> pd.DataFrame:
    rows = frame[frame["feature"] == feature]
    if rows.empty:
        names = [str(f) for f in frame["feature"]]
        raise DataError(f"the report has no feature {feature!r}{nearest(feature, names)} (it has {listed(names)})")
    return rows


def _p_value(rows: pd.DataFrame) -> float:
    """Gives the least p-value of the rows, adjusted where it was."""
    adjusted, single = numbers(rows, "adjusted_p_value"), numbers(rows, "p_value")
    known = np.where(np.isfinite(adjusted), adjusted, single)
    return float(np.nanmin(known)) if np.isfinite(known).any() else float("nan")


ROUNDING = 1e-12
"""How far beyond its bound, as a share of it, a metric may lie for the rounding of its sums."""


class OtherModel(BaseModel):
    """A bound that is another model's value of the same metric."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
    model: str


class ExpectMetric(Own):
    """A metric is ``at_least`` or ``at_most`` a number, or another model's value: ``{model: baseline}``.

    ``margin`` is how far beyond the bound the value may still lie (a non-inferiority margin, in the metric's own
    units). Rows of ``slice`` are judged, all rows by default. A report of one model needs no ``model``. Where some rows
    have no label yet, at least the share ``least_labelled`` of them must have one; behind predictions it is needed.
    """

    stages = ("assessor", "metrics")
    name: str
    model: str | None = None
    slice: str = OVERALL
    at_least: float | OtherModel | None = None
    at_most: float | OtherModel | None = None
    margin: NonNegative = 0.0
    least_labelled: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ExpectMetric:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        for name, bound in (("at_least", self.at_least), ("at_most", self.at_most)):
            if isinstance(bound, float) and np.isinf(bound):
                raise ValueError(f"{name} must be a finite number, got {bound}")
        return self

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        labelled = labelled_of(frame)
        weighed = context.stage == "metrics" and self.slice == OVERALL
        closed = labelled.lacking(self.least_labelled or 0.0, weighed=weighed) if labelled is not None else None
        if closed is not None:
            return closed
        value = self._value(frame, self.model)
        observed, missed, bounds = {"value": value, **(labelled.observed if labelled else {})}, [], []
        for words, sign, bound in (("at least", 1, self.at_least), ("at most", -1, self.at_most)):
            if bound is None:
                continue
            number = self._value(frame, bound.model) if isinstance(bound, OtherModel) else bound
            if np.isnan(number):
                raise DataError(f"the bound, {words} {number}, is not a number; give one")
            of = f" of {bound.model}" if isinstance(bound, OtherModel) else ""
            observed[words.replace(" ", "_")] = number
            bounds.append(f"{words} {number:.4g}{of}")
            if not sign * (value - number) >= -self.margin - ROUNDING * max(abs(value), abs(number)):
                missed.append(bounds[-1])
        where = "" if self.slice == OVERALL else f" for {self.slice}"
        where += labelled.beside(frame, self.name if weighed else "") if labelled else ""
        said = f"{self.name}{f' of {self.model}' if self.model else ''} is {value:.4g}{where}"
        margin = f" (margin {self.margin:g})" if self.margin else ""
        if not missed:
            return Outcome(True, observed, f"{said}, {in_words(bounds)} expected{margin}")
        remedy = "do not ship this model as it is: look at its slices, or correct the shift another way"
        return Outcome(False, observed, f"{said}, {in_words(missed)} expected{margin}: {remedy}")

    def _value(self, frame: pd.DataFrame, model: str | None) -> float:
        """Gives the one value of the report that is asked for; DataError names what there is."""
        versus = column(frame, "versus")
        rows = frame[versus.isna() | (versus == "")]
        for name, wanted in (("metric", self.name), ("slice", self.slice), ("model", model)):
            there = [str(v) for v in column(rows, name).unique()]
            if wanted is not None:
                rows = rows[rows[name] == wanted]
                if rows.empty:
                    raise DataError(
                        f"the report has no {name} {wanted!r}{nearest(wanted, there)} (it has {listed(there)})"
                    )
        if len(rows) > 1:
            raise DataError(
                f"the report has {self.name!r} for {len(rows)} models ({listed(rows['model'])}); say which (model: ...)"
            )
        return float(rows["value"].iloc[0])


class ExpectFlaggedShare(Own):
    """At most ``max`` of the rows are flagged by the scorer."""

    stages = ("scorer",)
    max: Annotated[float, Field(ge=0, le=1)]

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        return self.said(*_flagged(frame))

    def said(self, n: int, missing: int, count: int) -> Outcome:
        """Gives the outcome of n rows, so many of them without a flag and so many flagged."""
        remedy = "look at the highest scores; the scorer's threshold may be too low"
        return _flagged_outcome(n, missing, count, self.max, "flagged", remedy)


class ExpectLabelNoiseShare(Own):
    """At most ``max`` of the labels look wrong to the scorer of label quality."""

    stages = ("scorer",)
    max: Annotated[float, Field(ge=0, le=1)]

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        return self.said(*_flagged(frame))

    def said(self, n: int, missing: int, count: int) -> Outcome:
        """Gives the outcome of n rows, so many of them without a flag and so many flagged."""
        remedy = "have the flagged rows relabelled, or leave them out"
        return _flagged_outcome(n, missing, count, self.max, "likely mislabelled", remedy)


def _flagged(frame: pd.DataFrame) -> tuple[int, int, int]:
    flags = column(frame, "flagged")
    there = flags.dropna()
    return len(flags), len(flags) - len(there), int(there.astype(bool).sum())


def _flagged_outcome(n: int, missing: int, count: int, limit: float, what: str, remedy: str) -> Outcome:
    if missing or not n:
        raise DataError(f"{missing} of {n} rows have no flag; run the scorer again")
    observed = {"flagged_share": count / n, "flagged": count, "rows": n}
    said = f"{count} of {n} rows ({percent(count, n)}) are {what}, at most {limit:g} of them allowed"
    return Outcome(count / n <= limit, observed, said if count / n <= limit else f"{said}: {remedy}")
