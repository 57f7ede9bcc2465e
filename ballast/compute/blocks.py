"""Rows in blocks under a memory budget, and draws of rows that do not depend on their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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

FEW_VALUES = 10
"""Values that a column has at most where equal rows are not taken for copies: they come about by chance."""
LOOKED_AT = 1000


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


def are_copies(X: np.ndarray) -> bool:
    """Says whether equal rows are copies of each other: whether some column has more than 10 values.

    Rows of categories and flags alone are often equal, and say as much as if they were not. Looks at 1000 contents.
    """
    first = np.unique(row_keys(X), return_index=True)[1][:LOOKED_AT]
    values = np.sort(X[first], axis=0)
    return bool(((np.diff(values, axis=0) != 0).sum(axis=0) >= FEW_VALUES).any())


def copy_keys(*samples: np.ndarray) -> tuple[np.ndarray, ...]:
    """Gives for each sample (n,) keys, equal for copies of a row, within a sample and across them.

    Where equal rows are not taken for copies, each has a key of its own.
    """
    if any(are_copies(X) for X in samples):
        return tuple(row_keys(X) for X in samples)
    ends = np.cumsum([len(X) for X in samples])
    return tuple(np.arange(end - len(X), end, dtype=np.uint64) for X, end in zip(samples, ends, strict=True))


@dataclass(frozen=True)
class Contents:
    """Rows drawn from a sample, each content once.

    Attributes
    ----------
    positions : (k,) of one row of each content, in the order of their keys. counts : (k,) how many of the drawn rows
    have it.
    """

    positions: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, drawn: np.ndarray, keys: np.ndarray) -> Contents:
        """Gives the contents of the rows at some positions, of which all rows' keys (n,) tell copies."""
        _, first, counts = np.unique(keys[drawn], return_index=True, return_counts=True)
        return cls(drawn[first], counts)


def without_copies(X: np.ndarray) -> np.ndarray:
    """Gives the positions, ascending, of the rows that are not copies of an earlier one."""
    return np.sort(np.unique(copy_keys(X)[0], return_index=True)[1])


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


def halves(n: int, m: int, k: int) -> tuple[int, int]:
    """Gives how many of k rows are to come from each of two samples of n and m rows; see ``draw_halves``."""
    of_target = min(m, max(1, k // 2, k - n))
    return max(1, k - of_target), of_target


def draw_halves(X: np.ndarray, X_target: np.ndarray, k: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Gives the positions of k rows drawn from two samples, half from each, or all of one that has fewer.

    A target that is few beside the training rows would else have hardly any of the rows by which they are compared.
    """
    shares = halves(len(X), len(X_target), k)
    return [draw_rows(rows, share, rng) for rows, share in zip((X, X_target), shares, strict=True)]
