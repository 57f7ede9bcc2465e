"""Weights for regression that grow where target values are rare."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim
from ballast.methods.frame.parameters import Positive
from ballast.methods.frame.streams import Counted, StreamingWeigher
from ballast.methods.frame.vocabulary import finite
from ballast.methods.weights._by_class import product
from ballast.methods.weights._histogram import Histogram

GRID = 512
"""Points at which the density is computed; between them it is interpolated."""
LEAST_WEIGHT = 1e-6
FLOOR = 1e-3
"""Added to the greatest density, so that the commonest value's weight is not exactly 0."""


class DensityBasedWeights(StreamingWeigher):
    """Weighs rows by a falling curve of the density of their target value, so that rare values count.

    Use it in regression where the tails matter most. The error on common values rises: compare both. Not where rare
    values are mistakes: those get the greatest weights.

    Parameters
    ----------
    form : {"inverse", "involution", "dense"}, default "inverse"
        The curve. For the density p relative to its greatest, "inverse" weighs by p^-alpha; "involution", the paper's,
        by (1 - p^alpha)^(1 / alpha), which is bounded; "dense" by max(1 - alpha p, 1e-6).
    alpha : float > 0, default 0.5
        Exponent, or factor, of the curve. More strengthens "inverse" (1/2 is the square root) and "dense", and weakens
        "involution".
    bandwidth : float > 0 or None, default None
        Width of the density's kernel, in the target's units; None takes Silverman's rule.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1, times the rows' own where they have any.
    bandwidth_ : float
        Width of the kernel, as used.
    density_ : ndarray of shape (n,)
        Density at each row's value, relative to the greatest.

    Raises
    ------
    DataError
        A target that is not a number, or has only one value.

    Notes
    -----
    The density is a Gaussian kernel estimate on 512 points, interpolated: smoothing the labels' distribution. Values
    are counted in some thousands of bins, all values in one of which weigh the same; those beyond the training rows'
    weigh as the outermost. Learns in batches too (``partial_fit``, ``merge``, ``finalize``), which widen the bins alike
    in any order. Cost: O(n).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> y = np.random.default_rng(0).exponential(size=1000)  # few are great
    >>> weigher = ballast.method("density_based_weights", alpha=0.5).fit(y)
    >>> usual, rare = weigher.weigh([0.5, 5.0])
    >>> bool(rare > 5 * usual)
    True
    """

    name = "density_based_weights"
    of_rows = ("density_",)
    reference = (
        "Moukpe, Chan and Zhang, CISIR (Highly Imbalanced Regression with Tabular Data in SEP and Other Applications), "
        "2025; Steininger et al., Density-Based Weighting for Imbalanced Regression, Machine Learning 2021; Yang et "
        "al., Delving into Deep Imbalanced Regression, ICML 2021"
    )
    survey_ids = ("S192",)
    labels_are = "numbers"
    claim = Claim(
        "The weights lower the error on rare target values, at the price of the overall error.",
        "partly",
        "Skewed outcome, boosted trees, 1500 rows, 10 seeds, change of the mean absolute error of the largest 3% and "
        "of all: square root of the inverse density {rare:+.3f} and {all:+.3f}; the paper's involution at alpha 1 "
        "{rare_involution:+.3f} +- {rare_involution.spread:.3f} of the top: no clear gain for trees.",
    )

    def __init__(
        self,
        form: Literal["inverse", "involution", "dense"] = "inverse",
        alpha: Positive = 0.5,
        bandwidth: Positive | None = None,
    ) -> None:
        self.form = form
        self.alpha = alpha
        self.bandwidth = bandwidth

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> DensityBasedWeights:
        """Learns the density of the target values (n,), each counted by its weight (n,) where rows have any."""
        self._forget()
        values = self._count(y, sample_weight)
        self.finalize()
        places = self._bins.places(values)
        self.density_ = self._densities[places]
        self.weights_ = product(self._curve(self._densities)[places], sample_weight)
        return self

    def partial_fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> DensityBasedWeights:
        """Counts the target values (n,) of a batch, by weights (n,) in all batches or in none."""
        self._count(y, sample_weight)
        return self

    def weigh(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of rows with the target values (k,), times weights (k,) on the scale of ``fit``'s."""
        places = self._bins.places(finite(y, f"{self.name}: y", 1))
        return product(self._curve(self._densities)[places], sample_weight)

    def _count(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:
        """Counts the values in bins, and gives them as numbers."""
        values = finite(y, f"{self.name}: y", 1)
        self._counted.add(n=len(values), bins=Histogram.of(values, sample_weight))
        return values

    def _learn_from(self, counted: Counted) -> tuple[float, float]:
        self._bins: Histogram = counted["bins"]
        n, low, high = counted["n"], self._bins.low, self._bins.high
        if not high > low:
            raise DataError(
                f"{self.name}: all {n} values of y are {low:g}; there is nothing to weigh, so check the column"
            )
        deviation = self._bins.deviation()
        quartiles = self._bins.interquartile_range() / 1.349
        spread = min(deviation, quartiles) if quartiles > 0 else deviation
        self.bandwidth_ = float(self.bandwidth or 0.9 * spread * n**-0.2)
        grid = np.linspace(low, high, GRID)
        heights = _density(self._bins, grid, self.bandwidth_)
        self._densities = np.interp(self._bins.centers, grid, heights / ((1 + FLOOR) * heights.max()))
        weights = self._curve(self._densities)
        return float(weights @ self._bins.counts) / n, float(weights**2 @ self._bins.counts) / n

    def _curve(self, density: np.ndarray) -> np.ndarray:
        if self.form == "inverse":
            return density**-self.alpha
        if self.form == "dense":
            return np.maximum(1 - self.alpha * density, LEAST_WEIGHT)
        return (1 - density**self.alpha) ** (1 / self.alpha)


def _density(bins: Histogram, grid: np.ndarray, bandwidth: float) -> np.ndarray:
    """Gives the kernel density at the grid's points, from bins' rows shared out between the two nearest."""
    from scipy.ndimage import gaussian_filter1d

    step = grid[1] - grid[0]
    place = (bins.centers - grid[0]) / step
    left = np.minimum(place.astype(np.int64), len(grid) - 2)
    part = place - left
    shared = (left, (1 - part) * bins.counts), (left + 1, part * bins.counts)
    counts = sum(np.bincount(points, rows, len(grid)) for points, rows in shared)
    smooth = gaussian_filter1d(counts, bandwidth / step, mode="constant", truncate=6.0)
    return np.maximum(smooth, smooth.max() * np.finfo(np.float64).eps)
