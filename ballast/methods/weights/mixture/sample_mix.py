"""Weights from the quality and the diversity of each row, from which the shares of the domains follow."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ballast.methods.common.codes import label_codes
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Positive, Seed
from ballast.methods.weights.mixture._clusters import Clusters, find_clusters, nearest_center

TAILS = (0.01, 0.99)
"""Quantiles of the rows' spread at which it is cut, so that one far cluster does not press all others together."""


class SampleMix(Weigher):
    """Weighs rows by how sure a model is of their label and by how spread out and far apart their cluster is.

    Use it to choose a small part of a pool of uneven sources (`importance_resampling`), some redundant and some with
    wrong labels, whose domains are not known. Not where they are: equal shares (``normalize_weights``) were as good in
    the claim's setting, and better without label noise. Not to take most of the pool: little of the gain is left.

    Parameters
    ----------
    alpha : float in [0, 1], default 0.8
        Weight of diversity beside quality, 0.8 as in the paper. Rows with a wrong label look diverse, which speaks for
        0.2 to 0.5 where labels are noisy; yet with 30% of a domain's labels wrong 0.5 and 1 were as good as 0.8, and
        0.2 gained nothing. Try more than one.
    tau : float > 0, default 0.2
        Temperature of the softmax, 0.2 as in the paper; the greatest weight is at most exp(1 / tau) times the least.
    n_clusters : int >= 1, default 30
        Clusters of k-means; fewer where fewer rows differ.
    random_state : int or None, default 0
        Seed of k-means.
    standardize : bool, default True
        Distances are of columns in standard deviations, so that their units are of no account; False takes them as they
        are, right for embeddings and pixels.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    quality_, diversity_ : ndarray of shape (n,)
        Both of each row, in [0, 1].
    clusters_ : ndarray of shape (n,)
        The cluster of each row.
    centers_ : ndarray of shape (K, d)
        Centres of the clusters.
    classes_ : ndarray of shape (K,)
        The label of each column of ``probs``.
    groups_ : ndarray of shape (G,)
        The groups, where some are given.
    shares_ : ndarray of shape (G,)
        Share of the weight that each group gets.

    Raises
    ------
    DataError
        Labels that no column of ``probs`` stands for.

    Notes
    -----
    Quality is the probability of the given label, from a model that was not fitted on the row; diversity the mean
    distance of a cluster's rows from its centre, times the mean distance of that from the other centres, cut at the 1%
    and 99% quantile. Both are scaled to [0, 1]; a row weighs exp((alpha diversity + (1 - alpha) quality) / tau). Keep
    near-duplicates in one fold of the cross-fit, otherwise they vouch for each other. Distances are Euclidean. Cost:
    O(n d K) for each of some ten passes of k-means, in batches above 20,000 rows; O(K^2 d).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(100, 2)), np.repeat([0, 1], 50)
    >>> X[:50] *= 0.1  # nearly copies of one another
    >>> probs = np.where(y[:, None] == [0, 1], 0.9, 0.1)
    >>> y[:5] = 1  # which the model does not believe
    >>> weigher = ballast.method("sample_mix", alpha=0.5, n_clusters=10)
    >>> weights = weigher.fit(X, y, probs).weights_
    >>> bool(weights[:5].mean() < weights[5:50].mean() < weights[50:].mean())
    True
    """

    name = "sample_mix"
    reference = (
        "Xi, Kong, Yang et al., SampleMix: A Sample-wise Pre-training Data Mixing Strategy by Coordinating Data "
        "Quality and Diversity, 2025"
    )
    survey_ids = ("S140",)
    claim = Claim(
        "A small part of a pool of redundant, clean and wrongly labelled sources, drawn by the weights, trains better "
        "than one drawn at random or from the domains evenly; at random takes 2.4 times the rows.",
        "partly",
        "1270 digits, 300 drawn, logistic regression, 12 seeds: accuracy {mixed:.3f}, at random {at random:.3f} "
        "({gain:+.3f} +- {gain.spread:.3f}), 600 at random {600 at random:.3f}, 720 {720 at random:.3f}; equal domains "
        "{equal domains:.3f} ({gain_over_equal_domains:+.3f} +- {gain_over_equal_domains.spread:.3f}). Without label "
        "noise {clean_gain:+.3f} +- {clean_gain.spread:.3f} and {clean_gain_over_equal_domains:+.3f} +- "
        "{clean_gain_over_equal_domains.spread:.3f}. alpha 0.5: {alpha 50%:.3f}, 0.2: {alpha 20%:.3f}, quality alone "
        "{by quality:.3f}, diversity alone {by diversity:.3f}.",
    )

    def __init__(
        self,
        alpha: Annotated[float, Field(ge=0, le=1)] = 0.8,
        tau: Positive = 0.2,
        n_clusters: Count = 30,
        random_state: Seed = 0,
        standardize: bool = True,
    ) -> None:
        self.alpha = alpha
        self.tau = tau
        self.n_clusters = n_clusters
        self.random_state = random_state
        self.standardize = standardize

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"standardize": False, "_scales": 1.0, **state})  # as stored before columns were scaled

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        probs: np.ndarray,
        classes: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> SampleMix:
        """Learns the weights of rows (n, d) with labels (n,) and out-of-sample probabilities (n, n_classes).

        ``classes`` (n_classes,) are the labels of the columns, by default the sorted labels; of ``groups`` (n,) the
        shares alone are reported.
        """
        sure = _of_label(probs, label_codes(y, classes, probs.shape[1], self.name))
        self.classes_ = np.unique(y) if classes is None else classes
        found = find_clusters(X, self.n_clusters, self.random_state, standardize=self.standardize)
        self.centers_, self._scales, self.clusters_ = found.centers, found.scales, found.labels
        spread = _spread(X, found)
        self._sure = float(sure.min()), float(sure.max())
        low, high = np.quantile(spread[self.clusters_], TAILS)
        self._diversity = _scaled(spread, float(low), float(high))
        self.quality_ = _scaled(sure, *self._sure).astype(X.dtype)
        self.diversity_ = self._diversity[self.clusters_].astype(X.dtype)
        mixed = self._mixed(_scaled(sure, *self._sure), self.clusters_)
        self._most = float(mixed.max())
        self.weights_ = self._softmax(mixed, X.dtype)
        if groups is not None:
            self.groups_, position = np.unique(groups, return_inverse=True)
            self.shares_ = np.bincount(position, self.weights_) / self.weights_.sum(dtype=np.float64)
        return self

    def weigh(self, X: np.ndarray, y: np.ndarray, probs: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), their labels (k,) and probabilities (k, n_classes)."""
        sure = _of_label(probs, label_codes(y, self.classes_, probs.shape[1], self.name))
        return self._softmax(
            self._mixed(_scaled(sure, *self._sure), nearest_center(X, self.centers_, self._scales)), X.dtype
        )

    def _mixed(self, quality: np.ndarray, clusters: np.ndarray) -> np.ndarray:
        return self.alpha * self._diversity[clusters] + (1 - self.alpha) * quality

    def _softmax(self, mixed: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Gives weights of 1 for the best row of ``fit``, and for unseen ones beyond it, which else could overflow."""
        return np.exp(np.minimum(mixed - self._most, 0.0) / self.tau).astype(dtype)


def _of_label(probs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return probs[np.arange(len(codes)), codes].astype(np.float64)


def _scaled(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Gives values between 0 at `low` and 1 at `high`; all 0 where these are the same."""
    return np.clip((values - low) / (high - low), 0.0, 1.0) if high > low else np.zeros(len(values))


def _spread(X: np.ndarray, found: Clusters) -> np.ndarray:
    """Gives (K,) each cluster's mean distance from its centre, times that of its centre from the others."""
    from scipy.spatial.distance import cdist

    off = (X - found.centers[found.labels]) / found.scales
    within = np.sqrt(np.einsum("ij,ij->i", off, off, dtype=np.float64))
    compactness = np.bincount(found.labels, within) / found.sizes
    scaled = found.centers / found.scales
    separation = cdist(scaled, scaled).sum(axis=1) / max(1, len(found.sizes) - 1)
    return compactness * separation
