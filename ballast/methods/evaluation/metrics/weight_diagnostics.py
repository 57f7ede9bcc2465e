"""What weights cost, and what they repair."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from ballast.compute.balance import standardized_mean_differences
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.reports import Assessment, AssessmentRows, Direction, Picture

BETTER: dict[str, Direction] = {
    "effective_sample_size": "higher",
    "effective_share": "higher",
    "maximum_share": "lower",
    "pareto_tail_index": "lower",
    "standardized_mean_difference_after": "lower",
    "maximum_standardized_mean_difference_after": "lower",
    "mean_standardized_mean_difference_after": "lower",
    "normalised_mean_squared_error": "lower",
    "rank_correlation": "higher",
}
PICTURES = (
    Picture(
        "love_plot",
        ("standardized_mean_difference_before", "standardized_mean_difference_after"),
        labels=("standardized mean difference",) * 2,
        limit=0.1,
    ),
    Picture(
        "weights",
        ("effective_share", "maximum_standardized_mean_difference_after", "normalised_mean_squared_error"),
        labels=("effective share", "worst imbalance", "error of weights"),
    ),
)


class WeightDiagnostics(Assessor):
    """Effective sample size, tail and balance of weight tables, and their distance from the true weights.

    Use it after every weigher: weights that balance the features at an effective sample size of ten rows repair
    nothing. It does not say whether a model gains by the weights: ``compare_models`` does, on labelled rows of the
    target.

    Raises
    ------
    DataError
        ``feature_names`` of another number than columns.

    Notes
    -----
    ``assess(sample_weights, X, X_target, true_weight=None, feature_names=None, design_weight=None,
    design_weight_target=None)``: weight tables by name, each (n,); features (n, d) and (m, d); ``true_weight`` (n,)
    where it is known; ``feature_names`` one a column (default: a DataFrame's columns, else x0, x1, ...); design weights
    (n,) and (m,), how many of the population each row stands for: the source before weighting, and the target, are
    taken with theirs, the source after weighting with the weight table alone. The column ``model`` names the weight
    table. Metrics:

    - ``effective_sample_size`` (sum w)^2 / sum w^2, ``effective_share`` of the n rows, ``maximum_share`` of the total
      weight that the heaviest row carries;
    - ``pareto_tail_index``: shape k of the generalised Pareto distribution fitted to the min(n/5, 3 sqrt n) largest
      weights; above 0.7 averages under the weights are unreliable, below 0.5 they have finite variance; 0 where the
      largest weights are all equal, no row where fewer than five weights are in the tail;
    - ``standardized_mean_difference_before`` and ``_after`` by feature (in ``slice``): absolute difference between the
      source's (weighted) mean and the target's, in units of sqrt((s^2 + s_target^2) / 2) of the samples before;
      above 0.1 counts as imbalance; ``maximum_`` and ``mean_`` of them over all features;
    - with ``true_weight``: ``normalised_mean_squared_error`` of the mean-1 weights, as a share of that of uniform
      weights (below 1 is better than none), and Spearman's ``rank_correlation``; neither has a row where the true
      weights, or for the latter the estimated, are all equal.

    Cost: O(n d k + n log n) time for k weight tables, in blocks of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0.0, 1, (400, 2)), rng.normal(0.8, 1, (300, 2))
    >>> weights = ballast.method("entropy_balancing").fit(X, X_target).weights_
    >>> assessor = ballast.method("weight_diagnostics")
    >>> found = assessor.assess(weights, X=X, X_target=X_target).summary
    >>> round(found["maximum_standardized_mean_difference_before"], 1)
    0.9
    >>> round(found["maximum_standardized_mean_difference_after"], 1)
    0.0
    >>> bool(found["effective_share"] < 0.5)  # the price
    True
    """

    name = "weight_diagnostics"
    reference = "Vehtari et al., Pareto Smoothed Importance Sampling, JMLR 2024; Austin, Statistics in Medicine 2009"
    claim = Claim(
        "The Pareto tail index recovers the shape of a heavy tail; exact density ratios remove the mean differences.",
        "by definition",
        "exact weights of normals 0.5 apart in 4 dimensions, n = 4000: mean difference {before:.2f} before, "
        "{after:.2f} after, effective share {effective_share:.2f} (analytic {analytic_share:.2f}); Pareto weights of "
        "shape 0.3 / 0.9, n = 2000: index {index_of_light:.2f} / {index_of_heavy:.2f}",
    )

    def assess(
        self,
        sample_weights: dict[str, np.ndarray],
        X: np.ndarray,
        X_target: np.ndarray,
        true_weight: np.ndarray | None = None,
        feature_names: list[str] | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> Assessment:
        """Gives all diagnostics of each weight table; there are no intervals."""
        names = self._names(feature_names, X.shape[1])
        tables = {
            name: weight.astype(np.float64) / weight.mean(dtype=np.float64) for name, weight in sample_weights.items()
        }
        differences = standardized_mean_differences(
            X, X_target, np.stack(list(tables.values())), design_weight, design_weight_target
        )
        rows = AssessmentRows()
        for (table, weight), after in zip(tables.items(), differences[1:], strict=True):
            _add_concentration(rows, table, weight)
            _add_balance(rows, table, "before", differences[0], names, len(X))
            _add_balance(rows, table, "after", after, names, len(X))
            if true_weight is not None:
                _add_distance(rows, table, weight, true_weight.astype(np.float64))
        return rows.finish(better=BETTER, pictures=PICTURES)

    def _names(self, feature_names: list[str] | None, d: int) -> list[str]:
        if feature_names is None:
            return [str(name) for name in getattr(self, "feature_names_in_", [f"x{j}" for j in range(d)])]
        if len(feature_names) != d:
            raise DataError(f"{self.name}: feature_names has {len(feature_names)} names but X has {d} columns")
        return [str(name) for name in feature_names]


def pareto_tail_index(weights: np.ndarray) -> float:
    """Gives the shape of the generalised Pareto distribution fitted to the largest weights; NaN for a tail below five.

    The estimate of Zhang & Stephens (2009), drawn towards 0.5 by the weight of ten rows as in Vehtari et al. (2024).
    """
    n = len(weights)
    size = int(np.ceil(min(n / 5, 3 * np.sqrt(n))))
    if size < 5:
        return float("nan")
    largest = np.sort(np.partition(weights, n - size - 1)[n - size - 1 :])
    exceedance = largest[1:] - largest[0]
    if not exceedance[-1] > 1e-12 * largest[-1]:
        return 0.0
    exceedance = np.maximum(exceedance, 1e-12 * exceedance[-1])
    return float((size * _pareto_shape(exceedance) + 5) / (size + 10))


def _pareto_shape(x: np.ndarray) -> float:
    """Gives the posterior mean shape for sorted exceedances x > 0, by quadrature over the profile likelihood."""
    n = len(x)
    grid = 30 + int(np.sqrt(n))
    quartile = x[max(int(n / 4 + 0.5) - 1, 0)]
    theta = 1 / x[-1] + (1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))) / (3 * quartile)
    shape = np.log1p(-theta[:, None] * x).mean(axis=1)
    likelihood = n * (np.log(-theta / shape) - shape - 1)
    posterior = np.exp(likelihood - likelihood.max())
    best = (theta * posterior).sum() / posterior.sum()
    return float(np.log1p(-best * x).mean())


def _add_concentration(rows: AssessmentRows, table: str, weight: np.ndarray) -> None:
    n = len(weight)
    size = effective_sample_size(weight)
    rows.add("effective_sample_size", size, n=n, model=table)
    rows.add("effective_share", size / n, n=n, model=table)
    rows.add("maximum_share", weight.max() / weight.sum(), n=n, model=table)
    tail = pareto_tail_index(weight)
    if np.isfinite(tail):
        rows.add("pareto_tail_index", tail, n=n, model=table)


def _add_balance(
    rows: AssessmentRows, table: str, when: str, differences: np.ndarray, names: list[str], n: int
) -> None:
    metric = f"standardized_mean_difference_{when}"
    rows.add(f"maximum_{metric}", differences.max(), n=n, model=table)
    rows.add(f"mean_{metric}", differences.mean(), n=n, model=table)
    for name, value in zip(names, differences, strict=True):
        rows.add(metric, value, n=n, model=table, slice=name)


def _add_distance(rows: AssessmentRows, table: str, weight: np.ndarray, true_weight: np.ndarray) -> None:
    n, truth = len(weight), true_weight / true_weight.mean()
    of_uniform = ((truth - 1) ** 2).mean()
    if not of_uniform > 1e-24:
        return
    rows.add("normalised_mean_squared_error", ((weight - truth) ** 2).mean() / of_uniform, n=n, model=table)
    if np.ptp(weight) > 1e-12:
        rows.add("rank_correlation", np.corrcoef(rankdata(weight), rankdata(truth))[0, 1], n=n, model=table)
