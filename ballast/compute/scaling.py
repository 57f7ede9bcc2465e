"""One centre and scale for two samples, so that an isotropic kernel treats their columns alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from ballast.compute.blocks import row_blocks

FAR = 30.0
"""How many times as far from the median as 95 % of the values are a value must be to set no scale: in a normal law,
59 standard deviations."""
WIDE = 8.0
"""Standard deviations from end to end below which no few values set a column's scale, so that none are looked for."""
TWO_VALUED = 1e-6
"""Relative slack of the variance at which a column counts as having two values alone."""


def joint_scaling(X: np.ndarray, X_target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives the (d,) means and scales of both samples' rows together.

    The scale is the standard deviation; 1 for constant columns; and for columns of two values, such as encoded
    categories, half of what lies between them, their greatest possible deviation (Gelman, Scaling Regression Inputs by
    Dividing by Two Standard Deviations, 2008): by their own, a category of one row in a thousand would count thirty
    times as much as a number, and most distances would be distances between rare categories.

    Values more than 30 times as far from the median as 95 % of them (see ``far_limits``) count in neither where they
    are few, up to one or two in a hundred: one row with a value in another unit, or a stray 1e12, would else press all
    other rows together, and hide what they differ in.

    In the dtype of X. Cost O((n + m) d), no copy of the rows.
    """
    n, m = len(X), len(X_target)
    offset = X[0].astype(np.float64)  # sums of squares keep their digits when the data lie far from 0
    with ThreadPoolExecutor(2) as pool:  # numpy's loops leave the interpreter free
        parts = list(pool.map(lambda part: _moments(part, offset), (X, X_target)))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = (parts[0].total + parts[1].total) / (n + m)
        variance = np.maximum((parts[0].squares + parts[1].squares) / (n + m) - mean**2, 0.0)
    low, high = np.minimum(parts[0].low, parts[1].low), np.maximum(parts[0].high, parts[1].high)
    wide = min(WIDE, 0.9 * (n + m) ** 0.5) * np.sqrt(variance)  # one value far from all is root N deviations away
    for column in np.flatnonzero(~(high - low <= wide) | ~np.isfinite(variance)):
        values = np.concatenate([X[:, column], X_target[:, column]]).astype(np.float64)
        least, most = far_limits(values)
        near = values[(values >= least) & (values <= most)]
        if len(near) < len(values):
            offset[column] = 0.0  # the first row may be the one that is far
            mean[column], variance[column] = near.mean(), near.var()
            low[column], high[column] = near.min(), near.max()
    largest = (mean - low) * (high - mean)  # no variance between the two is greater: it is that of two values alone
    two = variance >= (1 - TWO_VALUED) * largest
    scale = np.where(two, (high - low) / 2, np.sqrt(variance))
    scale = np.where(variance > 0, scale, 1.0)
    return (mean + offset).astype(X.dtype), scale.astype(X.dtype)


def own_scales(X: np.ndarray, *, standardize: bool) -> np.ndarray:
    """Gives the (d,) scales of one sample's columns as ``joint_scaling`` gives them, or ones.

    To seven digits, for the order of the rows changes the last ones of sums.
    """
    if not standardize:
        return np.ones(X.shape[1], dtype=X.dtype)
    digits, exponent = np.frexp(joint_scaling(X, X[:0])[1].astype(np.float64))
    return np.ldexp(np.round(digits * 2**24) / 2**24, exponent).astype(X.dtype)


def far_limits(values: np.ndarray) -> tuple[float, float]:
    """Gives the ends beyond which a value is far from others (n,): 30 times as far from the median as 95 % of them.

    In place of 95 % of them stands half of those that are not the median where that is farther, so that in columns of
    mostly zeros what is not zero is not far.
    """
    median = float(np.median(values))
    distances = np.sort(np.abs(values - median))
    others = distances[np.searchsorted(distances, 0, side="right") :]
    reach = max(distances[int(0.95 * (len(distances) - 1))], others[(len(others) - 1) // 2] if len(others) else 0.0)
    return median - FAR * float(reach), median + FAR * float(reach)


class _Moments(NamedTuple):
    """The (d,) sums of columns and of their squares, and their ends, in double precision."""

    total: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _moments(X: np.ndarray, offset: np.ndarray) -> _Moments:
    """Gives the moments of the columns less `offset`, block by block; columns lie together, which is quicker."""
    d = X.shape[1]
    found = _Moments(np.zeros(d), np.zeros(d), np.full(d, np.inf), np.full(d, -np.inf))
    for rows in row_blocks(len(X), 8 * d, budget=2**21):
        block = np.ascontiguousarray((X[rows] - offset).T)
        found.total[:] += block.sum(axis=1)
        with np.errstate(over="ignore"):  # an infinite sum tells of values that are far
            found.squares[:] += np.einsum("ij,ij->i", block, block)
        np.minimum(found.low, block.min(axis=1), out=found.low)
        np.maximum(found.high, block.max(axis=1), out=found.high)
    return found
