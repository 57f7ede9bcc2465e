"""Expectations on a table of weights (sample_id, weight)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import model_validator

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError
from ballast.gates.own.form import Outcome, Own, column, numbers
from ballast.methods.frame.parameters import NonNegative, Positive, Share
from ballast.words import in_words, listed, percent

if TYPE_CHECKING:
    import pandas as pd

    from ballast.gates.context import Features, GateContext

ROUNDING = 1e-12
"""How far below its bound a share may lie for the rounding of its sums."""

STEADIER = (
    "bound them (params: {max_weight: 10}, where the method has it), choose a relative ratio (relative_least_squares), "
    "or collect training rows like the target's"
)


def _weights(frame: pd.DataFrame) -> np.ndarray:
    weights = numbers(frame, "weight")
    check_finite(int((~np.isfinite(weights)).sum()), len(weights))
    return weights


def _carrying(frame: pd.DataFrame) -> np.ndarray:
    """Gives weights that something can be said about: none below zero, and not all zero."""
    weights = _weights(frame)
    check_carrying(int((weights < 0).sum()), bool(weights.any()), len(weights))
    return weights


def check_finite(bad: int, n: int) -> None:
    """Raises DataError where some of n weights are not finite."""
    if bad:
        raise DataError(f"{bad} of {n} weights are NaN, null or infinite; run the weigher again")


def check_carrying(negative: int, some: bool, n: int) -> None:
    """Raises DataError where some of n weights are below zero, or none is above."""
    if negative:
        raise DataError(f"{negative} of {n} weights are below zero; run the weigher again")
    if not some:
        raise DataError(f"all {n} weights are zero, so no row counts; run the weigher again")


class ExpectEffectiveSampleSize(Own):
    """The weights' effective sample size is at least ``min_size`` rows, or ``min_share`` of all rows."""

    stages = ("weigher",)
    min_share: Share | None = None
    min_size: Positive | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ExpectEffectiveSampleSize:
        if self.min_share is None and self.min_size is None:
            raise ValueError("give min_share, min_size or both")
        return self

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        weights = _carrying(frame)
        return self.said(effective_sample_size(weights), len(weights))

    def said(self, size: float, n: int) -> Outcome:
        """Gives the outcome of n weights of an effective size."""
        observed = {"effective_sample_size": size, "effective_sample_share": size / n, "rows": n}
        said = f"effective sample size {size:.1f} of {n} rows ({percent(size, n)})"
        bounds = [("share", self.min_share, size / n), ("size", self.min_size, size)]
        given = [(what, bound, value) for what, bound, value in bounds if bound is not None]
        missed = [f"the minimum {what} {bound:g}" for what, bound, value in given if value < bound * (1 - ROUNDING)]
        if missed:
            said += f" is below {in_words(missed)}: the weights rest on few rows; {STEADIER}"
            return Outcome(False, observed, said)
        return Outcome(True, observed, f"{said}, minimum " + in_words(f"{what} {b:g}" for what, b, _ in given))


class ExpectWeightRange(Own):
    """Every weight lies in [``min``, ``max``]."""

    stages = ("weigher",)
    min: NonNegative | None = None
    max: Positive | None = None

    @model_validator(mode="after")
    def _bounded(self) -> ExpectWeightRange:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        weights = _weights(frame)
        return self.said(len(weights), self.outside(weights), float(weights.min()), float(weights.max()))

    @property
    def _bounds(self) -> tuple[float, float]:
        return -np.inf if self.min is None else self.min, np.inf if self.max is None else self.max

    def outside(self, weights: np.ndarray) -> int:
        """Gives how many weights (n,) lie outside."""
        low, high = self._bounds
        return int(((weights < low) | (weights > high)).sum())

    def said(self, n: int, outside: int, least: float, most: float) -> Outcome:
        """Gives the outcome of n weights from the least to the most, so many of them outside."""
        low, high = self._bounds
        observed = {"minimum_weight": least, "maximum_weight": most, "outside": outside, "rows": n}
        said = f"weights from {least:.4g} to {most:.4g}"
        if not outside:
            return Outcome(True, observed, f"{said}, all {n} within [{low:g}, {high:g}]")
        said += f": {outside} of {n} outside [{low:g}, {high:g}]"
        return Outcome(False, observed, f"{said}; {STEADIER}" if most > high else f"{said}; weights are >= 0")


class ExpectMeanWeight(Own):
    """The weights' mean is ``mean``, within ``tolerance``: sums and learning rates keep their scale."""

    stages = ("weigher",)
    mean: Positive = 1.0
    tolerance: Positive = 1e-3

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        weights = _weights(frame)
        return self.said(float(weights.mean()), len(weights))

    def said(self, mean: float, n: int) -> Outcome:
        """Gives the outcome of n weights of a mean."""
        passed = abs(mean - self.mean) <= self.tolerance
        said = f"mean weight {mean:.6g} over {n} rows, {self.mean:g} expected (within {self.tolerance:g})"
        remedy = "" if passed else ": divide the weights by their mean"
        return Outcome(passed, {"mean_weight": mean, "rows": n}, said + remedy)


class ExpectBalance(Own):
    """After weighting, training and target features have nearly the same means.

    At least ``min_share_of_features`` of the features have an absolute standardized mean difference of at most
    ``max_standardized_difference`` (0.1 is customary: Austin, Statistics in Medicine, 2009), measured as
    ``weight_diagnostics`` does. Cost O((n + m) d).
    """

    stages = ("weigher",)
    max_standardized_difference: Positive = 0.1
    min_share_of_features: Share = 1.0

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        return self.said(*_differences(frame, context))

    def said(self, before: np.ndarray, after: np.ndarray, names: list[str]) -> Outcome:
        """Gives the outcome of the (d,) differences of features before and after weighting."""
        limit, d = self.max_standardized_difference, len(after)
        over = np.flatnonzero(after > limit)
        worst = over[np.argsort(-after[over], kind="stable")]
        observed = {"features": d, "features_over": len(over), **_observed(before, after, names)}
        passed = (d - len(over)) / d >= self.min_share_of_features
        said = (
            f"{d - len(over)} of {d} features within {limit:g} standardized mean difference after weighting; the "
            f"largest is {after.max():.3g} ({observed['worst_feature']}), {before.max():.3g} before weighting"
        )
        if passed:
            return Outcome(True, observed, said)
        listing = listed(f"{names[j]} {after[j]:.3g}" for j in worst)
        remedy = "the weighted training rows still differ from the target; try another weigher or add its features"
        return Outcome(False, observed, f"{said}; over the limit: {listing}: {remedy}")


class ExpectImprovedBalance(Own):
    """Weighting lowers the largest standardized mean difference between training and target features, or needs not.

    It needs not where that is at most ``negligible`` afterwards. Measured as by ``expect_balance``. Stands by itself
    behind weighers of the training features to the target's. Cost O((n + m) d).
    """

    stages = ("weigher",)
    negligible: NonNegative = 0.1

    def judge(self, frame: pd.DataFrame, context: GateContext) -> Outcome:
        return self.said(*_differences(frame, context))

    def said(self, before: np.ndarray, after: np.ndarray, names: list[str]) -> Outcome:
        """Gives the outcome of the (d,) differences of features before and after weighting."""
        worst, largest = int(after.argmax()), float(after.max())
        said = (
            f"the largest standardized mean difference is {largest:.3g} ({names[worst]}) after weighting, "
            f"{before.max():.3g} ({names[int(before.argmax())]}) before"
        )
        passed = bool(largest < before.max() or largest <= self.negligible)
        remedy = (
            ""
            if passed
            else (
                ": the weights do not bring the training rows nearer to the target; try entropy_balancing or "
                "density_ratio_classifier, or fewer features"
            )
        )
        return Outcome(passed, {"features": len(after), **_observed(before, after, names)}, said + remedy)


def _differences(frame: pd.DataFrame, context: GateContext) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Gives the (d,) standardized mean differences before and after weighting, and the features' names."""
    from ballast.compute.balance import standardized_mean_differences

    weights = _carrying(frame)
    train, target = context.features("train"), context.features("target")
    if train is None or target is None:
        raise DataError("the features of train and target are not both stored; run the features step first")
    ids = column(frame, "sample_id").to_numpy()
    matrix, design = (_rows_of(train, ids, values) for values in (train.matrix, train.design_weight))
    for role, rows in (("train", matrix), ("target", target.matrix)):
        check_features(role, len(rows), (~np.isfinite(rows)).sum(axis=0), train.names)
    weighting = weights[None] / weights.max()
    before, after = standardized_mean_differences(
        *_in_range(matrix, target.matrix), weighting, design, target.design_weight
    )
    return before, after, train.names


def _observed(before: np.ndarray, after: np.ndarray, names: list[str]) -> dict[str, Any]:
    return {
        "max_standardized_difference": after.max(),
        "max_standardized_difference_before": before.max(),
        "mean_standardized_difference": after.mean(),
        "mean_standardized_difference_before": before.mean(),
        "worst_feature": names[int(after.argmax())],
    }


def _rows_of(features: Features, ids: np.ndarray, values: Any) -> Any:
    """Gives the values (n, ...) of the rows of these ids, in their order; None of None."""
    import pandas as pd

    if values is None or (len(ids) == len(features.ids) and np.array_equal(ids, features.ids)):
        return values
    places = pd.Index(features.ids).get_indexer(pd.Index(ids))
    unknown = ids[places < 0]
    if len(unknown):
        raise DataError(
            f"{len(unknown)} of {len(ids)} weighted rows (such as {listed(unknown)}) have no features; run the "
            "features step and this one again"
        )
    return values[places]


def check_features(role: str, n: int, bad: np.ndarray, names: list[str]) -> None:
    """Raises DataError for n rows of features that have no mean, with the (d,) counts of those NaN or infinite."""
    if not n or not len(bad):
        raise DataError(f"the features of {role} have {n} rows and {len(bad)} columns; run {role} again")
    if bad.any():
        where = listed(f"{count} in {name}" for name, count in zip(names, bad, strict=True) if count)
        raise DataError(
            f"the features of {role} hold NaN or infinite values ({where}) in {n} rows and have no mean; run "
            "the features step again, or impute them there"
        )


def _in_range(matrix: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives both with each column divided by its largest value, where squares would overflow or vanish otherwise."""
    largest = np.maximum(np.abs(matrix).max(axis=0), np.abs(target).max(axis=0)).astype(np.float64)
    if not ((largest > 1e100) | ((largest < 1e-100) & (largest > 0))).any():
        return matrix, target
    largest[largest == 0] = 1
    return matrix / largest, target / largest
