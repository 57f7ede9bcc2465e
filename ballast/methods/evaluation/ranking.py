"""The area under the ROC curve with its interval, and the log loss with the rows that it cannot tell of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm, t

from ballast.methods.evaluation.bootstrap import by_unit
from ballast.methods.evaluation.shares import Interval, furthest, kish

LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
"""What a probability of 0 counts as in the log loss, 36 for the row in place of infinity."""
LARGEST_LOSS = float(-np.log(LEAST_PROBABILITY))
ROUNDING = 1e-24
"""A variance of areas up to this counts as zero."""


@dataclass(frozen=True)
class Area:
    """The mean one-against-rest AUROC ``value`` of rows (n,), NaN of one class.

    ``influence`` is each row's on it, its weight included: of placement values, as in DeLong's variance. Rows of one of
    the ``units`` (n,) are not independent.
    """

    value: float
    influence: np.ndarray
    codes: np.ndarray
    weight: np.ndarray
    units: np.ndarray | None = None

    def interval(self, confidence: float) -> Interval:
        """Gives DeLong's interval on the logit, by Student's quantiles; one by scores where rows show no spread."""
        error = self._half(self.influence, confidence)
        if not error > 0 or not 0 < self.value < 1:
            return self._by_scores(confidence)
        steps = error / (self.value * (1 - self.value)) * np.array([-1, 1])
        low, high = expit(logit(self.value) + steps)
        return float(low), float(high)

    def difference(self, first: Area, confidence: float) -> Interval:
        """Gives the interval of this area minus the first's on the same rows, DeLong's for paired curves."""
        gain, error = self.value - first.value, self._half(self.influence - first.influence, confidence)
        if error > 0:
            return max(gain - error, -1.0), min(gain + error, 1.0)
        (low, high), (low_first, high_first) = (area._by_scores(confidence) for area in (self, first))
        below = np.hypot(self.value - low, high_first - first.value)
        return float(gain - below), float(gain + np.hypot(high - self.value, first.value - low_first))

    def _half(self, influence: np.ndarray, confidence: float) -> float:
        """Gives half the width of the interval of a sum of influences; 0 where a class has one row, or none varies.

        A class's variance is at least what it is with its weights dealt to its rows anew: few rows ranked badly, near
        an area of 1, hide what the heaviest could do.
        """
        kept = self.weight > 0
        codes, weight, influence = (
            np.unique(self.codes[kept], return_inverse=True)[1],
            self.weight[kept],
            influence[kept],
        )
        n = np.bincount(codes)
        if n.min() < 2:
            return 0.0
        of_units = by_unit(influence, None if self.units is None else self.units[kept])
        dealt = np.bincount(codes, (influence / weight) ** 2) / n * np.bincount(codes, weight**2)
        variances = np.maximum(np.bincount(codes, influence**2), dealt) * n / (n - 1)
        variance = variances.sum()
        if variance <= ROUNDING:
            return 0.0
        degrees = variance**2 / (variances**2 / (n - 1)).sum()  # Welch and Satterthwaite's
        if self.units is not None:  # Obuchowski's variance of clustered curves, no less than that of rows
            degrees = len(of_units) - 1
            variance = max(variance, (of_units**2).sum() * len(of_units) / max(degrees, 1))
        return float(t.ppf(0.5 + confidence / 2, degrees) * np.sqrt(variance))

    def _by_scores(self, confidence: float) -> Interval:
        """Gives the areas whose own variance (Hanley and McNeil's) has this one within its interval, as Newcombe does.

        Of several classes it is the mean of theirs, which takes them for wholly dependent.
        """
        held = self.weight > 0
        sizes = [by_unit(self.weight * ((self.codes == k) & held), self.units) for k in np.unique(self.codes[held])]
        whole, z = by_unit(self.weight, self.units), norm.ppf(0.5 + confidence / 2)
        ends = []
        for own in sizes:
            m = kish(own)
            rest = max(kish(whole) * (1 - own.sum() / whole.sum()), 1.0)

            def within(area: float, m: float = m, rest: float = rest) -> bool:
                more = ((m + rest) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area))
                return bool((area - self.value) ** 2 <= z**2 * area * (1 - area) * (1 + more) / (m * rest))

            ends.append((furthest(within, self.value, 0.0), furthest(within, self.value, 1.0)))
        low, high = np.mean(ends, axis=0)
        return float(low), float(high)


def auroc(codes: np.ndarray, probs: np.ndarray, weight: np.ndarray, units: np.ndarray | None = None) -> Area:
    """Gives the mean area of one class against the rest, of (n, n_classes) ``probs``."""
    influence = np.zeros(len(codes))
    values = []
    n_classes = probs.shape[1]
    for k in range(1 if n_classes == 2 else 0, n_classes):  # the first of two classes is the second turned round
        positive = codes == k
        w_positive, w_negative = np.where(positive, weight, 0.0), np.where(positive, 0.0, weight)
        p, q = w_positive.sum(), w_negative.sum()
        if not (p > 0 and q > 0):
            continue
        _, place = np.unique(probs[:, k], return_inverse=True)
        positives, negatives = np.bincount(place, w_positive), np.bincount(place, w_negative)
        beaten = ((np.cumsum(negatives) - negatives / 2) / q)[place]  # share of the negatives below, ties half
        beating = 1 - ((np.cumsum(positives) - positives / 2) / p)[place]
        value = min(float((w_positive * beaten).sum() / p), 1.0)
        influence += np.where(positive, (beaten - value) / p, (beating - value) / q)
        values.append(value)
    area = float(np.mean(values)) if values else float("nan")
    return Area(area, weight * influence / max(len(values), 1), codes, weight, units)


def log_losses(of_label: np.ndarray) -> np.ndarray:
    """Gives (n,) minus the logarithm of the probability that each row's label was given."""
    return -np.log(np.clip(of_label.astype(np.float64), LEAST_PROBABILITY, 1.0))
