"""Kernel balancing: balanced means of kernels at anchor rows, in place of hand-picked moments."""

from __future__ import annotations

import numpy as np

from ballast.compute.blocks import draw_halves, halves
from ballast.compute.kernels import median_distance
from ballast.compute.scaling import joint_scaling
from ballast.errors import OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, NonNegative, Positive, Seed
from ballast.methods.weights.balance.entropy_balancing import EntropyBalancing
from ballast.methods.weights.ratio._kernel_basis import some

MEDIAN_ROWS = 1000
MISSED = 0.5
"""Difference of a kernel's mean, in standard deviations, from which nothing was balanced."""


class KernelBalancing(Weigher):
    """Weighs rows so that kernels at anchor rows have the target's means, and the weights the greatest entropy.

    Use it where the rows were selected by a rule that is not linear in the columns, as ratings that are missing not at
    random: training rows are the observed ones, the target all. Not with some hundred columns, where a kernel tells no
    rows apart; ``integral_probability_balancing`` balances all smooth functions at once, and exact means besides.

    Parameters
    ----------
    n_anchors : int >= 1, default 40
        Rows, half of each sample, drawn, whose kernels are balanced; at most a tenth of the training rows. 3, as in the
        authors' minibatches, do nothing.
    ridge : float >= 0, default 0.001
        Penalty on the coefficients of the standardised kernels; 0 balances exactly, where that is possible.
    bandwidth : float > 0 or None, default None
        Width of the kernels, in standard deviations of both samples; None takes the median distance of rows, half of
        each sample.
    random_state : int or None, default 0
        Seed of the draw.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    coefficients_ : ndarray of shape (k,)
        Coefficients of the standardised kernels.
    bandwidth_ : float
        Width of the kernel, as used.
    imbalance_, kernel_imbalance_ : float
        Largest difference of a column's weighted mean, and of a kernel's, that is left, in standard deviations.

    Raises
    ------
    OverlapError
        No weights give the kernels the target's means.

    Notes
    -----
    The weights are exp of a combination of kernels, found as ``entropy_balancing`` does. Anchors that the paper adapts
    to the predictor's errors gained nothing (-0.001 of a root mean squared error of 0.81). Draws do not depend on
    the order of the rows. Cost: O(n k d) once and O(n k^2) a step, some 10 steps; memory 8 n k bytes.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X_target = rng.uniform(-2, 2, (800, 1))
    >>> X = X_target[rng.random(800) < np.abs(X_target[:, 0]) / 2]  # both ends
    >>> weights = ballast.method("kernel_balancing").fit(X, X_target).weights_
    >>> np.average(X**2, axis=0, weights=weights).round(1)
    array([1.3])
    >>> np.mean(X**2, axis=0).round(1), np.mean(X_target**2, axis=0).round(1)
    (array([2.]), array([1.3]))
    """

    name = "kernel_balancing"
    reference = "Li, Xiao, Zheng et al., Debiased Collaborative Filtering with Kernel-Based Causal Balancing, ICLR 2024"
    survey_ids = ("S000",)
    claim = Claim(
        "Where what is observed depends on the columns in a curved way, weights that balance kernels predict all rows "
        "with less error than propensities or balanced moments.",
        "reproduced",
        "Ratings of 120 users and 60 items, 15% observed by distance, 12 seeds: error of all ratings {kernels, "
        "ratings:.2f}, by logistic propensities {propensity, ratings:.2f}, moments {moments, ratings:.2f}, none "
        "{none, ratings:.2f}; of the mean rating {kernels, mean:.2f}, {propensity, mean:.2f}, {moments, mean:.2f}, "
        "{none, mean:.2f}; with 3 anchors {three kernels, mean:.2f}.",
    )

    def __init__(
        self,
        n_anchors: Count = 40,
        ridge: NonNegative = 1e-3,
        bandwidth: Positive | None = None,
        random_state: Seed = 0,
    ) -> None:
        self.n_anchors = n_anchors
        self.ridge = ridge
        self.bandwidth = bandwidth
        self.random_state = random_state

    def fit(self, X: np.ndarray, X_target: np.ndarray) -> KernelBalancing:
        """Learns the weights of the training rows (n, d) from them and the target's (m, d)."""
        rng = np.random.default_rng(self.random_state)
        self._mean, self._scale = joint_scaling(X, X_target)
        drawn = draw_halves(X, X_target, MEDIAN_ROWS, rng)
        parts = [np.unique(self._standardised(rows[at]), axis=0) for rows, at in zip((X, X_target), drawn, strict=True)]
        shares = halves(len(parts[0]), len(parts[1]), min(self.n_anchors, max(1, len(X) // 10)))
        anchors = [some(part, share, rng) for part, share in zip(parts, shares, strict=True)]
        self._anchors = np.unique(np.concatenate(anchors), axis=0)
        self.bandwidth_ = float(self.bandwidth or median_distance(np.concatenate(parts)))
        try:
            self._balancing = EntropyBalancing(ridge=self.ridge).fit(self._kernels(X), self._kernels(X_target))
        except OverlapError as error:
            raise OverlapError(f"{self.name}, with {len(self._anchors)} kernels for features: {error}") from error
        self.weights_, self.coefficients_ = self._balancing.weights_, self._balancing.coefficients_
        self.kernel_imbalance_ = self._balancing.imbalance_
        if self.kernel_imbalance_ > MISSED:
            raise OverlapError(
                f"{self.name}: no weights of the {len(X)} training rows balance {len(self._anchors)} kernels with "
                f"the target: one's mean still differs by {self.kernel_imbalance_:.3g} standard deviations. Drop the "
                "features that tell the two apart completely, or collect training rows like the target's"
            )
        left = np.average(X, axis=0, weights=self.weights_) - X_target.mean(axis=0, dtype=np.float64)
        self.imbalance_ = float(np.abs(left / self._scale).max())
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._balancing.weigh(self._kernels(X))

    def _standardised(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._mean) / self._scale).astype(np.float64)

    def _kernels(self, X: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import cdist

        values = np.exp(cdist(self._standardised(X), self._anchors, "sqeuclidean") * (-0.5 / self.bandwidth_**2))
        return values.astype(X.dtype)
