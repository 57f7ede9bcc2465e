"""Rows drawn in proportion to their weight."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Sampler
from ballast.methods.frame.parameters import Count, Seed, Share
from ballast.methods.sampling.sizes import n_rows


class ImportanceResampling(Sampler):
    """Draws rows in proportion to their weight, so that the drawn rows, unweighted, stand for the weighted ones.

    Use it to carry weights to an estimator that takes none, or to cut a large pool down to rows like the target.
    Not where the estimator takes ``sample_weight``: that is exact and loses no row to chance.

    Parameters
    ----------
    n_samples : int >= 1, float in (0, 1] or None, default None
        Rows to draw: a count, a share of the rows given, or None for as many as given.
    scheme : {"systematic", "multinomial", "without_replacement"}, default "systematic"
        "systematic" draws each row floor or ceil of its expected number of times, in an order that chance decides;
        "multinomial" draws independently, which is noisier; "without_replacement" draws each row at most once (Gumbel
        top-k), so that frequent rows are under-represented when many are drawn.
    random_state : int or None, default 0
        Seed of the draw.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (k,)
        The source rows, ascending.

    Raises
    ------
    DataError
        Fewer rows with a positive weight than are to be drawn without replacement.

    Notes
    -----
    Cost: O(n + k); O(n log n) without replacement.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(1000, 1)), rng.integers(2, size=1000)
    >>> weights = np.exp(X[:, 0] - 0.5)  # to a mean of 1
    >>> sampler = ballast.method("importance_resampling", n_samples=500)
    >>> X, y = sampler.fit_resample(X, y, sample_weight=weights)
    >>> X.shape, X.mean(axis=0).round(0)
    ((500, 1), array([1.]))
    """

    name = "importance_resampling"
    reference = (
        "Rubin, The calculation of posterior distributions by data augmentation: comment, JASA 1987; systematic: "
        "Kitagawa, JCGS 1996; without replacement: Efraimidis & Spirakis, IPL 2006"
    )
    claim = Claim(
        "Plain means of the drawn rows are the weighted means of the source, with less variance when drawn "
        "systematically than independently.",
        "reproduced",
        "Diabetes data under tilted weights, 400 draws: the eleven columns' means are unbiased and vary "
        "{least_ratio_of_variances:.2f} to {largest_ratio_of_variances:.2f} times as much as with independent draws; "
        "a ridge fit lies a quarter as far from the weighted fit ({systematic:.0f} against {multinomial:.0f} squared "
        "units; unweighted {unweighted:.0f}).",
    )

    def __init__(
        self,
        n_samples: Count | Share | None = None,
        scheme: Literal["systematic", "multinomial", "without_replacement"] = "systematic",
        random_state: Seed = 0,
    ):
        self.n_samples = n_samples
        self.scheme = scheme
        self.random_state = random_state

    def fit_resample(
        self, X: np.ndarray, y: np.ndarray | None = None, *, sample_weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Gives (k, d) rows and their (k,) labels (None without ``y``)."""
        rng = np.random.default_rng(self.random_state)
        share = sample_weight.astype(np.float64)
        share /= share.max()  # so that the sum neither overflows nor vanishes
        share /= share.sum()
        k = n_rows(self.n_samples, len(X))
        if self.scheme == "without_replacement":
            self.sample_indices_ = self._without_replacement(share, k, rng)
        else:
            counts = rng.multinomial(k, share) if self.scheme == "multinomial" else _systematic(share, k, rng)
            self.sample_indices_ = np.repeat(np.arange(len(X)), counts)
        return X[self.sample_indices_], None if y is None else y[self.sample_indices_]

    def _without_replacement(self, share: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
        positive = np.flatnonzero(share)
        if k > len(positive):
            raise DataError(
                f"{self.name}: {k} rows cannot be drawn without replacement from {len(positive)} rows of positive "
                f"weight ({len(share)} in all); lower n_samples or use scheme='systematic'"
            )
        arrival = rng.exponential(size=len(positive)) / share[positive]  # the k first are the Gumbel top-k
        return np.sort(positive[np.argpartition(arrival, k - 1)[:k]])


def _systematic(share: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives (n,) counts that sum to ``k``, each the floor or the ceil of ``k * share``.

    Equally spaced points with one random offset fall on the shares laid end to end; laying them in random order
    keeps an order in the rows (by time, by class) from tying the rows' fates together.
    """
    order = rng.permutation(len(share))
    ends = np.cumsum(share[order]) * k
    passed = np.floor(ends - rng.random()) + 1  # points at offset, offset + 1, ... up to and including each end
    passed[np.flatnonzero(share[order])[-1] :] = k  # rounding must lose no point, nor give one to a row of weight 0
    counts = np.empty(len(share), dtype=np.int64)
    counts[order] = np.diff(np.clip(passed, 0, k), prepend=0).astype(np.int64)
    return counts
