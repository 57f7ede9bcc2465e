"""Gives every row the mean weight of the rows nearest to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.compute.kernels import nearest_neighbors
from ballast.compute.scaling import own_scales
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Device
from ballast.methods.weights.operators._scale import mean_one


class SmoothWeights(Weigher):
    """Gives every row the mean weight of the rows nearest to it.

    Use it for noisy weights of which nearby rows should have similar ones, as a density ratio that a classifier with
    jumps gave. Not for weights that jump for a reason, such as class or group weights.

    Parameters
    ----------
    n_neighbors : int >= 1, default 10
        Rows averaged, the row itself among them; fewer rows than that are all averaged.
    device : str, default "auto"
        Where to compute: "cpu", "cuda", one of several ("cuda:1"), or "auto", a GPU where there is one.
    standardize : bool, default True
        Distances are of columns in standard deviations, so that their units are of no account; False takes them as they
        are, right for embeddings and pixels.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.

    Notes
    -----
    Distances are Euclidean. ``weigh(X)`` averages over the training rows' weights.
    Cost: O(n^2 d) time; memory one block of distances.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 1))
    >>> truth = np.exp(X[:, 0] - 0.5)
    >>> noisy = truth * rng.exponential(size=500)
    >>> weigher = ballast.method("smooth_weights", n_neighbors=20).fit(X, noisy)
    >>> for w in (noisy, weigher.weights_):
    ...     print(np.corrcoef(w, truth)[0, 1].round(1))
    0.6
    0.9
    """

    name = "smooth_weights"
    reference = "Stone, Consistent Nonparametric Regression, Annals of Statistics 1977"
    claim = Claim(
        "Averages over neighbours are nearer to the smooth ratio beneath noisy weights.",
        "by definition",
        "Log-normal noise of unit size on an exponential ratio, 2000 rows: the tests hold that the squared error falls "
        "to under a third.",
    )

    def __init__(self, n_neighbors: Count = 10, device: Device = "auto", standardize: bool = True) -> None:
        self.n_neighbors = n_neighbors
        self.device = device
        self.standardize = standardize

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"standardize": False, "_scales": 1.0, **state})  # as stored before columns were scaled

    def fit(self, X: np.ndarray, sample_weight: np.ndarray) -> SmoothWeights:
        """Smooths the weights (n,) of the rows (n, d)."""
        self._scales = own_scales(X, standardize=self.standardize)
        self._rows = X / self._scales
        self._given = mean_one(sample_weight, self.name)
        self.weights_ = self._means(X).astype(sample_weight.dtype)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        return self._means(X).astype(self.weights_.dtype)

    def _means(self, X: np.ndarray) -> np.ndarray:
        k = min(self.n_neighbors, len(self._rows))
        return self._given[nearest_neighbors(X / self._scales, self._rows, k, choice=self.device)[1]].mean(axis=1)
