"""What can be done to weights once they are there: each takes tables of weights and gives one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.optimize import root_scalar

from ballast.compute import nearest_neighbors
from ballast.errors import DataError, OverlapError, ParameterError
from ballast.methods.base import Claim, Weigher, effective_sample_size
from ballast.methods.parameters import Count, Device, Level, NonNegative, Positive, Share

_BY_FORMULA = "It is the formula; the tests hold it."


def _mean_one(sample_weight: np.ndarray, owner: str) -> np.ndarray:
    total = sample_weight.mean(dtype=np.float64)
    if not total > 0:
        raise DataError(
            f"{owner}: all {len(sample_weight)} weights are 0; nothing can be made of them, so look at their step"
        )
    return sample_weight.astype(np.float64) / total


class ClipWeights(Weigher):
    """Clips weights, taken to mean 1, to the range from ``lower`` to ``upper``.

    Use it where a few rows would carry the result: the largest weights are the least certain ones. The rows clipped
    count for less than they should, so the result is biased towards the unweighted one. Not where a share of rows is
    the natural bound: see ``truncate_weights``.

    Parameters
    ----------
    upper : largest weight, in multiples of the mean before clipping.
    lower : smallest weight, likewise.

    Attributes
    ----------
    weights_ : (n,), mean 1. share_clipped_ : share of the rows whose weight was changed.

    Notes
    -----
    Cost: O(n).

    Raises
    ------
    ParameterError : ``lower`` above ``upper``.
    """

    name = "clip_weights"
    reference = "Ionides, Truncated Importance Sampling, Journal of Computational and Graphical Statistics 2008"
    claim = Claim("Clipping bounds the share of a single row.", "by definition", _BY_FORMULA)

    def __init__(self, upper: Positive = 10.0, lower: NonNegative = 0.0) -> None:
        self.upper = upper
        self.lower = lower

    def fit(self, sample_weight: np.ndarray) -> ClipWeights:
        """Clips the weights (n,)."""
        if self.lower > self.upper:
            raise ParameterError(f"{self.name}: lower ({self.lower:g}) is above upper ({self.upper:g}); swap them")
        weights = _mean_one(sample_weight, self.name)
        clipped = weights.clip(self.lower, self.upper)
        self.share_clipped_ = float(np.mean(clipped != weights))
        self.weights_ = clipped.astype(sample_weight.dtype)
        return self


class TruncateWeights(Weigher):
    """Clips weights to two of their own quantiles.

    Use it as analysts of propensity weights do, to bound the largest weights by what the data show rather than by a
    number. Not for weights of which more than the truncated share is extreme: those stay.

    Parameters
    ----------
    upper : quantile that no weight exceeds; 1 truncates none.
    lower : quantile below which no weight lies.

    Attributes
    ----------
    weights_ : (n,), mean 1. bounds_ : (2,) the quantiles' values, for mean-1 weights before truncation.

    Notes
    -----
    Cost: O(n).

    Raises
    ------
    ParameterError : ``lower`` above ``upper``.
    """

    name = "truncate_weights"
    reference = (
        "Cole and Hernan, Constructing Inverse Probability Weights for Marginal Structural Models, American Journal of "
        "Epidemiology 2008"
    )
    claim = Claim("Truncation at a quantile trades variance for bias.", "by definition", _BY_FORMULA)

    def __init__(self, upper: Share = 0.99, lower: Annotated[float, Field(ge=0, lt=1)] = 0.0) -> None:
        self.upper = upper
        self.lower = lower

    def fit(self, sample_weight: np.ndarray) -> TruncateWeights:
        """Truncates the weights (n,)."""
        if self.lower > self.upper:
            raise ParameterError(f"{self.name}: lower ({self.lower:g}) is above upper ({self.upper:g}); swap them")
        weights = _mean_one(sample_weight, self.name)
        self.bounds_ = np.quantile(weights, [self.lower, self.upper])
        self.weights_ = weights.clip(*self.bounds_).astype(sample_weight.dtype)
        return self


class TemperWeights(Weigher):
    """Raises weights to a power between 0 (uniform) and 1 (as they are).

    Use it to trade variance for bias smoothly: under covariate shift a power below 1 often predicts better from few
    rows. Not to reach a given effective sample size: ``flatten_weights`` finds that power.

    Parameters
    ----------
    power : exponent; above 1 sharpens.

    Attributes
    ----------
    weights_ : (n,), mean 1.

    Notes
    -----
    A weight of 0 stays 0, but for the power 0, which makes all equal. Cost: O(n).
    """

    name = "temper_weights"
    reference = (
        "Shimodaira, Improving Predictive Inference under Covariate Shift by Weighting the Log-Likelihood Function, "
        "Journal of Statistical Planning and Inference 2000"
    )
    claim = Claim("A power below 1 raises the effective sample size.", "by definition", _BY_FORMULA)

    def __init__(self, power: NonNegative = 0.5) -> None:
        self.power = power

    def fit(self, sample_weight: np.ndarray) -> TemperWeights:
        """Tempers the weights (n,)."""
        weights = _mean_one(sample_weight, self.name)
        self.weights_ = ((weights / weights.max()) ** self.power).astype(sample_weight.dtype)
        return self


class FlattenWeights(Weigher):
    """Tempers weights no more than is needed for an effective sample size of a given share of the rows.

    Use it before training on weights whose effective sample size is too small for the model. Weights that have it
    already stay as they are. Not as a cure for missing overlap: rows that are not there cannot be weighed.

    Parameters
    ----------
    minimum_share : least effective sample size, as a share of the rows.

    Attributes
    ----------
    weights_ : (n,), mean 1. power_ : the exponent found, 1 where nothing was to do.

    Notes
    -----
    The effective sample size falls as the power grows, so there is one such power. Cost: O(n), about 20 passes.

    Raises
    ------
    OverlapError : fewer rows than that share have a weight above 0, which no power changes.
    """

    name = "flatten_weights"
    reference = (
        "Jasra, Stephens, Doucet and Tsagaris, Inference for Levy-Driven Stochastic Volatility Models via Adaptive "
        "Sequential Monte Carlo, Scandinavian Journal of Statistics 2011"
    )
    claim = Claim("The effective sample size reaches the share asked for, and no more.", "by definition", _BY_FORMULA)

    def __init__(self, minimum_share: Level = 0.2) -> None:
        self.minimum_share = minimum_share

    def fit(self, sample_weight: np.ndarray) -> FlattenWeights:
        """Flattens the weights (n,)."""
        weights = _mean_one(sample_weight, self.name)
        log = np.log(weights[weights > 0] / weights.max())
        wanted = self.minimum_share * len(weights)
        if len(log) < wanted:
            raise OverlapError(
                f"{self.name}: {len(log)} of {len(weights)} weights are above 0, an effective sample size of "
                f"{wanted:.1f} is asked for; lower minimum_share to {len(log) / len(weights):.3g} or less, or look why "
                "so many rows have no weight"
            )

        def missing(power: float) -> float:
            return effective_sample_size(np.exp(power * log)) - wanted

        self.power_ = 1.0 if missing(1.0) >= 0 else float(root_scalar(missing, bracket=(0, 1), xtol=1e-9).root)
        self.weights_ = np.zeros_like(sample_weight)
        self.weights_[weights > 0] = np.exp(self.power_ * log)
        return self


class SmoothWeights(Weigher):
    """Gives every row the mean weight of the rows nearest to it.

    Use it for noisy weights of which nearby rows should have similar ones, as a density ratio that a classifier with
    jumps gave. Not for weights that jump for a reason, such as class or group weights.

    Parameters
    ----------
    n_neighbors : rows averaged, the row itself among them; fewer rows than that are all averaged.
    device : where to compute.

    Attributes
    ----------
    weights_ : (n,), mean 1.

    Notes
    -----
    Distances are Euclidean on ``X`` as it is: scale it first. ``weigh(X)`` averages over the training rows' weights.
    Cost: O(n^2 d) time; memory one block of distances.
    """

    name = "smooth_weights"
    reference = "Stone, Consistent Nonparametric Regression, Annals of Statistics 1977"
    claim = Claim(
        "Averages over neighbours are nearer to the smooth ratio beneath noisy weights.",
        "by definition",
        "Log-normal noise of unit size on an exponential ratio, 2000 rows: the tests hold that the squared error falls "
        "to under a third.",
    )

    def __init__(self, n_neighbors: Count = 10, device: Device = "auto") -> None:
        self.n_neighbors = n_neighbors
        self.device = device

    def fit(self, X: np.ndarray, sample_weight: np.ndarray) -> SmoothWeights:
        """Smooths the weights (n,) of the rows (n, d)."""
        self._rows = X
        self._given = _mean_one(sample_weight, self.name)
        self.weights_ = self._means(X).astype(sample_weight.dtype)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._means(X).astype(self.weights_.dtype)

    def _means(self, X: np.ndarray) -> np.ndarray:
        k = min(self.n_neighbors, len(self._rows))
        return self._given[nearest_neighbors(X, self._rows, k, choice=self.device)[1]].mean(axis=1)


class NormalizeWeights(Weigher):
    """Scales weights within each group, so that the groups' totals are as declared.

    Use it where weights may tell rows of a group apart but not change the groups' shares, as with clustered or
    multi-site data. Not where the groups' shares are themselves wrong and unknown.

    Parameters
    ----------
    totals : "rows" leaves each group the share of its rows; "equal" gives all groups the same.

    Attributes
    ----------
    weights_ : (n,), mean 1. classes_ : (G,) the groups. factors_ : (G,) what each group's weights were multiplied by.

    Notes
    -----
    Cost: one sort of the groups.

    Raises
    ------
    DataError : a group whose weights are all 0.
    """

    name = "normalize_weights"
    reference = (
        "Pfeffermann, Skinner, Holmes, Goldstein and Rasbash, Weighting for Unequal Selection Probabilities in "
        "Multilevel Models, Journal of the Royal Statistical Society B 1998"
    )
    claim = Claim("Every group has the total declared.", "by definition", _BY_FORMULA)

    def __init__(self, totals: Literal["rows", "equal"] = "rows") -> None:
        self.totals = totals

    def fit(self, sample_weight: np.ndarray, groups: np.ndarray) -> NormalizeWeights:
        """Normalises the weights (n,) within the groups (n,)."""
        self.classes_, positions, rows = np.unique(groups, return_inverse=True, return_counts=True)
        sums = np.bincount(positions, _mean_one(sample_weight, self.name))
        if not sums.all():
            empty = self.classes_[sums == 0]
            raise DataError(
                f"{self.name}: all weights of {len(empty)} group(s) are 0, such as {empty[0]!r} "
                f"({rows[sums == 0][0]} rows); drop the group or look at the weights' step"
            )
        wanted = rows if self.totals == "rows" else np.full(len(rows), len(groups) / len(rows))
        self.factors_ = wanted / sums
        self.weights_ = (_mean_one(sample_weight, self.name) * self.factors_[positions]).astype(sample_weight.dtype)
        return self


class MultiplyWeights(Weigher):
    """Multiplies several tables of weights, row by row.

    Use it where reasons to weigh are independent of each other: covariate shift, label shift given the features,
    fairness. Not for two estimates of the same ratio, which would count it twice; compare those instead.

    Attributes
    ----------
    weights_ : (n,), mean 1. factors_ : the names of the tables multiplied.

    Notes
    -----
    Computed in logarithms, so that many factors neither overflow nor vanish. Cost: O(n) a table.

    Raises
    ------
    OverlapError : every row has a weight of 0 in some table.
    """

    name = "multiply_weights"
    reference = (
        "Robins, Hernan and Brumback, Marginal Structural Models and Causal Inference in Epidemiology, Epidemiology "
        "2000"
    )
    claim = Claim("Weights for independent reasons multiply.", "by definition", _BY_FORMULA)

    def fit(self, sample_weights: dict[str, np.ndarray]) -> MultiplyWeights:
        """Multiplies the tables, by name, each (n,)."""
        self.factors_ = list(sample_weights)
        with np.errstate(divide="ignore"):
            logs = [np.log(_mean_one(weights, f"{self.name}: {name}")) for name, weights in sample_weights.items()]
        log = np.sum(logs, axis=0)
        top = log.max()
        if not np.isfinite(top):
            raise OverlapError(
                f"{self.name}: every one of the {len(log)} rows has a weight of 0 in some table of "
                f"{', '.join(self.factors_)}; these weights contradict each other"
            )
        self.weights_ = np.exp(log - top).astype(np.result_type(*sample_weights.values()))
        return self


_DIVERGENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "forward_kl": lambda r: r,
    "hellinger": lambda r: np.sqrt(r),
    "jensen_shannon": lambda r: r / (1 + r),
    "jeffreys": lambda r: 1 + r,
    "reverse_kl": np.ones_like,
    "softened_reverse_kl": lambda r: 1 / (1 + r),
}
"""r^2 f''(r) of each divergence's generator f, on any scale."""


class DivergenceWeights(Weigher):
    """Turns a density ratio into the weight that the gradient of an f-divergence gives it.

    Use it on the ratio of real to generated rows, to train on generated ones: "hellinger" and "jensen_shannon" are
    tempered ratios of less variance. As importance weights only "forward_kl", the ratio itself, is unbiased, and it was
    best where both have one support; not "softened_reverse_kl", which goes the wrong way there.

    Parameters
    ----------
    divergence : "forward_kl" weighs by r, "hellinger" by sqrt(r), "jensen_shannon" by r / (1 + r), "jeffreys" by 1 + r,
        "reverse_kl" by 1, "softened_reverse_kl" by 1 / (1 + r).

    Attributes
    ----------
    weights_ : (n,), mean 1.

    Notes
    -----
    The ratio is that of the weights given, taken to mean 1. Cost: O(n).
    """

    name = "divergence_weights"
    reference = "Xu, Nie and Vahdat, One-Step Diffusion Models with f-Divergence Distribution Matching, 2025"
    seeds = ("S007",)
    claim = Claim(
        "Each divergence weighs by the square of the ratio times its generator's second derivative.",
        "by definition",
        "The tests hold each map against its generator by differences.",
    )

    def __init__(
        self,
        divergence: Literal[
            "forward_kl", "hellinger", "jensen_shannon", "jeffreys", "reverse_kl", "softened_reverse_kl"
        ] = "jensen_shannon",
    ) -> None:
        self.divergence = divergence

    def fit(self, sample_weight: np.ndarray) -> DivergenceWeights:
        """Maps the weights (n,)."""
        mapped = _DIVERGENCES[self.divergence](_mean_one(sample_weight, self.name))
        self.weights_ = mapped.astype(sample_weight.dtype)
        return self


class IntegerWeights(Weigher):
    """Turns weights into whole numbers of copies, by the method of the largest remainder.

    Use it for learners that take no weights, and to see which rows a weighted training really uses. The copies'
    shares differ from the weights by less than one copy a row. Not for a random draw, which ``importance_resampling``
    is.

    Parameters
    ----------
    total : copies in all, by default as many as rows. More copies follow the weights more closely.

    Attributes
    ----------
    weights_ : (n,), mean 1. counts_ : (n,) whole numbers that sum to ``total``.

    Notes
    -----
    Equal remainders are served in the order of the rows. Cost: one sort.
    """

    name = "integer_weights"
    reference = "Balinski and Young, Fair Representation: Meeting the Ideal of One Man, One Vote, Yale 1982"
    claim = Claim("Every row has its share of the copies rounded down or up.", "by definition", _BY_FORMULA)

    def __init__(self, total: Count | None = None) -> None:
        self.total = total

    def fit(self, sample_weight: np.ndarray) -> IntegerWeights:
        """Rounds the weights (n,)."""
        total = self.total or len(sample_weight)
        shares = _mean_one(sample_weight, self.name) * (total / len(sample_weight))
        self.counts_ = np.floor(shares).astype(np.int64)
        order = np.argsort(self.counts_ - shares, kind="stable")
        self.counts_[order[: total - self.counts_.sum()]] += 1
        self.weights_ = self.counts_.astype(sample_weight.dtype)
        return self
