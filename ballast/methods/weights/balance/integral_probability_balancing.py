"""Balancing by an integral probability metric: weights under which no smooth function tells the samples apart."""

from __future__ import annotations

import numpy as np

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Device, Positive, Seed
from ballast.methods.weights.ratio._mean_matching import MeanMatching

INEXACT = 1e-4
"""Difference of a mean, in standard deviations, from which exact balance counts as missed."""


class IntegralProbabilityBalancing(Weigher):
    """Weighs rows so that the largest difference of means over all smooth functions, the kernel metric, is least.

    Use it for covariate shift and for effects on the treated (training rows the controls, target the treated) where
    what depends on the columns may do so in any smooth way: with ``exact_means`` it is as exact as
    ``entropy_balancing`` where that is linear, and far nearer where it is not. Not with some hundred columns, where a
    kernel sees no differences.

    Parameters
    ----------
    exact_means : bool, default True
        The columns' means are matched exactly besides.
    ridge : float > 0, default 0.0001
        Penalty on the weights' variance; less balances more and leaves a smaller effective sample size.
    bandwidth : float > 0 or None, default None
        Width of the kernel, in standard deviations of both samples together; None takes the median distance between
        1000 rows.
    n_landmarks : int >= 1, default 400
        Rows that the kernel is approximated on (Nystrom's method).
    random_state : int or None, default 0
        Seed of the draws.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    bandwidth_ : float
        Width of the kernel, as used.
    discrepancy_ : float
        The squared metric under the weights.
    unweighted_discrepancy_ : float
        The same without weights.
    iterations_ : int
        Newton steps.

    Raises
    ------
    OverlapError
        No weights give the target's means, or they rest on fewer than two rows.

    Notes
    -----
    Weights have no bound; ``clip_weights`` bounds them afterwards, at the price of the balance. Of the paper's metrics
    this is the maximum mean discrepancy: its neural ones were found unstable.
    Cost: O((n + m) r d + n r^2) a step, about 5 steps; memory one block of rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(size=(400, 1)), rng.uniform(-1, 1, (300, 1))
    >>> weigher = ballast.method("integral_probability_balancing")
    >>> weights = weigher.fit(X, X_target).weights_
    >>> np.average(X**2, axis=0, weights=weights).round(1)  # a third, 1 without
    array([0.3])
    >>> bool(weigher.discrepancy_ < 0.01 * weigher.unweighted_discrepancy_)
    True
    """

    name = "integral_probability_balancing"
    reference = (
        "Kong, Kim et al., Covariate Balancing Using the Integral Probability Metric for Causal Inference, ICML 2023"
    )
    survey_ids = ("S371",)
    claim = Claim(
        "Under a wrong outcome model the metric's weights have less error than propensities and balanced moments; "
        "under a right one more than moments, unless the means are matched exactly too.",
        "reproduced",
        "Kang and Schafer's simulation, 500 rows, 30 seeds, effect on the treated: wrong columns {metric_wrong:.1f} "
        "({inexact_wrong:.1f} without exact means), moments {moments_wrong:.1f}, propensity {propensity_wrong:.1f}; "
        "right columns {metric_right:.2f} ({inexact_right:.1f}), moments {moments_right:.2f}, propensity "
        "{propensity_right:.1f}.",
    )

    def __init__(
        self,
        exact_means: bool = True,
        ridge: Positive = 1e-4,
        bandwidth: Positive | None = None,
        n_landmarks: Count = 400,
        random_state: Seed = 0,
        device: Device = "auto",
    ) -> None:
        self.exact_means = exact_means
        self.ridge = ridge
        self.bandwidth = bandwidth
        self.n_landmarks = n_landmarks
        self.random_state = random_state
        self.device = device

    def fit(self, X: np.ndarray, X_target: np.ndarray) -> IntegralProbabilityBalancing:
        """Learns the weights of the training rows (n, d) from them and the target's (m, d)."""
        self._matching = matching = MeanMatching(
            X,
            X_target,
            bandwidth=self.bandwidth,
            largest=np.inf,
            ridge=self.ridge,
            n_landmarks=self.n_landmarks,
            exact_means=self.exact_means,
            random_state=self.random_state,
            choice=self.device,
        )
        self.bandwidth_, self.iterations_ = matching.bandwidth, matching.steps
        self.unweighted_discrepancy_, self.discrepancy_ = matching.before, matching.after
        self.weights_ = matching.weights(X)
        self._check(len(X))
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._matching.weights(X)

    def _check(self, n: int) -> None:
        left, size = self._matching.left, effective_sample_size(self.weights_)
        if left > INEXACT or (n > 2 and size < 2):
            raise OverlapError(
                f"{self.name}: no weights of the {n} training rows balance them with the target: after "
                f"{self.iterations_} steps a column's mean still differs by {left:.3g} standard deviations, with an "
                f"effective sample size of {size:.1f}. Set exact_means to false, raise ridge ({self.ridge:g}), drop "
                "the features that tell the two apart completely, or collect training rows like the target's"
            )
