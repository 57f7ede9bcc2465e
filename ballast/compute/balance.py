"""How far the columns of two samples lie apart, before and after weighing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.compute.blocks import row_blocks

LOOKED_AT = 256
"""Rows whose mean the squares are measured from, lest a column far from 0 lose its digits."""


def standardized_mean_differences(
    X: np.ndarray,
    X_target: np.ndarray,
    weights: np.ndarray,
    design_weight: np.ndarray | None = None,
    design_weight_target: np.ndarray | None = None,
) -> np.ndarray:
    """Gives (1 + k, d) absolute standardized differences between X and the target: as X is, and under k weightings.

    ``weights`` are (k, n). As they are X and the target have their design weights, where they have some. A feature that
    varies in neither sample is measured in the standard deviation of both together. Cost: O(n d k), in blocks of rows.
    """
    n, m = len(X), len(X_target)
    near_target, (centre,), target = _moments(X_target, _shares(design_weight_target, m)[None])
    weightings = np.vstack([_shares(design_weight, n), weights / weights.sum(axis=1, keepdims=True)])
    near, means, own = _moments(X, weightings)
    differences = means - centre + (near - near_target)
    pooled = (own + target) / 2
    noise = np.square(1e-12 * np.abs(near_target + centre))  # what rounding makes of a constant feature
    together = differences[0] ** 2 * n * m / (n + m) ** 2
    scale = np.sqrt(np.where(pooled > noise, pooled, together))
    return np.divide(np.abs(differences), scale, out=np.zeros_like(differences), where=scale > np.sqrt(noise))


def differences_of_counts(
    counts: Any,
    counts_target: Any,
    weights: np.ndarray,
    design_weight: np.ndarray | None = None,
    design_weight_target: np.ndarray | None = None,
) -> np.ndarray:
    """Gives what ``standardized_mean_differences`` does of sparse (n, d) and (m, d) counts, such as of categories."""
    design, design_target = (
        _shares(design_weight, counts.shape[0]),
        _shares(design_weight_target, counts_target.shape[0]),
    )
    weightings = np.vstack([design, weights / weights.sum(axis=1, keepdims=True)])
    means, mean_target = (counts.T @ weightings.T).T, counts_target.T @ design_target
    squares = counts.multiply(counts).T @ design, counts_target.multiply(counts_target).T @ design_target
    variances = np.maximum(squares[0] - means[0] ** 2, 0) + np.maximum(squares[1] - mean_target**2, 0)
    off = np.abs(means - mean_target)
    return np.divide(off, np.sqrt(variances / 2), out=np.zeros_like(off), where=variances > 1e-24)


def differences_of_arms(
    X: np.ndarray, treated: np.ndarray, weights: np.ndarray, design_weight: np.ndarray | None = None
) -> np.ndarray:
    """Gives (1 + k, d) absolute standardized differences between two arms of X: as they are, and under k weightings.

    ``weights`` are (k, n). As they are the arms have their design weights, where they have some.
    """
    weightings = np.vstack([_shares(design_weight, len(X)), weights])
    arms = [(X[rows], weightings[:, rows]) for rows in (treated, ~treated)]
    (at, first, spread), (at_other, second, other) = (
        _moments(rows, own / own.sum(axis=1, keepdims=True)) for rows, own in arms
    )
    scale = np.sqrt((spread + other) / 2)
    differences = np.abs(first - second + (at - at_other))
    return np.divide(differences, scale, out=np.zeros_like(differences), where=scale > 0)


def _shares(design_weight: np.ndarray | None, n: int) -> np.ndarray:
    """Gives the (n,) shares of the rows in all: equal ones where there are no design weights."""
    if design_weight is None:
        return np.full(n, 1 / n)
    relative = design_weight.astype(np.float64) / design_weight.max()  # their sum may be beyond all numbers
    return relative / relative.sum()


def _moments(X: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gives a place (d,) near the rows, the (k, d) means from there under k rows of shares (k, n), each of sum 1, and
    the (d,) variances under the first."""
    n, d = X.shape
    near = X[:: -(-n // LOOKED_AT)].mean(axis=0, dtype=np.float64)
    means, squares = np.zeros((len(shares), d)), np.zeros(d)
    for rows in row_blocks(n, 8 * d, 2**18):
        moved = X[rows] - near
        means += shares[:, rows] @ moved
        squares += shares[0, rows] @ np.square(moved, out=moved)
    return near, means, np.maximum(squares - means[0] ** 2, 0.0)
