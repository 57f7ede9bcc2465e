"""The covariate balancing propensity score (CBPS): a propensity model fitted by the balance that it gives."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from scipy.special import expit, logit

from ballast.compute.blocks import row_blocks
from ballast.compute.scaling import joint_scaling
from ballast.errors import DataError, OverlapError
from ballast.methods.common.design import mean_of, of_unseen, relative
from ballast.methods.common.treatment import treated_rows, two_arms
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Arm, NonNegative, Positive
from ballast.methods.weights._influence import FitInfluence, checked
from ballast.methods.weights.balance._newton import minimize_convex

LARGEST_SCORE = 50.0
"""Log odds beyond which exp is not computed while the coefficients are sought."""
HIGHEST_SCORE = 30.0
"""Log odds at which a row counts as certain to be of one sample: no balance then, but separation."""
_WEIGHED = {"ate": (True, True), "atc": (False, True)}
"""Whether each of the two samples is weighed; the first alone for other estimands."""


class CovariateBalancingPropensity(Weigher):
    """Weighs by a logistic propensity whose coefficients are chosen so that the weighted columns' means are equal.

    Use it in place of logistic regression's propensity, whose weights balance nothing exactly and explode where the
    model is a little wrong. With ``estimand: target`` it weighs training rows to a target, as
    ``entropy_balancing`` does, to which it is then equal; with a treatment it weighs the arms to each other. Not as a
    second opinion beside ``entropy_balancing``.

    Parameters
    ----------
    estimand : {"target", "ate", "att", "atc"}, default "target"
        "target" weighs the rows to ``X_target``. The others take ``treatment`` instead, of two values: "ate" balances
        the arms with each other, "att" the controls with the treated, "atc" the treated with the controls.
    ridge : float >= 0, default 0.0
        Penalty on the coefficients of the standardised columns; above 0 the balance is approximate.
    tolerance : float > 0, default 1e-06
        Largest difference of a weighted mean, in standard deviations, that counts as balanced.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    coefficients_ : ndarray of shape (d + 1,)
        Coefficients of the log odds, the intercept first, for standardised columns.
    propensity_ : ndarray of shape (n,)
        The fitted probability of the target, or of the treatment.
    imbalance_ : float
        Largest difference of a weighted mean that is left.
    iterations_ : int
        Newton steps.

    Raises
    ------
    DataError
        No ``X_target``, or no ``treatment``, where the estimand needs it, another number of arms than two, or arms
        without ``treated``.
    OverlapError
        No coefficients balance the samples, as where the columns separate them.

    Notes
    -----
    With design weights both samples stand for their populations: they weigh the rows in fitting the coefficients (the
    columns are standardised without), and a row's weight is its design weight times that of its propensity.
    The exact (just-identified) form, whose problem is convex. The authors' default adds the likelihood's moments by
    GMM; it does not balance exactly and has local minima. Cost: O(n d^2) a step, some 5 to 10; memory one block.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 1))
    >>> treated = rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))
    >>> weigher = ballast.method("covariate_balancing_propensity", estimand="ate")
    >>> weights = weigher.fit(X, treatment=treated).weights_
    >>> for w in (np.ones(400), weights):
    ...     a, b = (np.average(X[t], 0, w[t]) for t in (treated, ~treated))
    ...     print(np.abs(a - b).round(1))
    [0.8]
    [0.]
    """

    name = "covariate_balancing_propensity"
    reference = (
        "Imai and Ratkovic, Covariate Balancing Propensity Score, Journal of the Royal Statistical Society B 2014"
    )
    survey_ids = ("B-cbps",)
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "required_arguments_alone": "the estimand decides which of X_target and treatment is needed"
    }
    claim = Claim(
        "Its average effect has far less error than that of logistic regression's propensity.",
        "partly",
        "Kang and Schafer's simulation, 1000 rows, 40 seeds: error {balancing_right:.2f}, by likelihood "
        "{likelihood_right:.2f}, unweighted {none_right:.1f}, with the right columns; {balancing_wrong:.1f} and "
        "{likelihood_wrong:.1f}, mostly bias, with the wrong ones. For the treated its weights are those of entropy "
        "balancing.",
    )

    def __init__(
        self,
        estimand: Literal["target", "ate", "att", "atc"] = "target",
        ridge: NonNegative = 0.0,
        tolerance: Positive = 1e-6,
        treated: Arm = None,
    ) -> None:
        self.estimand = estimand
        self.ridge = ridge
        self.tolerance = tolerance
        self.treated = treated

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray | None = None,
        treatment: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> CovariateBalancingPropensity:
        """Learns the weights of the training rows (n, d), from the target's (m, d) or their ``treatment`` (n,)."""
        treated, design = None, relative(design_weight, len(X))
        self._design_mean = mean_of(design_weight)
        if self.estimand == "target":
            if X_target is None:
                raise DataError(
                    f"{self.name}: estimand 'target' needs the target's rows (X_target); declare a target, or set "
                    "estimand to 'ate', 'att' or 'atc' for a treatment"
                )
            samples, weights = (X, X_target), (design, relative(design_weight_target, len(X_target)))
        else:
            if treatment is None:
                raise DataError(
                    f"{self.name}: estimand {self.estimand!r} needs each row's treatment; declare its column with "
                    "`treatment:`, or set estimand to 'target'"
                )
            self._arms, treated = two_arms(treatment, self.name, self.treated)
            samples, weights = (X[~treated], X[treated]), (design[~treated], design[treated])
        self._mean, self._scale = joint_scaling(*samples)
        self._fit(*samples, *weights)
        self.propensity_ = expit(self._scores(X))
        if treated is None:
            self._log_share = float(np.log(len(samples[0]) / len(samples[1])))
            self.ratio_ = (design * np.exp(self._scores(X) + self._log_share)).astype(X.dtype)
        else:
            self.weights_ = (design * self._weights(X, treated)).astype(X.dtype)
        return self

    def weigh(
        self, X: np.ndarray, treatment: np.ndarray | None = None, design_weight: np.ndarray | None = None
    ) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), and their ``treatment`` (k,) where the estimand asks for one.

        They have design weights (k,) where ``fit`` was given some.
        """
        if self.estimand == "target":
            weights = np.exp(self._scores(X) + self._log_share)
        elif treatment is None:
            raise DataError(f"{self.name}: rows are weighed by their treatment too (estimand {self.estimand!r})")
        else:
            weights = self._weights(X, treated_rows(treatment, self._arms, self.name))
        return (of_unseen(self, design_weight, len(X)) * weights).astype(X.dtype)

    has_influence = True

    @checked
    def influence(
        self,
        X: np.ndarray,
        X_target: np.ndarray | None = None,
        treatment: np.ndarray | None = None,
        design_weight: np.ndarray | None = None,
        design_weight_target: np.ndarray | None = None,
    ) -> FitInfluence:
        """Gives how the weights move with the rows that they were fitted to, which are given again."""
        rows, second, design = X, np.zeros(len(X), dtype=bool), relative(design_weight, len(X))
        if self.estimand == "target":
            assert X_target is not None, "the fit was given them"
            rows, second = np.concatenate([X, X_target]), np.arange(len(X) + len(X_target)) >= len(X)
            design = np.concatenate([design, relative(design_weight_target, len(X_target))])
        else:
            assert treatment is not None, "the fit was given it"
            second = treated_rows(treatment, self._arms, self.name)
        sign = np.where(second, -1.0, 1.0)
        first_weighed, second_weighed = _WEIGHED.get(self.estimand, (True, False))
        odds = design * np.where(second, second_weighed, first_weighed) * np.exp(sign * self._scores(rows))
        balanced = design * np.where(second, first_weighed, second_weighed)
        Z = np.column_stack([np.ones(len(rows)), ((rows - self._mean) / self._scale).astype(np.float64)])
        hessian = Z.T @ (Z * odds[:, None]) + len(rows) * np.diag(np.r_[0.0, np.full(X.shape[1], self.ridge)])
        gradient = (sign * odds)[: len(X), None] * Z[: len(X)]
        if self.estimand == "target":
            gradient *= np.exp(self._log_share)
        scores = (sign * (odds + balanced))[:, None] * Z
        return FitInfluence.of_scores(gradient / self.scale_, hessian, scores[: len(X)], scores[len(X) :])

    def _scores(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._mean) / self._scale).astype(np.float64) @ self.coefficients_[1:] + self.coefficients_[0]

    def _weights(self, X: np.ndarray, treated: np.ndarray) -> np.ndarray:
        scores = np.where(treated, -1.0, 1.0) * self._scores(X)  # log odds of the other arm
        if self.estimand == "ate":
            return 1 + np.exp(scores)
        return np.where(treated == (self.estimand == "att"), 1.0, np.exp(scores))

    def _fit(self, control: np.ndarray, treated: np.ndarray, weight: np.ndarray, weight_treated: np.ndarray) -> None:
        """Learns the coefficients from the rows of the two samples, and their design weights."""
        n, d = weight.sum() + weight_treated.sum(), control.shape[1]
        weighed = _WEIGHED.get(self.estimand, (True, False))
        penalty = np.r_[0.0, np.full(d, self.ridge)]
        samples = ((control, weight, 1.0, *weighed), (treated, weight_treated, -1.0, *weighed[::-1]))

        def problem(b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            value, gradient, hessian = penalty @ b**2 / 2, penalty * b, np.diag(penalty)
            for rows, design, sign, own, other in samples:
                for block in row_blocks(len(rows), 16 * (d + 1)):
                    Z, w = np.ones((block.stop - block.start, d + 1)), design[block] / n
                    Z[:, 1:] = (rows[block] - self._mean) / self._scale
                    scores = sign * (Z @ b)  # log odds of the other sample
                    if own:
                        odds = w * np.exp(np.minimum(scores, LARGEST_SCORE))
                        value = value + odds.sum()
                        gradient = gradient + sign * (odds @ Z)
                        hessian = hessian + Z.T @ (Z * odds[:, None])
                    if other:
                        value = value + w @ scores
                        gradient = gradient + sign * (w @ Z)
            return float(value), gradient, hessian

        start = np.r_[logit(weight_treated.sum() / n), np.zeros(d)]
        total = {"ate": n, "atc": weight.sum()}.get(self.estimand, weight_treated.sum()) / n  # of what balances
        found = minimize_convex(problem, start, 0.01 * self.tolerance * total)
        self.coefficients_, self.iterations_ = found.x, found.steps
        left = np.abs(found.gradient - penalty * found.x)[1:] / total
        self.imbalance_ = float(left.max(initial=0.0))
        extreme = max(float(np.abs(self._scores(rows)).max()) for rows in (control, treated))
        if extreme > HIGHEST_SCORE or (self.ridge == 0 and self.imbalance_ > self.tolerance):
            raise OverlapError(
                f"{self.name}: no coefficients balance the samples of {len(control)} and {len(treated)} rows: after "
                f"{found.steps} steps a mean still differs by {self.imbalance_:.3g} standard deviations and the "
                f"largest log odds are {extreme:.3g}: the columns separate the samples. Set ridge (such as 0.01), drop "
                "the features that tell the two apart completely, or collect rows where both occur"
            )
