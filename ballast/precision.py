"""How precisely a column keeps its numbers, so that equal numbers of two columns are found to be equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def coarser_of(column: pd.Series, values: np.ndarray, other: pd.Series, others: np.ndarray) -> np.dtype | None:
    """Gives the lesser of the precisions of two columns, whose numbers are there as doubles; None where it is one."""
    first, second = _precision(column, values), _precision(other, others)
    return None if first == second else min(first, second, key=lambda dtype: dtype.itemsize)


def rounded(values: np.ndarray, precision: np.dtype) -> np.ndarray:
    """Gives doubles as a column of that precision would keep them; what is beyond its range becomes infinite."""
    with np.errstate(over="ignore"):
        return values.astype(precision).astype(np.float64)


def comparable(X: np.ndarray, X_target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives two matrices, each column at the lesser of its two precisions: one may have passed through floats."""
    if X.dtype != np.float64:
        return X, X_target
    fits, fits_target = ((rounded(x, np.dtype(np.float32)) == x).all(axis=0) for x in (X, X_target))
    mixed = fits != fits_target
    if not mixed.any():
        return X, X_target
    one, other = (np.where(mixed, rounded(x, np.dtype(np.float32)), x) for x in (X, X_target))
    return one, other


def _precision(column: pd.Series, values: np.ndarray) -> np.dtype:
    """Gives the narrowest float that a column is stored in, or could be stored in without loss."""
    dtype = getattr(column.dtype, "subtype", getattr(column.dtype, "numpy_dtype", column.dtype))
    if dtype in (np.float16, np.float32):
        return np.dtype(dtype)
    fits = bool((rounded(values, np.dtype(np.float32)) == values).all())
    return np.dtype(np.float32 if fits else np.float64)
