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
    n_samples : rows to draw: a count, a share of the rows given, or None for as many as given.
    scheme : "systematic" draws each row floor or ceil of its expected number of times, in an order that chance
        decides; "multinomial" draws independently, which is noisier; "without_replacement" draws each row at most
        once (Gumbel top-k), so that frequent rows are under-represented when many are drawn.
    random_state : the seed.

    Attributes
    ----------
    sample_indices_ : (k,) the source rows, ascending.

    Cost: O(n + k); O(n log n) without replacement.

    Errors: DataError where fewer rows have a positive weight than are to be drawn without replacement.

    Examples
    --------
    >>> from ballast.methods.sampling import ImportanceResampling
    >>> sampler = ImportanceResampling(n_samples=4)
    >>> X, _ = sampler.fit_resample(X=[[1.0], [2.0], [3.0]], y=None, sample_weight=[2.0, 0.0, 2.0])
    >>> sampler.sample_indices_
    array([0, 0, 2, 2])
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
