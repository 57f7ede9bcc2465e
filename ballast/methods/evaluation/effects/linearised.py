"""Weighted means of arms and their differences: how sure they are, with weights known or fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from ballast.methods.evaluation.bootstrap import by_unit

NO_FREEDOM = 1e-8
"""The part of its variance that a row's residual keeps, up to which the row tells nothing of the variance."""
ROUNDING = 1e-12
"""A standard error up to this part of the largest outcome counts as none."""


class Error(NamedTuple):
    """A standard error and the degrees of freedom of its estimate; both NaN where the rows tell none."""

    standard: float
    degrees: float

    def interval(self, value: float, confidence: float) -> tuple[float, float]:
        """Gives Student's interval."""
        half = float(t.ppf(0.5 + confidence / 2, self.degrees)) * self.standard
        return value - half, value + half


@dataclass(frozen=True)
class ArmMeans:
    """Hajek's means of outcomes (n,) in K arms, under weights that are known, or fitted to rows.

    Attributes
    ----------
    outcome, arm, weight : (n,) each; arms are 0 to K - 1, each with weight.
    gradient, influence : (n, k) of fitted weights: how much each weight moves with a standard error of the fit in each
    of k uncorrelated directions, and what each row adds to that error. Where its squares do not sum up to 1, rows of
    another sample do the rest. None where the weights are known.
    units : (n,) what rows are of, that are then not independent; None where they are.
    """

    outcome: np.ndarray
    arm: np.ndarray
    weight: np.ndarray
    gradient: np.ndarray | None = None
    influence: np.ndarray | None = None
    units: np.ndarray | None = None

    @cached_property
    def totals(self) -> np.ndarray:
        return np.bincount(self.arm, self.weight)

    @cached_property
    def means(self) -> np.ndarray:
        """(K,) the means."""
        return np.bincount(self.arm, self.weight * self.outcome) / self.totals

    def error(self, contrast: np.ndarray) -> Error:
        """Gives the standard error of a sum of the means, each times its entry of ``contrast`` (K,).

        It is that of stacked estimating equations: the sum of squares of what each row adds to the error, M y, where M
        is a diagonal less a product of few columns. Each square is made up to what it is worth where outcomes differ by
        noise alone, of one variance in each arm (Bell and McCaffrey), and the degrees of freedom are those of the sum
        there (Satterthwaite). Of equal weights it is Welch's. Of units it is the square of their sums, no less than
        that of rows, and the degrees of freedom are as many as units but one.
        """
        sign = contrast[self.arm]
        share = self.weight / self.totals[self.arm]
        signed, residual = sign * share, self.outcome - self.means[self.arm]
        used = np.flatnonzero(contrast)
        in_arm = self.arm[:, None] == used
        left, right = signed[:, None] * in_arm, share[:, None] * in_arm
        rest = np.zeros((len(used), len(used)))
        added, others = signed * residual, 0.0
        if self.gradient is not None and self.influence is not None:
            slope = self._slope(sign, share)
            moved = slope.T @ self.outcome  # by a standard error of the fit in each direction
            added = added + self.influence @ moved
            unexplained = np.eye(len(moved)) - self.influence.T @ self.influence
            others = max(float(moved @ unexplained @ moved), 0.0)
            left, right = np.hstack([left, -self.influence]), np.hstack([right, slope])
            rest = np.pad(unexplained, (len(used), 0))
        worth = signed**2 - 2 * signed * (left * right).sum(axis=1) + ((left @ (right.T @ right)) * left).sum(axis=1)
        free = worth > NO_FREEDOM * signed**2
        raised = np.where(free, np.maximum(signed**2 / np.where(free, worth, 1.0), 1.0), 0.0)
        arms = [(self.arm == a) & (signed != 0) for a in used]
        if not all(free[rows].any() for rows in arms):
            return Error(np.nan, np.nan)
        noise = np.ones(len(signed))
        for rows in arms:
            raised[rows] *= (signed[rows] ** 2).sum() / (signed[rows & free] ** 2).sum()
            noise[rows] = (raised * added**2)[rows].sum() / (raised * worth)[rows].sum()
        squares = raised * added**2
        variance, most = float(squares.sum()), np.inf
        if self.units is not None:
            sums = by_unit(np.sqrt(raised) * added, self.units)
            most = len(sums) - 1.0
            variance = max(variance, float((sums**2).sum()) * len(sums) / max(most, 1.0))
        standard = float(np.sqrt(variance + others))
        if not (standard > ROUNDING * np.abs(self.outcome).max() and most > 0):
            return Error(np.nan, np.nan)
        return Error(standard, min(_degrees(signed, left, right, rest, raised, noise), most))

    def _slope(self, sign: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Gives (n, k) how what is estimated moves with each row's outcome and a standard error of the fit."""
        assert self.gradient is not None
        own = self.gradient / self.totals[self.arm][:, None]
        sums = np.stack([own[self.arm == a].sum(axis=0) for a in range(len(self.totals))])
        return sign[:, None] * (own - share[:, None] * sums[self.arm])


def _degrees(
    signed: np.ndarray, left: np.ndarray, right: np.ndarray, rest: np.ndarray, raised: np.ndarray, noise: np.ndarray
) -> float:
    """Gives Satterthwaite's degrees of freedom of y' A y for noise y of variances (n,).

    A is M' diag(raised) M + right rest right', and M is diag(signed) - left right'.
    """
    scale = np.sqrt(noise)[:, None]
    diagonal = raised * signed**2 * noise
    factors = scale * np.hstack([(raised * signed)[:, None] * left, right])
    k = left.shape[1]
    middle = np.block([[np.zeros((k, k)), -np.eye(k)], [-np.eye(k), left.T @ (left * raised[:, None]) + rest]])
    weighed = factors @ middle
    between = middle @ (factors.T @ factors)
    trace = diagonal.sum() + np.trace(between)
    squared = (diagonal**2).sum() + 2 * (diagonal @ (weighed * factors).sum(axis=1)) + np.trace(between @ between)
    return float(trace**2 / squared)
