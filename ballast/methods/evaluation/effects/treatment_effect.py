"""Effects of treatments as differences of weighted means."""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from ballast.errors import DataError
from ballast.methods.common.tasks import as_numbers
from ballast.methods.common.treatment import ordered_arms, treated_arm
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Arm, Level
from ballast.methods.frame.reports import Assessment, AssessmentRows, Picture
from ballast.words import plural

PICTURES = (Picture("intervals", ("mean_outcome",), by="model", beside="effect"), Picture("effect", ("effect",)))
"""No metric has a direction: whether an effect is good is not for us to say."""


class TreatmentEffect(Assessor):
    """Each arm's weighted mean outcome, and the difference of the treated's to the control's: the average effect.

    Use it with weights that make the arms comparable (``inverse_propensity``, ``covariate_balancing_propensity``,
    ``arm_balancing``): what they balance to, all rows or the treated, is whose average effect it is. Without weights
    it gives the plain difference, which is not an effect unless the treatment was drawn by lot.

    Parameters
    ----------
    confidence : level of the intervals.
    treated : the value of the treatment that means treated; None where its two values are 0 and 1, or False and True.
        Of more arms than two it is compared with each other one; None compares each with those before it.

    Notes
    -----
    ``assess(treatment, outcome, sample_weight=None)``: (n,) each, ``outcome`` in its own units. Gives ``mean_outcome``
    of each arm, named as the model, and ``effect`` of the treated arm versus the control, both named. The means are
    Hajek's; their variance is the linearised one with each row's leverage made up for, and Student's quantiles at the
    effective sizes: Welch's where rows weigh the same. The weights are taken as known, which is too wide rather than
    too narrow for weights that were fitted to balance. An arm of one row has no interval. Cost: O(n).

    Raises
    ------
    DataError : one arm alone, two without ``treated``, an arm without weight, or an outcome that is not a number.

    Examples
    --------
    >>> from ballast.methods.evaluation import TreatmentEffect
    >>> report = TreatmentEffect().assess(treatment=[0, 0, 1, 1], outcome=[1.0, 2.0, 4.0, 5.0])
    >>> report.summary["1.effect vs 0"]
    3.0
    """

    name = "treatment_effect"
    reference = (
        "Lunceford and Davidian, Stratification and Weighting via the Propensity Score in Estimation of Causal "
        "Treatment Effects, Statistics in Medicine 2004"
    )
    claim = Claim(
        "A 95% interval holds the effect in about 95% of samples where the weights are the known ones.",
        "reproduced",
        "1000 samples of 500 rows, logistic treatment: {held:.1%} with the known weights, {held_without_weights:.0%} "
        "without weights.",
    )

    def __init__(self, confidence: Level = 0.95, treated: Arm = None) -> None:
        self.confidence = confidence
        self.treated = treated

    def assess(self, treatment: np.ndarray, outcome: np.ndarray, sample_weight: np.ndarray | None = None) -> Assessment:
        """Gives the arms' means and effects, each with its interval."""
        values = as_numbers(outcome, self.name, "outcome")
        weights = np.ones(len(values)) if sample_weight is None else sample_weight.astype(np.float64)
        arms, received = ordered_arms(treatment, self.name, self.treated)
        totals = np.bincount(received, weights)
        if len(arms) < 2 or not totals.all():
            without = ", ".join(str(arm) for arm in arms[totals == 0]) or "none"
            raise DataError(
                f"{self.name}: treatment has {plural(len(arms), 'value')} in {len(values)} rows (without weight: "
                f"{without}); at least two values with weight are needed to compare"
            )
        means = np.bincount(received, weights * values) / totals
        shares = weights / totals[received]
        kept = shares < 1  # of an arm whose weight is all one row's, nothing tells the variance
        spread = np.full(len(values), np.nan)
        spread[kept] = (shares * (values - means[received]))[kept] ** 2 / (1 - shares[kept])
        variances = np.bincount(received, spread)
        degrees = np.bincount(received, weights) ** 2 / np.bincount(received, weights**2) - 1
        rows = AssessmentRows()
        for arm, name in enumerate(map(str, arms)):
            low, high = self._interval(means[arm], variances[[arm]], degrees[[arm]])
            rows.add("mean_outcome", means[arm], n=int((received == arm).sum()), model=name, low=low, high=high)
        for pair in self._compared(arms):
            arm, other = pair
            low, high = self._interval(means[arm] - means[other], variances[list(pair)], degrees[list(pair)])
            model, versus = str(arms[arm]), str(arms[other])
            rows.add("effect", means[arm] - means[other], n=len(values), model=model, versus=versus, low=low, high=high)
        return rows.finish(pictures=PICTURES)

    def _interval(self, value: float, variances: np.ndarray, degrees: np.ndarray) -> tuple[float, float]:
        """Gives Welch and Satterthwaite's interval, NaN where an arm's rows tell no variance, or are equal."""
        variance = variances.sum()
        if not variance > 0:
            return float("nan"), float("nan")
        half = t.ppf(0.5 + self.confidence / 2, variance**2 / (variances**2 / degrees).sum()) * np.sqrt(variance)
        return float(value - half), float(value + half)

    def _compared(self, arms: np.ndarray) -> list[tuple[int, int]]:
        """Gives the positions of the arms whose effect is given, each with that of the arm it is compared with."""
        if len(arms) > 2 and self.treated is not None:
            treated = treated_arm(arms, self.name, self.treated)
            return [(treated, other) for other in range(len(arms)) if other != treated]
        return [(arm, other) for arm in range(len(arms)) for other in range(arm)]
