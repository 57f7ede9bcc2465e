"""Metrics of predicted values against observed ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ballast.methods.common.design import judged_by
from ballast.methods.common.tasks import as_numbers
from ballast.methods.evaluation.bootstrap import by_unit, of_ratios, ratio, slices
from ballast.methods.evaluation.labelled import labelled
from ballast.methods.evaluation.shares import Interval
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import OVERALL, Assessment, AssessmentRows, Direction, Picture

BETTER: dict[str, Direction] = {"root_mean_squared_error": "lower", "mean_absolute_error": "lower", "r2": "higher"}
PICTURES = (Picture("intervals", ("root_mean_squared_error", "mean_absolute_error", "bias")),)
"""R2 is left out: it is on another scale."""


class RegressionMetrics(Assessor):
    """Root mean squared error, mean absolute error, R2 and bias with bootstrap intervals.

    Use it on rows that the model was not fitted on; ``sample_weight`` estimates the metrics on the target from
    weighted source rows, ``groups`` shows each subgroup. To compare models use ``compare_models``: its intervals are
    paired.

    Parameters
    ----------
    n_bootstrap : int >= 1, default 200
        Replicates of the studentised bootstrap.
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    random_state : int or None, default None
        Seed of the resampling.

    Raises
    ------
    DataError
        Values that are not numbers.

    Notes
    -----
    ``assess(y, prediction, sample_weight=None, groups=None, observed=None, dependence=None, design_weight=None)``: both
    (n,), in the units of ``y``. All are weighted by ``sample_weight`` or, where there is none, by ``design_weight``
    (n,), how many of the population each row stands for. Bias is the mean of prediction minus truth. R2 has no row
    where ``y`` does not vary. Of rows that have their label alone (``observed``, (n,)), ``labelled_share`` says how
    many they are. With ``dependence`` (n,), the unit that each row is of, units are resampled whole. Where every row
    has one error, as in one row alone, nothing tells how far off a metric may be, and it has no interval.

    Cost: O(n_bootstrap n) time, 64 MiB for the counts.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> prediction = rng.normal(20, 5, 500)
    >>> y = rng.normal(prediction - 2, 3)  # predicted too high by 2
    >>> assessor = ballast.method("regression_metrics", random_state=0)
    >>> found = assessor.assess(y, prediction).summary
    >>> {name: round(found[name]) for name in ("bias", "mean_absolute_error")}
    {'bias': 2, 'mean_absolute_error': 3}
    """

    name = "regression_metrics"
    reference = "Efron & Tibshirani, An Introduction to the Bootstrap, 1993"
    labels_are = "numbers"
    claim = Claim(
        "A 95 % bootstrap interval holds the metric of the population in about 95 % of samples.",
        "by definition",
        "400 weighted samples of 300 rows: {r2:.1%} (R2) to {bias:.1%} (bias)",
    )

    def __init__(self, n_bootstrap: Count = 200, confidence: Level = 0.95, random_state: Seed = None) -> None:
        self.n_bootstrap = n_bootstrap
        self.confidence = confidence
        self.random_state = random_state

    def assess(
        self,
        y: np.ndarray,
        prediction: np.ndarray,
        sample_weight: np.ndarray | None = None,
        groups: np.ndarray | None = None,
        observed: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
    ) -> Assessment:
        """Gives each metric overall and, with ``groups``, per group, with its interval and number of rows."""
        y, prediction = as_numbers(y, self.name, "y"), as_numbers(prediction, self.name, "prediction")
        weight = judged_by(len(y), sample_weight, design_weight)
        rng = np.random.default_rng(self.random_state)
        rows = AssessmentRows()
        kept = labelled(rows, observed, {}, weight, self.name)
        y, prediction, weight = y[kept], prediction[kept], weight[kept]
        groups, dependence = (None if given is None else given[kept] for given in (groups, dependence))
        for name, part in [(OVERALL, np.arange(len(y))), *slices(groups)]:
            own = y[part], prediction[part], weight[part], None if dependence is None else dependence[part]
            for metric, value, (low, high) in self._metrics(*own, rng):
                if np.isfinite(value):
                    rows.add(metric, value, n=len(part), low=low, high=high, slice=name)
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _metrics(
        self,
        y: np.ndarray,
        prediction: np.ndarray,
        weight: np.ndarray,
        units: np.ndarray | None,
        rng: np.random.Generator,
    ) -> Iterator[tuple[str, float, Interval]]:
        """Gives each metric with its interval, as functions of ratios: of means, and of what R2 leaves."""
        error = prediction - y
        centred = (y - ratio(weight @ y, weight.sum())) ** 2
        centred = np.where(centred.sum() > 1e-24 * (y**2).sum(), centred, 0.0)
        top = weight * np.stack([error**2, np.abs(error), error**2, error])
        bottom = weight * np.stack([np.ones(len(y)), np.ones(len(y)), centred, np.ones(len(y))])
        value = ratio(top.sum(axis=1), bottom.sum(axis=1))
        ends = of_ratios(by_unit(top, units), by_unit(bottom, units), self.n_bootstrap, self.confidence, rng)
        yield "root_mean_squared_error", float(np.sqrt(value[0])), (np.sqrt(ends[0, 0]), np.sqrt(ends[0, 1]))
        yield "mean_absolute_error", value[1], (ends[1, 0], ends[1, 1])
        yield "r2", 1 - value[2], (1 - ends[2, 1], 1 - ends[2, 0])
        yield "bias", value[3], (ends[3, 0], ends[3, 1])
