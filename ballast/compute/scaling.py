"""One centre and scale for two samples, so that an isotropic kernel treats their columns alike."""

from __future__ import annotations

import numpy as np

from ballast.compute.blocks import row_blocks

TWO_VALUED = 1e-6
"""Relative slack of the variance at which a column counts as having two values alone."""


def joint_scaling(X: np.ndarray, X_target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the (d,) means and scales of both samples' rows together.

    The scale is the standard deviation; 1 for constant columns; and for columns of two values, such as encoded
    categories, half of what lies between them, their greatest possible deviation (Gelman, Scaling Regression Inputs by
    Dividing by Two Standard Deviations, 2008): by their own, a category of one row in a thousand would count thirty
    times as much as a number, and most distances would be distances between rare categories.

    In the dtype of X. Cost O((n + m) d), no copy of the rows.
    """
    n, m = len(X), len(X_target)
    offset = X[0].astype(np.float64)  # sums of squares keep their digits when the data lie far from 0
    moments = [_moments(part, offset) for part in (X, X_target)]
    mean = (moments[0][0] + moments[1][0]) / (n + m)
    variance = np.maximum((moments[0][1] + moments[1][1]) / (n + m) - mean**2, 0.0)
    low = np.minimum(X.min(axis=0), X_target.min(axis=0)) - offset
    high = np.maximum(X.max(axis=0), X_target.max(axis=0)) - offset
    largest = (mean - low) * (high - mean)  # no variance between the two is greater: it is that of two values alone
    two = variance >= (1 - TWO_VALUED) * largest
    scale = np.where(two, (high - low) / 2, np.sqrt(variance))
    scale = np.where(variance > 0, scale, 1.0)
    return (mean + offset).astype(X.dtype), scale.astype(X.dtype)


def _moments(X: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the sums of the columns less `offset`, and of their squares, in double precision, block by block."""
    total, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows in row_blocks(len(X), 8 * X.shape[1], budget=2**21):
        block = X[rows] - offset
        total += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    return total, squares
