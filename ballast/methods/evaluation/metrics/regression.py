"""Metrics of predicted values against observed ones."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ballast.methods.common.tasks import as_numbers
from ballast.methods.evaluation.bootstrap import add_metrics, ratio, slices
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Count, Level, Seed
from ballast.methods.frame.reports import Assessment, AssessmentRows, Direction, Picture

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
    n_bootstrap : replicates of the percentile bootstrap, at least 2 for an interval (200).
    confidence : level of the intervals (0.95).
    random_state : seed of the resampling.

    Notes
    -----
    ``assess(y, prediction, sample_weight=None, groups=None)``: both (n,), in the units of ``y``. Bias is the mean of
    prediction minus truth. R2 has no row where ``y`` does not vary.

    Cost: O(n_bootstrap n) time, 64 MiB for the counts.

    Raises
    ------
    DataError : values that are not numbers.

    Examples
    --------
    >>> from ballast.methods.evaluation import RegressionMetrics
    >>> assessor = RegressionMetrics(n_bootstrap=20, random_state=0)
    >>> report = assessor.assess(y=[1.0, 2.0, 3.0], prediction=[1.0, 2.0, 4.0])
    >>> round(report.summary["bias"], 2)
    0.33
    """

    name = "regression_metrics"
    reference = "Efron & Tibshirani, An Introduction to the Bootstrap, 1993"
    labels_are = "numbers"
    claim = Claim(
        "A 95 % bootstrap interval holds the metric of the population in about 95 % of samples.",
        "by definition",
        "400 weighted samples of 300 rows: {r2:.1%} (R2) to {mean_absolute_error:.1%} (mean absolute error)",
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
    ) -> Assessment:
        """Gives each metric overall and, with ``groups``, per group, with its interval and number of rows."""
        y, prediction = as_numbers(y, self.name, "y"), as_numbers(prediction, self.name, "prediction")
        weight = np.ones(len(y)) if sample_weight is None else sample_weight.astype(np.float64)
        rng = np.random.default_rng(self.random_state)
        rows = AssessmentRows()
        options = {"n_bootstrap": self.n_bootstrap, "confidence": self.confidence, "rng": rng}
        add_metrics(rows, _terms(y, prediction, weight), _metrics, len(y), **options)
        for name, part in slices(groups):
            add_metrics(
                rows, _terms(y[part], prediction[part], weight[part]), _metrics, len(part), **options, slice=name
            )
        return rows.finish(better=BETTER, pictures=PICTURES)


def _terms(y: np.ndarray, prediction: np.ndarray, weight: np.ndarray) -> sparse.csr_array:
    error = prediction - y
    centred = y - y.mean()  # so that the variance of y is not a difference of large numbers
    return sparse.csr_array(weight * np.stack([np.ones_like(y), error, np.abs(error), error**2, centred, centred**2]))


def _metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    total, error, absolute, squared, first, second = np.moveaxis(sums, -1, 0)
    variance = second - ratio(first**2, total)
    variance = np.where(variance > 1e-12 * second, variance, 0.0)
    return {
        "root_mean_squared_error": np.sqrt(ratio(squared, total)),
        "mean_absolute_error": ratio(absolute, total),
        "r2": 1 - ratio(squared, variance),
        "bias": ratio(error, total),
    }
