"""Quantiles of a column in little memory, with a bound of their error that is added up, not estimated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.compute.states.packing import packed, unpacked
from ballast.errors import DataError, ParameterError
from ballast.words import shown

SIZE = 4096
"""Values a level holds where nothing else is said: an error of at most .06 % of ten million rows, and
.08 % of a hundred million."""
WAITING = 8
"""How many times as many values as a level holds are kept as they are before they are thinned."""


class Quantiles:
    """A sketch of the distribution of a column's values.

    Parameters
    ----------
    size : how many values a level holds; the error falls, and the state grows, in proportion.

    Attributes
    ----------
    count : rows with a value. missing : rows that are NaN. low, high : the least and the greatest value, exact;
    infinity and minus infinity where there is none. Infinite values are values.

    Notes
    -----
    Fewer than 8 `size` values are kept as they are, and everything is exact. Else 8 `size` values are sorted and every
    8th is kept, at a level where each stands for 8; two sets of one level are sorted together and every second value
    is kept, at the next level (Manku, Rajagopalan, Lindsay, Approximate Medians and other Quantiles in One Pass and
    with Limited Memory, 1998). Which of the two is not a coin's choice, as in Karnin, Lang, Liberty, Optimal Quantile
    Approximation in Streams, 2016, but the one that evens out what ranks can be wrong by upwards and downwards until
    then. So equal parts in equal order make equal states, and ``rank_error`` is the sum of what each thinning can do at
    worst: about (.44 + log2(n / 8 size) / 4) / size of the rows. ``add`` gives the same for any cut of the rows;
    ``merge`` another state for another cut, within its own bound, which is about the same.

    Cost O(n log size), about 40 ns a value; the state has at most 8 size (8 + log2(n / 8 size)) bytes.
    """

    def __init__(self, size: int = SIZE):
        if size < 1:
            raise ParameterError(f"size={size} is not a number of values; give 1 or more")
        self.size = size
        self.count = self.missing = 0
        self.low, self.high = np.inf, -np.inf
        self._over = self._under = 0  # by how many rows ranks may be too great, or too small
        self._waiting = np.empty(0)
        self._levels: list[np.ndarray] = []  # of level h (size,) values that stand for 8 * 2^h each, or none

    @property
    def rank_error(self) -> float:
        """The most that the share of rows up to any value may be wrong by: 0 where everything is exact."""
        return max(self._over, self._under) / self.count if self.count else 0.0

    def add(self, values: np.ndarray) -> None:
        """Adds values (n,) of numbers or truths, NaN where missing."""
        values = np.asarray(values, dtype=np.float64)
        there = values[~np.isnan(values)] + 0.0  # -0.0 is 0.0
        self.missing += len(values) - len(there)
        if len(there):
            self.low, self.high = min(self.low, float(there.min())), max(self.high, float(there.max()))
            self.count += len(there)
            self._take(there)

    def pad(self, n: int) -> None:
        """Adds n rows that have no value."""
        self.missing += n

    def merge(self, other: Quantiles) -> None:
        """Takes up another state; DataError for one of another size."""
        if other.size != self.size:
            raise DataError(f"a sketch of size {other.size} cannot be added to one of size {self.size}")
        levels = list(other._levels)
        self.count, self.missing = self.count + other.count, self.missing + other.missing
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self._over, self._under = self._over + other._over, self._under + other._under
        self._take(other._waiting)
        for level, values in enumerate(levels):
            self._carry(level, values)

    def quantile(self, q: Any) -> Any:
        """Gives the quantiles at shares q, of any shape.

        Where everything is exact they are numpy's linear ones, but the lower value where one of two is infinite. Else
        each is one of the values, and q lies between the shares of rows below it and up to it, or ``rank_error`` from
        them at most; the ends are exact. NaN where there is no value. ParameterError for q outside 0 to 1.
        """
        q = np.asarray(q, dtype=np.float64)
        if not ((q >= 0) & (q <= 1)).all():
            raise ParameterError(
                f"q={shown(q.tolist())} is not a share of the rows, or several; give numbers from 0 to 1"
            )
        if not self.count:
            return np.full(q.shape, np.nan)[()]
        if not self._levels:
            lower, higher = (np.quantile(self._waiting, q, method=end) for end in ("lower", "higher"))
            with np.errstate(invalid="ignore"):
                found = np.quantile(self._waiting, q)
            return np.where(np.isinf(lower) | np.isinf(higher), lower, found)[()]
        values, ranks = self._ranked()
        found = values[np.searchsorted(ranks, q * self.count)]
        return np.where(q == 0, self.low, np.where(q == 1, self.high, found))[()]

    def cdf(self, x: Any) -> Any:
        """Gives the shares of rows with a value that is at most x, of any shape, each wrong by ``rank_error`` at most.

        NaN where x is, or where there is no value.
        """
        x = np.asarray(x, dtype=np.float64)
        values, ranks = self._ranked()
        shares = np.append(0, ranks)[np.searchsorted(values, x, side="right")] / (self.count or np.nan)
        return np.where(np.isnan(x), np.nan, shares)[()]

    def points(self) -> np.ndarray:
        """Gives the (m,) values that are kept, ascending: between two of them ``cdf`` does not change."""
        return self._ranked()[0]

    def _ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Gives the kept values, ascending, and for how many rows those up to each stand."""
        values = np.concatenate([self._waiting, *self._levels])
        stands_for = [len(self._waiting), *map(len, self._levels)]
        weights = np.repeat([1, *(WAITING << level for level in range(len(self._levels)))], stands_for)
        order = np.argsort(values, kind="stable")
        return values[order], np.cumsum(weights[order])

    def _take(self, values: np.ndarray) -> None:
        """Takes up values as they are, and thins them where there are enough."""
        waiting = np.concatenate([self._waiting, values])
        whole = len(waiting) - len(waiting) % (WAITING * self.size)
        for block in waiting[:whole].reshape(-1, WAITING * self.size):
            self._carry(0, self._thinned(np.sort(block), WAITING, 1))
        self._waiting = waiting[whole:].copy()

    def _carry(self, level: int, values: np.ndarray) -> None:
        """Puts values at a level and, where there are some, thins both together to the next."""
        if not len(values):
            return
        self._levels += [np.empty(0)] * (level + 1 - len(self._levels))
        if not len(self._levels[level]):
            self._levels[level] = values
            return
        both = np.sort(np.concatenate([self._levels[level], values]), kind="stable")  # finds the two runs, and merges
        self._levels[level] = np.empty(0)
        self._carry(level + 1, self._thinned(both, 2, WAITING << level))

    def _thinned(self, ascending: np.ndarray, step: int, weight: int) -> np.ndarray:
        """Keeps one of `step` values, each of which stands for `weight` rows, and adds up what that does to ranks.

        Of a value that r of these lie up to, the kept ones tell step * ceil((r - first) / step): at most `first` less,
        and at most step - 1 - first more.
        """
        first = step // 2 if self._over > self._under else (step - 1) // 2
        self._under += weight * first
        self._over += weight * (step - 1 - first)
        return ascending[first::step].copy()

    def to_bytes(self) -> bytes:
        """Gives the state as bytes; see ``packing``."""
        fields = {"size": self.size, "count": self.count, "missing": self.missing}
        fields |= {"over": self._over, "under": self._under, "full": [len(values) > 0 for values in self._levels]}
        ends, kept = np.array([self.low, self.high]), np.concatenate([np.empty(0), *self._levels])
        return packed("quantiles 1", fields, {"ends": ends, "waiting": self._waiting, "kept": kept})

    @classmethod
    def from_bytes(cls, data: bytes) -> Quantiles:
        """Gives the state that ``to_bytes`` gave; DataError for bytes that are damaged, or of another state."""
        fields, arrays = unpacked("quantiles 1", data)
        state = cls(fields["size"])
        state.count, state.missing = fields["count"], fields["missing"]
        state.low, state.high = arrays["ends"].tolist()
        state._over, state._under = fields["over"], fields["under"]
        state._waiting = arrays["waiting"]
        kept = iter(arrays["kept"].reshape(-1, state.size))
        state._levels = [next(kept) if full else np.empty(0) for full in fields["full"]]
        return state
