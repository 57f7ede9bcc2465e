"""Rows in blocks under a memory budget, and draws of rows that do not depend on their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

BLOCK_BYTES = 8 * 2**20
"""Memory of one block's intermediate matrix: small enough for a CPU's cache, large enough for full-speed GEMM."""

CUDA_BLOCK_BYTES = 2**28
"""Memory of a block on a GPU: enough rows to occupy it, so that starting kernels costs next to nothing."""

KEY_BYTES = 2**20
"""Memory of a block of rows whose keys are made: it is passed over once a column, so it should stay in the cache."""


def row_blocks(
    n: int, bytes_per_row: int, budget: int = BLOCK_BYTES, where: torch.device | None = None
) -> Iterator[slice]:
    """Gives the slices that cover rows 0 to n in order, each of at most `budget` bytes and at least one row.

    `where` is the device that works on a block; on a GPU the budget is at least 256 MiB.
    """
    if where is not None and where.type != "cpu":
        budget = max(budget, CUDA_BLOCK_BYTES)
    step = max(1, budget // max(1, bytes_per_row))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def row_keys(X: np.ndarray) -> np.ndarray:
    """Gives (n,) uint64 hashes of the rows' contents; equal rows have equal keys wherever they stand.

    Cost O(n d), one pass.
    """
    width = np.uint32 if X.dtype.itemsize == 4 else np.uint64
    multipliers = np.random.default_rng(0x5EED).integers(0, 2**64, X.shape[1], dtype=np.uint64) | np.uint64(1)
    keys = np.zeros(len(X), dtype=np.uint64)
    for rows in row_blocks(len(X), X.itemsize * X.shape[1], KEY_BYTES):
        own = keys[rows]
        columns = np.ascontiguousarray(X[rows].T) + X.dtype.type(0)  # + 0 turns -0.0 into 0.0
        for column, multiplier in zip(columns.view(width), multipliers, strict=True):
            own += column.astype(np.uint64, copy=False) * multiplier
            own ^= own >> np.uint64(29)
    return keys


def content_order(X: np.ndarray, *ties: np.ndarray) -> np.ndarray:
    """Gives the positions of the rows in an order that their contents, and the columns `ties` (n,), alone decide.

    The same for float32 and float64, up to rows that float32 cannot tell apart.
    """
    with np.errstate(over="ignore"):
        coarse = X.astype(np.float32)
    return np.lexsort((*ties, row_keys(X), row_keys(coarse)))


def draw_rows(X: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Gives the positions of k rows drawn without replacement; all rows, in the order of their keys, when k >= n.

    The drawn contents depend on the set of rows and the generator alone, not on the order of the rows.
    Cost O(n (d + log n)).
    """
    order = np.argsort(row_keys(X))  # quicker than a partition at many ranks
    return order if k >= len(X) else order[np.sort(rng.choice(len(X), size=k, replace=False))]
