"""Predictions that do not depend on the rows beside: a matrix product takes another path by the number of rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

BLOCK = 1024
"""Rows a model is asked for at once, always."""


def in_blocks(predict: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> np.ndarray:
    """Gives what ``predict`` does of the rows of ``X`` (n, d), each row the same to the bit in whatever company.

    It is asked for ``BLOCK`` rows at a time, the last of them made up where there are fewer, on one thread of linear
    algebra: logistic regression by itself gives one row of four another last bit when it is asked for alone.
    """
    found = []
    rows = np.zeros((BLOCK, X.shape[1]), dtype=X.dtype)  # one place in memory for all, which may decide the path too
    with threadpool_limits(1, user_api="blas"):
        for start in range(0, max(len(X), 1), BLOCK):
            part = X[start : start + BLOCK]
            rows[: len(part)] = part
            found.append(np.array(predict(rows)[: len(part)]))
    return np.concatenate(found)
