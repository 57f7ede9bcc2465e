"""Effects of treatments as differences of weighted means."""

from __future__ import annotations

import logging
from typing import ClassVar

import numpy as np

from ballast.errors import DataError
from ballast.methods.common.tasks import as_numbers
from ballast.methods.common.treatment import ordered_arms, treated_arm
from ballast.methods.evaluation.effects.linearised import ArmMeans
from ballast.methods.evaluation.shares import kish
from ballast.methods.frame.base import Assessor, Claim
from ballast.methods.frame.parameters import Arm, Level
from ballast.methods.frame.reports import Assessment, AssessmentRows, Picture
from ballast.words import plural

log = logging.getLogger(__name__)

FEW = 0.6
"""Effective share of an arm's rows below which its interval is warned of."""
SHARES, HELD = (0.33, 0.45, 0.55, 0.75), (0.74, 0.85, 0.92, 0.94)
"""Effective shares of the arm that has less, and how many 95 % intervals held the effect of known weights at these, in
100 to 1000 rows whose outcome moves with what the treatment hangs on (docs/coverage.md)."""
PICTURES = (Picture("intervals", ("mean_outcome",), by="model", beside="effect"), Picture("effect", ("effect",)))
"""No metric has a direction: whether an effect is good is not for us to say."""


class TreatmentEffect(Assessor):
    """Each arm's weighted mean outcome, and the difference of the treated's to the control's: the average effect.

    Use it with weights that make the arms comparable (``inverse_propensity``, ``covariate_balancing_propensity``,
    ``arm_balancing``): what they balance to, all rows or the treated, is whose average effect it is. Without weights
    it gives the plain difference, which is not an effect unless the treatment was drawn by lot.

    Parameters
    ----------
    confidence : float in (0, 1), default 0.95
        Level of the intervals.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True. Of more
        arms than two it is compared with each other one; None compares each with those before it.

    Raises
    ------
    DataError
        One arm alone, two without ``treated``, an arm without weight, or an outcome that is not a number.

    Notes
    -----
    ``assess(treatment, outcome, sample_weight=None, weight_gradient=None, weight_influence=None, dependence=None)``:
    (n,) each, ``outcome`` in its own units. Gives ``mean_outcome`` of each arm, named as the model, with the
    ``effective_share`` of its rows, and ``effect`` of the treated arm versus the control, both named, with its standard
    error. The means are Hajek's. Weights that were fitted move with the rows: ``weight_gradient`` and
    ``weight_influence``, both (n, k), are the ``gradient`` and ``influence`` of what the weigher's ``influence(...)``
    gives, and in a pipeline are taken from the weights' step. The error is then that of stacked estimating equations,
    ``standard_error``; so it is without weights. Of weights whose fit is not known it is
    ``standard_error_if_weights_are_known``, which is too wide rather than too narrow where they were fitted to these
    rows: often twice.

    Each row's square is made up to what it is worth where outcomes differ by noise alone, and Student's quantiles are
    at Satterthwaite's degrees of freedom: Welch's where rows weigh the same. With ``dependence``, the unit that each
    row is of, what a unit's rows add is summed, and the degrees are at most those of so many units. An arm of one row
    has no interval. Where a few rows carry an arm, the interval holds less often than it says, since rows that would
    weigh as much may be missing, which nothing in the rows tells. An effective share below 0.6 is warned of in the log;
    of weights taken as known, ``interval_held_in_simulations`` then says how many 95 % intervals held the effect at
    such a share: 92 % at 0.55, 85 % at 0.45, 74 % at a third and below. Cost: O(n k^2).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 1))
    >>> treated = rng.random(1000) < 1 / (1 + np.exp(-X[:, 0]))
    >>> outcome = rng.normal(2 * X[:, 0] + treated)  # the effect is 1
    >>> weights = ballast.method("inverse_propensity").fit(X, treated).weights_
    >>> assessor = ballast.method("treatment_effect")
    >>> table = assessor.assess(treated, outcome, sample_weight=weights).table
    >>> table.loc[table["metric"] == "effect", ["low", "value", "high"]].round(1)
       low  value  high
    4  0.7    1.0   1.3
    """

    name = "treatment_effect"
    reference = (
        "Lunceford and Davidian, Stratification and Weighting via the Propensity Score in Estimation of Causal "
        "Treatment Effects, Statistics in Medicine 2004; Bell and McCaffrey, Bias Reduction in Standard Errors for "
        "Linear Regression with Multi-Stage Samples, Survey Methodology 2002"
    )
    claim = Claim(
        "A 95% interval holds the effect in about 95% of samples where the weights are the known ones.",
        "reproduced",
        "1000 samples of 500 rows, logistic treatment: {held:.1%} with the known weights, {held_without_weights:.0%} "
        "without weights.",
    )

    conformance_exceptions: ClassVar[dict[str, str]] = {
        "weights_equal_repetition": "how sure a mean is depends on how many rows there are"
    }

    def __init__(self, confidence: Level = 0.95, treated: Arm = None) -> None:
        self.confidence = confidence
        self.treated = treated

    def assess(
        self,
        treatment: np.ndarray,
        outcome: np.ndarray,
        sample_weight: np.ndarray | None = None,
        weight_gradient: np.ndarray | None = None,
        weight_influence: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> Assessment:
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
        fit = self._fit(sample_weight, weight_gradient, weight_influence)
        known = sample_weight is not None and not fit
        means = ArmMeans(values, received, weights, *fit, units=dependence)
        rows, each, effective = AssessmentRows(), np.eye(len(arms)), np.ones(len(arms))
        for arm, name in enumerate(map(str, arms)):
            low, high = means.error(each[arm]).interval(means.means[arm], self.confidence)
            own = weights[received == arm]
            rows.add("mean_outcome", means.means[arm], n=len(own), model=name, low=low, high=high)
            effective[arm] = self._effective_share(own, name)
            rows.add("effective_share", effective[arm], n=len(own), model=name)
        for arm, other in self._compared(arms):
            value, error = means.means[arm] - means.means[other], means.error(each[arm] - each[other])
            low, high = error.interval(value, self.confidence)
            named = {"n": len(values), "model": str(arms[arm]), "versus": str(arms[other])}
            rows.add("effect", value, low=low, high=high, **named)
            if np.isfinite(error.standard):
                metric = "standard_error_if_weights_are_known" if known else "standard_error"
                rows.add(metric, error.standard, **named)
            if known and (least := min(effective[arm], effective[other])) < FEW:
                rows.add("interval_held_in_simulations", float(np.interp(least, SHARES, HELD)), **named)
        return rows.finish(pictures=PICTURES)

    def _fit(
        self, weights: np.ndarray | None, gradient: np.ndarray | None, influence: np.ndarray | None
    ) -> tuple[np.ndarray, ...]:
        """Gives both of what the weights' fit is told by; nothing of weights that are taken as known."""
        if gradient is None and influence is None:
            return ()
        if weights is None or gradient is None or influence is None or gradient.shape != influence.shape:
            shapes = [None if given is None else given.shape for given in (weights, gradient, influence)]
            raise DataError(
                f"{self.name}: sample_weight, weight_gradient and weight_influence have the shapes {shapes}; give all "
                "three of one weigher, the latter two (n, k)"
            )
        return gradient.astype(np.float64), influence.astype(np.float64)

    def _effective_share(self, weights: np.ndarray, arm: str) -> float:
        share = kish(weights) / len(weights)
        if share < FEW:
            log.warning(
                "%s: a few of the %d rows of arm %s carry its mean (effective share %.2f): rows that would weigh as "
                "much may be missing, and the interval holds less often than it says (of known weights at this share "
                "%.0f %% of those at 95 %%); weights of the estimand 'overlap' are bounded",
                self.name, len(weights), arm, share, 100 * np.interp(share, SHARES, HELD),
            )  # fmt: skip
        return share

    def _compared(self, arms: np.ndarray) -> list[tuple[int, int]]:
        """Gives the positions of the arms whose effect is given, each with that of the arm it is compared with."""
        if len(arms) > 2 and self.treated is not None:
            treated = treated_arm(arms, self.name, self.treated)
            return [(treated, other) for other in range(len(arms)) if other != treated]
        return [(arm, other) for arm in range(len(arms)) for other in range(arm)]
