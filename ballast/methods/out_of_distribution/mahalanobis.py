"""Novelty as the Mahalanobis distance to the nearest class."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from ballast.compute.blocks import copy_keys, row_blocks, row_keys
from ballast.compute.scaling import FAR, far_limits
from ballast.errors import DataError
from ballast.methods.common.folds import deal, units_of, warn_of_near_copies
from ballast.methods.common.tasks import task_of
from ballast.methods.frame.base import Claim, Scorer
from ballast.methods.frame.parameters import Level, NonNegative
from ballast.methods.out_of_distribution._threshold import conformal_threshold
from ballast.words import plural

log = logging.getLogger(__name__)

N_FOLDS = 5
"""Parts of the rows, each scored by the others' Gaussians to learn the threshold."""
ORDERING = 8
"""Columns by whose values rows are dealt to these parts."""


class Mahalanobis(Scorer):
    """Scores a row by its squared Mahalanobis distance to the nearest class mean, under one pooled covariance.

    Use it on the features of a network's early layer (``TorchMLP.embed(X, 0)``) or on raw numeric columns, whether
    labels are clean or not. Not on the last hidden layer for foreign rows close to the known classes, and not where the
    classes are far from elliptical; ``nearest_neighbor_distance`` follows any shape.

    Parameters
    ----------
    shrinkage : float >= 0, default 0.1
        Adds this times the mean variance to the covariance's diagonal, of columns scaled to a standard deviation of 1
        within classes (where most rows have one value, of the others), so that scores do not depend on units; 0.1,
        right for an early layer of ReLU units of which some are dead. About 1e-6 suits raw columns.
    kept : float in (0, 1), default 0.95
        The share of rows like the fitting ones whose score stays at or below ``threshold_``.

    Attributes
    ----------
    means_ : ndarray of shape (C, d)
        Class means; one row without ``y``, or where ``y`` is a number (a float of many values).
    whitening_ : ndarray of shape (d, d)
        Lower triangular; rows times its transpose have unit covariance.
    threshold_ : float
        Scores above it are flagged: the ceil((n + 1) ``kept``)-th smallest of the scores that the n rows get from
        Gaussians fitted without their fifth of the rows, copies of a row together and once, rows of a unit together.
        Scores of the fitting rows themselves would put it too low. Infinite below 19 rows for 0.95, with a warning.

    Raises
    ------
    DataError
        Rows that do not vary within their classes, or without shrinkage are collinear.

    Notes
    -----
    A column that does not vary within the classes is taken to vary as the others do in the mean. Rows with a value more
    than 30 times as far from the median of its column and class as 95 % of these make no Gaussian; a warning tells.

    Cost: O(n d^2 + d^3) to fit, O(n (d^2 + C d)) to score; memory O(n d + d^2). Computes in float64.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 300)
    >>> scorer = ballast.method("mahalanobis", shrinkage=1e-6).fit(X)
    >>> scorer.flag(scorer.score_samples([[1.5, 1.5], [1.5, -1.5]]))
    array([False,  True])
    """

    name = "mahalanobis"
    reference = (
        "Lee, Lee, Lee & Shin, A simple unified framework for detecting out-of-distribution samples and adversarial "
        "attacks, NeurIPS 2018"
    )
    survey_ids = ("S017",)
    claim = Claim(
        "On a network's first hidden layer it tells foreign rows better than the maximum softmax probability, and by "
        "far when training labels are noisy.",
        "reproduced",
        "AUROC on digits, six classes known, four foreign, 12 draws: {auroc:.3f} against {auroc_of_softmax:.3f}, "
        "{gain:+.3f} +- {gain.spread:.3f}; with 30 % labels random {noisy_gain:+.3f} +- {noisy_gain.spread:.3f}. On "
        "raw pixels without a network it does as well ({gain_over_pixels:+.3f}).",
    )

    def __init__(self, shrinkage: NonNegative = 0.1, kept: Level = 0.95):
        self.shrinkage = shrinkage
        self.kept = kept

    def fit(self, X: np.ndarray, y: np.ndarray | None = None, dependence: np.ndarray | None = None) -> Mahalanobis:
        """Fits the Gaussians to (n, d) rows, one a class of the (n,) labels ``y``.

        Rows of one unit of ``dependence`` (n,) are scored by Gaussians fitted without all of them.
        """
        if y is None or task_of(y) == "regression":
            y = np.zeros(len(X))
        codes = np.unique(y, return_inverse=True)[1]
        plain = self._plain(X, codes)
        far, X, codes = X[~plain], X[plain], codes[plain]
        centre = X.mean(axis=0, dtype=np.float64)
        scale = _scale(X - centre, codes)
        white, n_classes = (X - centre) / scale, codes.max() + 1
        keys = copy_keys(X)[0]
        once = np.unique(keys, return_index=True)[1]
        if dependence is None:
            warn_of_near_copies(X, self.name, "folds part them")
        folds = _folds(X, codes, keys, None if dependence is None else dependence[plain])
        parts = [_Sums.of(white[folds == f], codes[folds == f], n_classes) for f in range(N_FOLDS)]
        total = sum(parts[1:], start=parts[0])
        self.means_, self.whitening_ = self._gaussians(total, centre, scale)
        held_out = np.full(len(X), np.nan)
        for f, part in enumerate(parts):
            if 0 < part.counts.sum() < len(X):
                held_out[folds == f] = _distances(X[folds == f], *self._gaussians(total - part, centre, scale))
        known = np.concatenate([held_out[once], _distances(far, self.means_, self.whitening_)])
        self.threshold_ = conformal_threshold(self.name, known[~np.isnan(known)], self.kept)
        return self

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Gives (n,) squared distances; about d for a row like the fitting ones when little is shrunk."""
        return _distances(X, self.means_, self.whitening_).astype(X.dtype)

    def _plain(self, X: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Says of (n,) rows whether none of their values is far from its class's, and tells of those that have one."""
        far = np.zeros(X.shape, dtype=bool)
        for code in np.unique(codes):
            rows = np.flatnonzero(codes == code)
            first, third = np.quantile(X[rows], [0.25, 0.75], axis=0)
            for column in np.flatnonzero(np.ptp(X[rows], axis=0) > FAR / 2 * (third - first)):
                values = X[rows, column].astype(np.float64)
                least, most = far_limits(values)
                far[rows, column] = (values < least) | (values > most)
        without = far.any(axis=1)
        if not without.any() or len(np.unique(codes[~without])) <= codes.max():
            return np.ones(len(X), dtype=bool)
        row, column = np.argwhere(far)[0]
        log.warning(
            "%s: %d of %d rows, such as row %d with %.6g in column %d, have a value more than %g times as far from "
            "the median of its column and class as 95 %% of the rows, and make no Gaussian",
            self.name, without.sum(), len(X), row, X[row, column], column, FAR,
        )  # fmt: skip
        return np.logical_not(without)

    def _gaussians(self, sums: _Sums, centre: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives the class means and the whitening of the pooled covariance, of sums of rows less centre, by scale.

        The covariance is shrunk towards a sphere of the scaled columns.
        """
        present = sums.counts > 0
        means = sums.totals[present] / sums.counts[present, None]
        between = (means * sums.counts[present, None]).T @ means
        n, d = sums.counts.sum(), len(centre)
        covariance = (sums.squares - between) / n
        spread = max(np.trace(covariance) / d, 0.0)
        if spread <= 1e-14 * np.trace(sums.squares) / (n * d) or spread == 0:
            raise DataError(
                f"{self.name}: the {int(n)} rows of X do not vary within the {plural(present.sum(), 'class')}, so "
                "there is no covariance; give more rows a class, or leave y out"
            )
        covariance[np.diag_indices(d)] += self.shrinkage * spread
        try:
            lower = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError as error:
            raise DataError(
                f"{self.name}: the covariance of X's {plural(d, 'column')} over {int(n)} rows is singular (constant or "
                f"collinear columns); set shrinkage above {self.shrinkage:g}, such as 0.1"
            ) from error
        return means * scale + centre, solve_triangular(lower, np.eye(d), lower=True) / scale


@dataclass(frozen=True)
class _Sums:
    """What Gaussians are made of, so that parts of the rows add up and can be taken away."""

    counts: np.ndarray
    totals: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, codes: np.ndarray, n_classes: int) -> _Sums:
        totals = np.zeros((n_classes, X.shape[1]))
        for code in np.unique(codes):
            totals[code] = X[codes == code].sum(axis=0)
        return cls(np.bincount(codes, minlength=n_classes), totals, X.T @ X)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.counts + other.counts, self.totals + other.totals, self.squares + other.squares)

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.counts - other.counts, self.totals - other.totals, self.squares - other.squares)


def _scale(centred: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Gives the (d,) standard deviations within classes; of columns without any, the others' root mean square.

    Of columns in which more than half of the rows have their class's median, that of the other rows: a unit that is
    nearly dead is not made to count as much as those that are not.
    """
    residuals, usual = centred.copy(), np.zeros(centred.shape[1])
    for code in np.unique(codes):
        own = centred[codes == code]
        residuals[codes == code] -= own.mean(axis=0)
        usual += (own == np.median(own, axis=0)).sum(axis=0)
    variance = np.square(residuals).mean(axis=0)
    varies = (variance > 1e-14 * np.square(centred).mean(axis=0)) & (variance > 0)
    variance *= np.where(2 * usual > len(codes), len(codes) / np.maximum(len(codes) - usual, 1), 1.0)
    return np.sqrt(np.where(varies, variance, variance[varies].mean() if varies.any() else 1.0))


def _folds(X: np.ndarray, codes: np.ndarray, keys: np.ndarray, dependence: np.ndarray | None) -> np.ndarray:
    """Deals the rows of each class over the folds, copies of a row, and rows of one unit, to one.

    In the order of the values in the first columns that vary, so that neither the rows' order nor the columns' units
    play a part; units of ``dependence`` (n,) by their rows' contents.
    """
    if dependence is not None:
        units = units_of(X, dependence)
        return deal(units, codes, min(N_FOLDS, units.n), np.random.default_rng(0))
    _, first, content = np.unique(keys, return_index=True, return_inverse=True)
    folds = np.empty(len(first), dtype=np.int64)
    columns = X[first][:, np.ptp(X, axis=0) > 0][:, :ORDERING].T
    folds[np.lexsort((row_keys(X[first]), *columns[::-1], codes[first]))] = np.arange(len(first)) % N_FOLDS
    return folds[content]


def _distances(X: np.ndarray, means: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Gives (n,) float64 squared distances to the nearest mean."""
    scores = np.empty(len(X))
    for rows in row_blocks(len(X), 3 * 8 * X.shape[1]):
        white = [((X[rows] - mean) @ whitening.T) for mean in means]
        scores[rows] = np.min([np.einsum("ij,ij->i", w, w) for w in white], axis=0)
    return scores
