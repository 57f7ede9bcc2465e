"""Moves rows so that a sample takes on weights: each surplus goes to the nearest deficit, by an exact assignment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballast.compute.blocks import row_keys


@dataclass(frozen=True)
class ResidualMap:
    """What a row does that is nearest to a row of the sample.

    Attributes
    ----------
    keep : (m,) probability that it stays. targets : (u,) rows of the sample that rows go to, those of one row together.
    starts, counts : (m,) where in `targets` those of a row begin, and how many they are.
    """

    keep: np.ndarray
    targets: np.ndarray
    starts: np.ndarray
    counts: np.ndarray


def residual_map(X: np.ndarray, weights: np.ndarray) -> ResidualMap:
    """Gives the map of the sample (m, d) to itself under the weights (m,), of mean 1.

    Surplus (1 - w)+ and deficit (w - 1)+ are cut into m units each, which are matched at the least summed L1 distance.
    Cost O(m^3) at worst, O(m^2) memory.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    m = len(X)
    surplus, deficit = (1 - weights).clip(min=0), (weights - 1).clip(min=0)
    if not surplus.sum() > 0:
        return ResidualMap(np.ones(m), np.zeros(0, np.int64), np.zeros(m, np.int64), np.zeros(m, np.int64))
    source, target = _units(surplus, m), _units(deficit, m)
    pairs = linear_sum_assignment(cdist(X[source], X[target], "cityblock"))
    source, target = source[pairs[0]], target[pairs[1]]
    counts = np.bincount(source, minlength=m)
    small = np.flatnonzero((surplus > 0) & (counts == 0))  # too little for a unit: it goes to the nearest deficit
    if len(small):
        near = cdist(X[small], X[target], "cityblock").argmin(axis=1)
        source, target = np.r_[source, small], np.r_[target, target[near]]
    order = np.argsort(source, kind="stable")
    counts = np.bincount(source, minlength=m)
    return ResidualMap(1 - surplus, target[order], np.cumsum(counts) - counts, counts)


def moves(X: np.ndarray, audit: np.ndarray, plan: ResidualMap, rng: np.random.Generator) -> np.ndarray:
    """Gives (k,) the row of the sample `audit` (m, d) that each row (k, d) moves to, -1 where it stays.

    Draws go to rows in the order of their contents. Cost O(k m d), in blocks.
    """
    from sklearn.metrics import pairwise_distances_argmin

    if len(X) == 0:
        return np.zeros(0, dtype=np.int64)
    near = pairwise_distances_argmin(X, audit, metric="manhattan")
    draws = np.empty((len(X), 2))
    draws[np.argsort(row_keys(X), kind="stable")] = rng.random((len(X), 2))
    gone = np.flatnonzero(draws[:, 0] >= plan.keep[near])
    found = np.full(len(X), -1)
    unit = plan.starts[near[gone]] + (draws[gone, 1] * plan.counts[near[gone]]).astype(np.int64)
    found[gone] = plan.targets[unit]
    return found


def _units(mass: np.ndarray, k: int) -> np.ndarray:
    """Gives (k,) rows, each as often as its share of the mass says, up to one unit."""
    shares = np.cumsum(mass / mass.sum())
    return np.searchsorted(shares, (np.arange(k) + 0.5) / k * shares[-1])
