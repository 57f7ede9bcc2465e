"""Inverse propensity weights, from any classifier of the treatment."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ballast.errors import DataError, OverlapError
from ballast.methods.common.classes import class_positions
from ballast.methods.common.cross_fit import label_probabilities
from ballast.methods.common.design import mean_of, of_unseen, relative
from ballast.methods.common.treatment import check_overlap, ordered_arms
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Arm, Count, Seed
from ballast.methods.weights._influence import FitInfluence, checked, with_intercept
from ballast.words import listed, plural


class InversePropensity(Weigher):
    """Weighs rows by the inverse of the probability of the treatment that they received, given their columns.

    Use it for effects of a treatment, of two values or more, that was given by the columns and by chance. Not where
    some rows could have had one treatment alone: trim them, take ``estimand: overlap``, whose weights are bounded, or
    balance the columns themselves (``covariate_balancing_propensity``).

    Parameters
    ----------
    estimand : {"ate", "att", "atc", "overlap"}, default "ate"
        "ate" weighs each arm to all rows; "att" and "atc", for two arms, the controls to the treated and the treated to
        the controls; "overlap" all arms to the rows that could be in any.
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic regression
        without a penalty: with ``overlap`` the columns' weighted means are then the same in two arms.
    stabilized : bool, default False
        Weights are multiplied by the arm's share of the rows, so that arms keep their sizes.
    trim : float in [0, 0.5), default 0.0
        Rows with a probability of some treatment below this have the weight 0; 0.1 is usual, 0 trims none.
    clip : float in [0, 0.5), default 0.001
        Probabilities below are raised to it where they are divided by; "overlap" divides by none.
    n_folds : int >= 1 or None, default None
        Folds of the cross-fitting, by which a row's propensity is from a model that was not fitted on the row, nor on
        its unit; 1 fits one model to all rows. None takes 1 for the default classifier and 5 for any other.
    random_state : int or None, default 0
        Seed of the folds.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    propensities_ : ndarray of shape (n, K)
        The probability of each treatment.
    classes_ : ndarray of shape (K,)
        The treatments, of two the treated one last.
    share_trimmed_, share_clipped_ : float
        Share of the rows trimmed, and of those whose weight is less for the clip.
    models_ : list of classifiers
        The classifier of each fold.

    Raises
    ------
    DataError
        One arm alone, fewer than two rows in an arm, two arms without ``treated``, or "att" and "atc" with more arms
        than two.
    OverlapError
        The columns predict the treatment of most rows, or trimming leaves an arm no row.
    ParameterError
        A classifier without predict_proba, or one that takes no weights where rows have design weights.

    Notes
    -----
    With design weights the classifier is fitted with them, so that propensities are the population's, and a row's
    weight is its design weight times that of its propensity (Ridgeway, Kovalchik, Griffin and Kabeto, 2015).
    ``weigh`` takes the mean probability of the folds' models. Folds do not depend on the order of the rows.
    Many columns and few rows let logistic regression know each row's treatment: take one with a penalty, cross-fitted.
    Cost: ``n_folds`` fits of the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 1))
    >>> treated = rng.random(1000) < 1 / (1 + np.exp(-X[:, 0]))
    >>> outcome, arms = rng.normal(2 * X[:, 0] + treated), (treated, ~treated)
    >>> weights = ballast.method("inverse_propensity").fit(X, treated).weights_
    >>> for w in (np.ones(1000), weights):  # the effect is 1
    ...     a, b = (np.average(outcome[t], weights=w[t]) for t in arms)
    ...     print(f"{a - b:.1f}")
    2.3
    1.0
    """

    name = "inverse_propensity"
    reference = (
        "Rosenbaum and Rubin, The Central Role of the Propensity Score, Biometrika 1983; Li, Morgan and Zaslavsky, "
        "Balancing Covariates via Propensity Score Weighting, JASA 2018; Crump, Hotz, Imbens and Mitnik, Dealing with "
        "Limited Overlap, Biometrika 2009"
    )
    claim = Claim(
        "Weighing by the inverse propensity removes the confounding that the columns hold, for each estimand.",
        "reproduced",
        "2000 rows, treated by a logistic rule, 20 seeds: error of the average effect {ate:.2f}, on the treated "
        "{att:.2f}, on the controls {atc:.2f}, on the overlap {overlap:.2f}; of the plain difference {plain:.2f}.",
    )

    def __init__(
        self,
        estimand: Literal["ate", "att", "atc", "overlap"] = "ate",
        classifier: Any = None,
        stabilized: bool = False,
        trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.0,
        clip: Annotated[float, Field(ge=0, lt=0.5)] = 1e-3,
        n_folds: Count | None = None,
        random_state: Seed = 0,
        treated: Arm = None,
    ) -> None:
        self.estimand = estimand
        self.classifier = classifier
        self.stabilized = stabilized
        self.trim = trim
        self.clip = clip
        self.n_folds = n_folds
        self.random_state = random_state
        self.treated = treated

    def fit(
        self,
        X: np.ndarray,
        treatment: np.ndarray,
        design_weight: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> InversePropensity:
        """Learns the weights of the rows (n, d) that received the treatments (n,), and their design weights (n,).

        Rows of one unit of ``dependence`` (n,) are in one fold of the cross-fitting.
        """
        self.classes_, received = ordered_arms(treatment, self.name, self.treated)
        self._design_mean = mean_of(design_weight)
        design = relative(design_weight, len(X))
        self._check_arms(np.bincount(received[design > 0], minlength=len(self.classes_)))
        self._shares = np.bincount(received, design) / len(X)
        rng = np.random.default_rng(self.random_state)
        self.propensities_, self.models_ = label_probabilities(
            self.classifier, X, received, self.n_folds, rng, self.name, dependence, "dependence",
            sample_weight=None if design_weight is None else design,
        )  # fmt: skip
        own = self.propensities_[np.arange(len(X)), received]
        check_overlap(own, received, self.name)
        self.share_trimmed_ = float(np.mean(self._trimmed(self.propensities_)))
        self.share_clipped_ = float(np.mean(self._divided(received) & (own < self.clip)))
        self.weights_ = (design * self._weights(self.propensities_, received)).astype(X.dtype)
        if empty := [str(c) for k, c in enumerate(self.classes_) if not self.weights_[received == k].any()]:
            raise OverlapError(
                f"{self.name}: trimming at {self.trim:g} leaves no row of {', '.join(empty)} "
                f"({self.share_trimmed_:.0%} of {len(X)} rows are trimmed); lower trim"
            )
        return self

    def weigh(self, X: np.ndarray, treatment: np.ndarray, design_weight: np.ndarray | None = None) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) that received the treatments (k,).

        They have design weights (k,) where ``fit`` was given some.
        """
        received = class_positions(treatment, self.classes_, self.name, "treatment")
        propensities = np.mean([model.predict_proba(X) for model in self.models_], axis=0)
        design = of_unseen(self, design_weight, len(X))
        return (design * self._weights(propensities, received)).astype(X.dtype)

    @property
    def has_influence(self) -> bool:
        """Whether ``influence`` can be told: of the default classifier, fitted to all rows."""
        return self.classifier is None and self.n_folds in (None, 1)

    @checked
    def influence(self, X: np.ndarray, treatment: np.ndarray, design_weight: np.ndarray | None = None) -> FitInfluence:
        """Gives how the weights move with the rows that they were fitted to, which are given again.

        Rows are taken for trimmed or clipped whatever the fit; shares of arms have no influence on an arm's mean.
        """
        received = class_positions(treatment, self.classes_, self.name, "treatment")
        propensities = self.models_[0].predict_proba(X).astype(np.float64)
        design = relative(design_weight, len(X))
        weights = design * self._weights(propensities, received) / self.scale_
        Z, own = with_intercept(X), np.eye(len(self.classes_))[received]
        gradient = _by_column((weights[:, None] * self._slopes(propensities, received))[:, 1:], Z)
        curvature = [
            [Z.T @ (Z * (design * p * ((k == j) - q))[:, None]) for j, q in enumerate(propensities.T[1:])]
            for k, p in enumerate(propensities.T[1:])
        ]  # the first arm's scores are the others' reference
        scores = _by_column((design[:, None] * (own - propensities))[:, 1:], Z)
        return FitInfluence.of_scores(gradient, -np.block(curvature), scores)

    def _slopes(self, propensities: np.ndarray, received: np.ndarray) -> np.ndarray:
        """Gives (n, K) the derivative of the logarithm of each row's weight by the log odds of each treatment."""
        own = np.eye(propensities.shape[1])[received]
        if self.estimand == "overlap":
            inverse = 1 / np.maximum(propensities, np.finfo(np.float64).tiny)
            return inverse / inverse.sum(axis=1, keepdims=True) - own
        tilt = 0.0 if self.estimand == "ate" else np.eye(2)[self._whole()] - propensities
        divided = self._divided(received) & ((own * propensities).sum(axis=1) >= self.clip)
        return self._divided(received)[:, None] * tilt - divided[:, None] * (own - propensities)

    def _check_arms(self, counts: np.ndarray) -> None:
        arms, n = len(counts), int(counts.sum())
        if arms < 2 or counts.min() < 2:
            raise DataError(
                f"{self.name}: treatment has {plural(arms, 'value')} in {n} rows, the rarest in {counts.min()}; two "
                "values and two rows of each are needed to learn who receives what"
            )
        if self.estimand in ("att", "atc") and arms > 2:
            raise DataError(
                f"{self.name}: estimand {self.estimand!r} is for two treatments, there are {arms} "
                f"({listed(self.classes_, 10)}); take 'ate' or 'overlap', or drop the other rows"
            )

    def _trimmed(self, propensities: np.ndarray) -> np.ndarray:
        return propensities.min(axis=1) < self.trim

    def _divided(self, received: np.ndarray) -> np.ndarray:
        """Gives (n,) bool: the rows whose weight is something over their own propensity."""
        if self.estimand == "overlap":
            return np.zeros(len(received), dtype=bool)
        return np.ones(len(received), dtype=bool) if self.estimand == "ate" else received != self._whole()

    def _whole(self) -> int:
        """Gives the arm that keeps its rows as they are, under "att" and "atc"."""
        return 1 if self.estimand == "att" else 0

    def _weights(self, propensities: np.ndarray, received: np.ndarray) -> np.ndarray:
        """Gives (n,) weights: the tilt of the rows that the estimand asks about, over their own propensity."""
        rows = np.arange(len(received))
        own = propensities[rows, received]
        if self.estimand == "overlap":
            with np.errstate(divide="ignore", invalid="ignore"):
                odds = own[:, None] / propensities
            odds[rows, received] = 1.0
            weights = 1 / np.nan_to_num(odds, nan=1.0, posinf=np.inf).sum(axis=1)
        else:
            tilt = 1.0 if self.estimand == "ate" else propensities[:, self._whole()]
            weights = np.where(self._divided(received), tilt / np.maximum(own, self.clip), 1.0)
        if self.stabilized:
            weights = weights * self._shares[received]
        return np.where(self._trimmed(propensities), 0.0, weights)


def _by_column(values: np.ndarray, Z: np.ndarray) -> np.ndarray:
    """Gives (n, K d) each of the K values of a row times each of its d columns."""
    return (values[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
