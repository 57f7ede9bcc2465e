"""Relative unconstrained least-squares importance fitting (RuLSIF; uLSIF at alpha 0)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from ballast.compute import draw_rows
from ballast.methods.base import Claim, Weigher
from ballast.methods.parameters import Count, Device, Positive, Seed
from ballast.methods.weights.ratio._kernel_basis import KernelBasis, some

SELECTION_ROWS = 4000
"""Rows of either sample on which parameters are compared: they decide between few values, so more add little."""
REGULARIZATIONS = np.logspace(-4, 1, 11)
"""Ridge penalties tried; kernel values lie in [0, 1], so the scale is that of the problem."""


class RelativeLeastSquares(Weigher):
    """Weighs by a kernel model of the density ratio fitted by least squares, in closed form (RuLSIF; uLSIF at alpha 0).

    Use it as the quick default for up to some tens of columns: two passes over the rows, no iteration, bounded
    weights. Not beyond some tens of columns that all matter, where a Gaussian kernel sees every row as far from every
    other (``density_ratio_classifier``).
    What it estimates is the relative ratio p_target / (alpha p_target + (1 - alpha) p_source), at most 1 / alpha:
    its weights do not explode where the source has no rows, at the price of some of the shift left uncorrected.

    Parameters
    ----------
    alpha : share of the target in the denominator, in [0, 1); 0.1 as in the paper; 0 is the plain ratio (uLSIF).
    n_centers : kernels, centred at rows drawn from the target (all rows when there are fewer); 100 as in the paper.
    bandwidth, regularization : of the kernel (in standard deviations) and the ridge penalty; None selects either by
        the closed-form leave-one-out error on 4000 rows of each sample.
    random_state, device : the seed of the draws; where to compute.

    Attributes
    ----------
    ratio_ : (n,) the estimated relative ratio at the training rows. bandwidth_, regularization_ : as used.
    basis_, coefficients_ : the model. selection_error_ : the leave-one-out error of those selected, lower is better.

    Notes
    -----
    Columns are standardised over both samples first. The draws do not depend on the order of the rows.
    Cost: (n + m) c (d + c) operations in float32 blocks; memory one block.

    Raises
    ------
    OverlapError : the target lies where there are no training rows.
    """

    name = "relative_least_squares"
    reference = (
        "Yamada et al., Relative Density-Ratio Estimation for Robust Distribution Comparison, NIPS 2011; "
        "Kanamori, Hido and Sugiyama, A Least-squares Approach to Direct Importance Estimation, JMLR 2009"
    )
    claim = Claim(
        "The relative ratio is estimated more accurately than the plain one, and its weights repair a misspecified "
        "learner.",
        "reproduced",
        "500 rows, mean moved by 1: squared error of the ratio, in units of uniform weights', 0.03 against 0.15 (1 "
        "column), 0.20 against 0.36 (10); better on 40 of 40 seeds. Line through sinc under shift: 0.022, unweighted "
        "0.359, true weights 0.004; better on 20 of 20.",
    )

    def __init__(
        self,
        alpha: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        n_centers: Count = 100,
        bandwidth: Positive | None = None,
        regularization: Positive | None = None,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.alpha = alpha
        self.n_centers = n_centers
        self.bandwidth = bandwidth
        self.regularization = regularization
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, X_target: np.ndarray) -> RelativeLeastSquares:
        """Learns the ratio of the target (m, d) to the source (n, d), and the source's weights."""
        from scipy.linalg import solve

        rng = np.random.default_rng(self.random_state)
        drawn = X_target[draw_rows(X_target, max(SELECTION_ROWS, self.n_centers), rng)]
        self.basis_ = KernelBasis.at(some(drawn, self.n_centers, rng), X, X_target, self.device)
        self._select(X, drawn, rng)
        gram_source, _ = self._moments(X, second=True)
        gram_target, linear = self._moments(X_target, second=self.alpha > 0)
        system = (1 - self.alpha) * gram_source + self.alpha * gram_target
        system[np.diag_indices_from(system)] += self.regularization_
        self.coefficients_ = solve(system, linear, assume_a="pos")
        self.basis_.check_overlap(drawn, self.coefficients_, self.bandwidth_, len(X), self.name)
        self.ratio_ = self.basis_.evaluate(X, self.coefficients_, self.bandwidth_)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), on the scale of ``weights_``."""
        return self.basis_.evaluate(X, self.coefficients_, self.bandwidth_)

    def _moments(self, X: np.ndarray, *, second: bool) -> tuple[np.ndarray, np.ndarray]:
        """Gives the mean (c, c) of k k' and the mean (c,) of k over the rows, k being a row's kernel values."""
        c = len(self.basis_.centers)
        gram, total = np.zeros((c, c)), np.zeros(c)
        for _, kernel in self.basis_.blocks(X, self.bandwidth_):
            if second:
                gram += (kernel.T @ kernel).cpu().numpy()
            total += kernel.mean(dim=0).cpu().numpy() * len(kernel)
        return gram / len(X), total / len(X)

    def _select(self, X: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> None:
        """Sets bandwidth and penalty: those given, else those of the least leave-one-out error on drawn rows."""
        bandwidths = [self.bandwidth] if self.bandwidth else self.basis_.bandwidths(drawn, rng)
        penalties = np.array([self.regularization]) if self.regularization else REGULARIZATIONS
        rows = min(len(X), len(drawn), SELECTION_ROWS)
        if rows < 2 or len(bandwidths) * len(penalties) == 1:  # nothing to leave out, or nothing to choose
            self.bandwidth_, self.regularization_ = float(np.median(bandwidths)), float(np.median(penalties))
            self.selection_error_ = float("nan")
            return
        source = self.basis_.distances(X[draw_rows(X, rows, rng)])
        target = self.basis_.distances(some(drawn, rows, rng))
        errors = np.array(
            [
                leave_one_out_errors(np.exp(source * scale), np.exp(target * scale), penalties, self.alpha)
                for scale in (-0.5 / b**2 for b in bandwidths)
            ]
        )
        i, j = np.unravel_index(np.argmin(errors), errors.shape)
        self.bandwidth_, self.regularization_ = float(bandwidths[i]), float(penalties[j])
        self.selection_error_ = float(errors[i, j])


def leave_one_out_errors(source: np.ndarray, target: np.ndarray, penalties: np.ndarray, alpha: float) -> np.ndarray:
    """Gives (n_penalties,) leave-one-out errors of the least-squares fit, without refitting.

    ``source`` and ``target`` are (p, c) kernel values; the i-th row of both is left out together. That takes two
    rank-one terms from the normal matrix, so by Woodbury's identity the fit without them follows from 2 x 2 systems
    of inner products k' (H + penalty)^-1 k. In the eigenvectors of H these are sums that all penalties share, one
    matrix product for each kind. Cost O(p c (c + n_penalties)).
    """
    p = len(source)
    linear = target.mean(axis=0)
    values, vectors = np.linalg.eigh(((1 - alpha) * source.T @ source + alpha * target.T @ target) / p)
    inverse = 1 / (np.maximum(values, 0)[:, None] + penalties * (p - 1) / p)  # (c, n_penalties)
    s, t, h = source @ vectors, target @ vectors, linear @ vectors
    ss, st, tt = (s * s) @ inverse, (s * t) @ inverse, (t * t) @ inverse  # (p, n_penalties) each
    sh, th = (s * h) @ inverse - st / p, (t * h) @ inverse - tt / p  # against the mean without the left-out target row
    # (I - S D)^-1 [sh, th], with S = [[ss, st], [st, tt]] and D the weights of the two rows in H
    a, b = (1 - alpha) / p, alpha / p
    determinant = (1 - a * ss) * (1 - b * tt) - a * b * st**2
    at_source = ((1 - b * tt) * sh + b * st * th) / determinant
    at_target = (a * st * sh + (1 - a * ss) * th) / determinant
    error = (1 - alpha) / 2 * at_source**2 + alpha / 2 * at_target**2 - at_target
    return error.mean(axis=0)
