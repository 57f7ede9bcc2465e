"""Means, variances and ends of columns, merged without the loss of digits that sums of squares bring."""

from __future__ import annotations

import numpy as np

from ballast.compute.blocks import row_blocks
from ballast.compute.states.packing import packed, unpacked
from ballast.errors import DataError
from ballast.words import plural

BLOCK = 2**19
"""Bytes of the block of rows that is passed over several times: they should stay in the processor's cache."""
MOST = 1e200
"""The greatest weight: a sum of those of any number of rows is a double."""
_ARRAYS = ("count", "missing", "weight", "low", "high", "_centre", "_squares")


class Moments:
    """The count, mean, variance, least and greatest value of each of k columns.

    Parameters
    ----------
    k : the number of columns.

    Attributes
    ----------
    count : (k,) int64, rows with a value. missing : (k,) int64, rows without one. weight : (k,) float64, the sum of the
    weights of finite values; the count of these where there are no weights. low, high : (k,) float64, the ends of the
    values whose weight is not 0; infinity and minus infinity where there is none.

    Notes
    -----
    Values are taken as doubles, of which integers beyond 2^53 keep 16 digits, and sums are of doubles, so that no sum
    of integers runs over. Mean and squared deviations of a block are merged by Chan's formula: another cut of the rows
    changes the variance by a relative 1e-8 where the mean is 1e9 standard deviations from 0, and by less where it is
    nearer. Squares of deviations beyond 1e154 are infinite. Cost O(n k), about 12 ns a value; the state has 56 k bytes.

    Reference: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """

    def __init__(self, k: int):
        self.count = np.zeros(k, dtype=np.int64)
        self.missing = np.zeros(k, dtype=np.int64)
        self.weight = np.zeros(k)
        self.low = np.full(k, np.inf)
        self.high = np.full(k, -np.inf)
        self._centre = np.zeros(k)  # of the finite values
        self._squares = np.zeros(k)

    @property
    def constant(self) -> np.ndarray:
        """(k,) True where all values are one, whatever rounding made of their sums."""
        return self.low == self.high

    @property
    def mean(self) -> np.ndarray:
        """(k,) float64; NaN where there is no value, and where the ends lie farther apart than any double."""
        with np.errstate(invalid="ignore"):
            ends = np.where(np.isinf(self.low), self.low, 0) + np.where(np.isinf(self.high), self.high, 0)
        mean = np.where(np.isfinite(ends), self._centre, ends)
        mean = np.where(self.constant, self.low, mean)
        return np.where((self.low <= self.high) & ~self._too_wide, mean, np.nan)

    @property
    def variance(self) -> np.ndarray:
        """(k,) float64, squared deviations by the sum of weights; 0 of a constant, NaN where some value is infinite."""
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.where(self.constant, 0.0, self._squares / self.weight)
        variance = np.where(self._too_wide, np.inf, variance)
        return np.where(np.isfinite(self.low) & np.isfinite(self.high), variance, np.nan)

    @property
    def _too_wide(self) -> np.ndarray:
        finite = np.isfinite(self.low) & np.isfinite(self.high)
        with np.errstate(invalid="ignore", over="ignore"):
            return finite & np.isinf(self.high - self.low)

    def add(self, X: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Adds rows (n, k) of numbers or truths, NaN where missing, with weights (n,) where they have some.

        DataError for another number of columns, and weights that are missing, negative or beyond 1e200.
        """
        self._check(X.shape[1])
        if weights is not None and (bad := int((~((weights >= 0) & (weights <= MOST))).sum())):
            raise DataError(
                f"{plural(bad, 'weight')} of {len(weights)} rows are missing, negative or beyond {MOST:g}; give others"
            )
        for rows in row_blocks(len(X), 8 * X.shape[1], BLOCK):
            block = np.array(X[rows].T, dtype=np.float64, order="C")  # sums do not depend on the memory's order
            block += 0.0  # nor ends on which of two zeros came first
            self.merge(_of_block(block, None if weights is None else weights[rows]))

    def pad(self, n: int) -> None:
        """Adds n rows that have no values."""
        self.missing = self.missing + n

    @np.errstate(over="ignore", invalid="ignore")
    def merge(self, other: Moments) -> None:
        """Takes up another state of as many columns."""
        self._check(len(other.count))
        empty, nothing = self.weight == 0, other.weight == 0
        weight = self.weight + other.weight
        share = np.divide(other.weight, weight, out=np.zeros_like(weight), where=~nothing)
        apart = np.where(empty | nothing, 0.0, other._centre - self._centre)
        self._squares = self._squares + other._squares + np.square(apart) * self.weight * share
        self._centre = np.where(empty, other._centre, self._centre + apart * share)
        self.weight = weight
        self.count, self.missing = self.count + other.count, self.missing + other.missing
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)

    def to_bytes(self) -> bytes:
        """Gives the state as bytes; see ``packing``."""
        return packed("moments 1", {}, {name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """Gives the state that ``to_bytes`` gave; DataError for bytes that are damaged, or of another state."""
        _, arrays = unpacked("moments 1", data)
        state = cls(0)
        for name in _ARRAYS:
            setattr(state, name, arrays[name])
        return state

    def _check(self, k: int) -> None:
        if k != len(self.count):
            raise DataError(f"{plural(k, 'column')} cannot be added to the moments of {len(self.count)}")


@np.errstate(over="ignore", invalid="ignore")  # squares may be infinite, and deviations where ends are too far apart
def _of_block(block: np.ndarray, weights: np.ndarray | None) -> Moments:
    """Gives the moments of a block (k, n) of doubles, in two passes, the second of which corrects the first."""
    found = Moments(len(block))
    there, finite = ~np.isnan(block), np.isfinite(block)
    found.count = there.sum(axis=1)
    found.missing = block.shape[1] - found.count
    counted = there if weights is None else there & (weights > 0)
    found.low = block.min(axis=1, where=counted, initial=np.inf)
    found.high = block.max(axis=1, where=counted, initial=-np.inf)
    shares = finite.astype(np.float64) if weights is None else finite * weights
    found.weight = shares.sum(axis=1)
    shares /= np.where(found.weight > 0, found.weight, 1)[:, None]
    values = np.where(finite, block, 0)
    centre = (shares * values).sum(axis=1)
    values -= centre[:, None]
    part = shares * values
    rest = part.sum(axis=1)
    found._centre = centre + rest
    part *= values
    spread = part.sum(axis=1)
    found._squares = np.where(np.isinf(spread), np.inf, np.maximum(spread - rest**2, 0)) * found.weight
    return found
