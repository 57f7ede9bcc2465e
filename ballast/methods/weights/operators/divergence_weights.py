"""Turns a density ratio into the weight that the gradient of an f-divergence gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.weights.operators._scale import mean_one

_DIVERGENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "forward_kl": lambda r: r,
    "hellinger": lambda r: np.sqrt(r),
    "jensen_shannon": lambda r: r / (1 + r),
    "jeffreys": lambda r: 1 + r,
    "reverse_kl": np.ones_like,
    "softened_reverse_kl": lambda r: 1 / (1 + r),
}


class DivergenceWeights(Weigher):
    """Turns a density ratio into the weight that the gradient of an f-divergence gives it.

    Use it on the ratio of real to generated rows, to train on generated ones: "hellinger" and "jensen_shannon" are
    tempered ratios of less variance. As importance weights only "forward_kl", the ratio itself, is unbiased, and it was
    best where both have one support; not "softened_reverse_kl", which goes the wrong way there.

    Parameters
    ----------
    divergence : str, default "jensen_shannon"
        "forward_kl" weighs by r, "hellinger" by sqrt(r), "jensen_shannon" by r / (1 + r), "jeffreys" by 1 + r,
        "reverse_kl" by 1, "softened_reverse_kl" by 1 / (1 + r).

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.

    Notes
    -----
    The ratio is that of the weights given, taken to mean 1. Cost: O(n).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> ratio = np.array([0.1, 1.0, 10.0])  # real rows to generated ones
    >>> for name in ("forward_kl", "hellinger", "jensen_shannon", "reverse_kl"):
    ...     weigher = ballast.method("divergence_weights", divergence=name)
    ...     print(weigher.fit(ratio).weights_.round(1))
    [0.  0.3 2.7]
    [0.2 0.7 2.1]
    [0.1 0.7 2.3]
    [1. 1. 1.]
    """

    name = "divergence_weights"
    reference = "Xu, Nie and Vahdat, One-Step Diffusion Models with f-Divergence Distribution Matching, 2025"
    survey_ids = ("S007",)
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
        mapped = _DIVERGENCES[self.divergence](mean_one(sample_weight, self.name))
        self.weights_ = mapped.astype(sample_weight.dtype)
        return self
