"""A random part of the rows."""

from __future__ import annotations

import numpy as np

from ballast.errors import DataError
from ballast.methods.frame.base import Claim, Sampler
from ballast.methods.frame.parameters import Count, Seed, Share
from ballast.methods.sampling.sizes import n_rows


class RandomSubset(Sampler):
    """Draws a random subset of the rows, each at most once.

    Use it as the baseline that every selection of rows must beat at the same size. Not to correct a shift: the
    subset has the distribution of the rows given.

    Parameters
    ----------
    n_samples : int >= 1 or float in (0, 1], default 0.5
        Rows to draw: a count, or a share of the rows given.
    stratify : bool, default False
        Draws from each label in ``y`` its share of the subset, to within one row.
    random_state : int or None, default 0
        Seed of the draw.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (k,)
        The source rows, ascending.

    Raises
    ------
    DataError
        More rows asked for than there are, or ``stratify`` without ``y``.

    Notes
    -----
    Cost: O(n), O(n log n) stratified.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> X, y = np.arange(100.0)[:, None], np.repeat(["often", "rare"], [90, 10])
    >>> sampler = ballast.method("random_subset", n_samples=0.3, stratify=True)
    >>> X, y = sampler.fit_resample(X, y)
    >>> X.shape, y.tolist().count("rare")
    ((30, 1), 3)
    """

    name = "random_subset"
    reference = "Cochran, Sampling techniques, Wiley, 1977"
    claim = Claim("Every subset of the size (and strata) asked for is equally likely.", "by definition", "")

    def __init__(self, n_samples: Count | Share = 0.5, stratify: bool = False, random_state: Seed = 0):
        self.n_samples = n_samples
        self.stratify = stratify
        self.random_state = random_state

    def fit_resample(self, X: np.ndarray, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Gives (k, d) rows and their (k,) labels (None without ``y``)."""
        rng = np.random.default_rng(self.random_state)
        k = n_rows(self.n_samples, len(X))
        if k > len(X):
            raise DataError(f"{self.name}: n_samples={k} rows were asked for but X has {len(X)}; ask for fewer")
        if not self.stratify:
            self.sample_indices_ = np.sort(rng.choice(len(X), size=k, replace=False))
        elif y is None:
            raise DataError(f"{self.name}: stratify needs y, the label of each row; pass it or set stratify=False")
        else:
            self.sample_indices_ = _stratified(np.unique(y, return_inverse=True)[1], k, rng)
        return X[self.sample_indices_], None if y is None else y[self.sample_indices_]


def _stratified(codes: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives ``k`` rows, ascending: from each stratum the floor of its share, and one more where chance falls."""
    sizes = np.bincount(codes)
    quota = k * sizes / len(codes)
    take = np.floor(quota).astype(np.int64)
    # Largest remainders get the rows that are left; ties are broken at random.
    by_remainder = np.lexsort((rng.random(len(sizes)), -(quota - take).round(9)))
    take[by_remainder[: k - take.sum()]] += 1
    shuffled = rng.permutation(len(codes))
    by_stratum = shuffled[np.argsort(codes[shuffled], kind="stable")]
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(by_stratum[rank < np.repeat(take, sizes)])
