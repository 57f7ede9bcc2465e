"""K-means clusters that do not depend on the order of the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballast.compute.blocks import row_keys
from ballast.compute.scaling import own_scales

MANY_ROWS = 20_000
"""Rows above which k-means looks at batches of rows instead of all of them at every step."""
BATCH = 4096
ORDERING = 8
"""Columns by whose values rows are ordered, for the draws of k-means."""


class Clusters(NamedTuple):
    """Clusters, none of them empty.

    Attributes
    ----------
    centers : (K, d) in the space of the rows. scales : (d,) by which columns are divided before distances are taken.
    labels : (n,) the cluster of each row. sizes : (K,) their rows.
    """

    centers: np.ndarray
    scales: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray


def find_clusters(X: np.ndarray, n_clusters: int, random_state: int | None, *, standardize: bool) -> Clusters:
    """Gives at most `n_clusters` clusters of the rows (n, d) by k-means, fewer where fewer rows differ.

    Distances are of columns in standard deviations, or of them as they are. Lloyd's steps up to ``MANY_ROWS`` rows,
    batches above. Cost O(n d K) a pass.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans

    scales = own_scales(X, standardize=standardize)
    rows = X / scales
    rows = rows[_order(rows)]
    middle = rows.mean(axis=0, dtype=np.float64).astype(X.dtype)  # far from 0 distances would lose their digits
    rows -= middle
    k = min(n_clusters, len(np.unique(row_keys(rows))))
    seed = int(np.random.default_rng(random_state).integers(2**31))
    if len(rows) <= MANY_ROWS:
        model = KMeans(k, random_state=seed)
    else:  # without reassignment, which would move small clusters' centres away: these are what is looked for
        model = MiniBatchKMeans(k, batch_size=BATCH, reassignment_ratio=0.0, random_state=seed)
    centers = (model.fit(rows).cluster_centers_ + middle) * scales
    labels = nearest_center(X, centers, scales)
    kept, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return Clusters(centers[kept], scales, labels, sizes)


def nearest_center(X: np.ndarray, centers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Gives (n,) the position of the nearest of the centres (K, d) to each row (n, d), by columns over scales (d,)."""
    from sklearn.metrics import pairwise_distances_argmin

    middle = centers.mean(axis=0, dtype=np.float64).astype(centers.dtype)
    return pairwise_distances_argmin((X - middle) / scales, (centers - middle) / scales)


def _order(rows: np.ndarray) -> np.ndarray:
    """Gives (n,) the positions of the rows by the values of the first columns that vary.

    By values, not by their digits, so that rounding, and other units of columns, change it no more than they must.
    """
    with np.errstate(over="ignore"):
        coarse = rows.astype(np.float32)
    columns = coarse[:, np.flatnonzero(np.ptp(coarse, axis=0) > 0)[:ORDERING]].T
    return np.lexsort((row_keys(rows), row_keys(coarse), *columns[::-1]))
