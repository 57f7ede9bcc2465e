"""The expected calibration error, what it would be of a calibrated model, and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.stats import norm, t

from ballast.methods.evaluation.bootstrap import by_unit, members, one_hot
from ballast.methods.evaluation.shares import Interval

DRAWS = 2000
FAR = 38.0
"""Standard errors from 0 at which the bias of an absolute value is none."""


@dataclass(frozen=True)
class CalibrationError:
    """The mean gap between confidence and accuracy over equal-width bins of the confidence.

    Attributes
    ----------
    confidence, correct, weight : (n,) the highest probability of each row, whether its class is right, its weight.
    n_bins : of the confidence. units : (n,) what rows are of, that are not independent; None where they are.
    """

    confidence: np.ndarray
    correct: np.ndarray
    weight: np.ndarray
    n_bins: int
    units: np.ndarray | None = None

    @property
    def value(self) -> float:
        return float(np.abs(self._gaps).sum())

    @cached_property
    def if_calibrated(self) -> np.ndarray:
        """Draws of the error that a calibrated model would have on such rows.

        A bin's gap is a sum of centred coins, and drawn as the normal of its variance.
        """
        return np.abs(np.random.default_rng(0).standard_normal((DRAWS, self.n_bins)) * self._of_calibrated).sum(axis=1)

    def interval(self, level: float) -> Interval:
        """Gives Student's interval of the error less its bias, which begins at 0 where a model may be calibrated.

        The absolute value of a gap is on average too large by that of a normal of its standard error. The value itself,
        bias and all, is never left out.
        """
        gaps, errors = np.abs(self._gaps), self._errors
        far = np.divide(gaps, errors, out=np.full_like(gaps, FAR), where=errors > gaps / FAR)
        folded = errors * np.sqrt(2 / np.pi) * np.exp(-(far**2) / 2) + gaps * (1 - 2 * norm.cdf(-far))
        middle = self.value - float((folded - gaps).sum())
        n = by_unit(self.weight, self.units).size
        half = float(t.ppf(0.5 + level / 2, n - 1)) * self._error
        high = min(max(middle + half, self.value), 1.0)
        if self.value <= np.quantile(self.if_calibrated, 0.5 + level / 2):
            return 0.0, high
        return min(max(middle - half, 0.0), self.value), high

    @cached_property
    def _bins(self) -> np.ndarray:
        return np.minimum((self.confidence * self.n_bins).astype(int), self.n_bins - 1)

    @cached_property
    def _off(self) -> np.ndarray:
        """(n,) what each row adds to its bin's gap."""
        return self.weight * (self.confidence - self.correct) / self.weight.sum()

    @cached_property
    def _gaps(self) -> np.ndarray:
        return np.bincount(self._bins, self._off, self.n_bins)

    @cached_property
    def _of_calibrated(self) -> np.ndarray:
        """(n_bins,) the standard errors of a calibrated model's gaps."""
        return np.sqrt(self._of_coins(self.confidence))

    @cached_property
    def _errors(self) -> np.ndarray:
        """(n_bins,) the standard errors of the gaps; a calibrated model's where a bin has one row or unit.

        They are at least those with one right and one wrong row, or unit, more: bins that are all right show none.
        """
        right, rows = (np.bincount(self._bins, of, self.n_bins) for of in (self.correct, np.ones(len(self._bins))))
        share = np.divide(right, rows, out=np.zeros(self.n_bins), where=rows > 0)
        least = self._of_coins(((share * self._sizes + 1) / (self._sizes + 2))[self._bins])
        return np.sqrt(np.where(self._sizes > 1, np.maximum(_squares(self._left), least), self._of_calibrated**2))

    def _of_coins(self, p: np.ndarray) -> np.ndarray:
        """(n_bins,) the variances of gaps whose rows (n,) are right by chance p, as alike in a unit as they are."""
        variance = np.bincount(self._bins, (self.weight / self.weight.sum()) ** 2 * p * (1 - p), self.n_bins)
        if self.units is None:
            return variance
        alone = np.bincount(self._bins, self._off**2, self.n_bins)
        return variance * np.maximum(np.divide(_squares(self._by_bin(self._off)), alone, where=alone > 0, out=alone), 1)

    @property
    def _error(self) -> float:
        """The standard error of the sum of the gaps' sizes."""
        apart = (self._errors**2).sum()
        together = ((np.sign(self._gaps) @ self._left) ** 2).sum() if self.units is not None else 0.0
        return float(np.sqrt(max(apart, together)))

    @cached_property
    def _sizes(self) -> np.ndarray:
        """(n_bins,) the rows, or units, that each bin has."""
        return np.diff(self._by_bin(np.ones(len(self._bins))).indptr)

    @cached_property
    def _left(self) -> sparse.csr_array:
        """(n_bins, C) what each row, or unit, adds to a gap beyond an equal part of it, made up for its leverage."""
        rows = np.bincount(self._bins, minlength=self.n_bins)
        mean = np.divide(self._gaps, rows, out=np.zeros(self.n_bins), where=rows > 0)
        raised = np.sqrt(self._sizes / np.maximum(self._sizes - 1, 1))
        return self._by_bin((self._off - mean[self._bins]) * raised[self._bins])

    def _by_bin(self, values: np.ndarray) -> sparse.csr_array:
        found = one_hot(self._bins, values, self.n_bins)
        return found if self.units is None else sparse.csr_array(found @ members(self.units))


def _squares(rows: sparse.csr_array) -> np.ndarray:
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
