"""Inverse propensity weights, from any classifier of the treatment, cross-fitted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ballast.errors import DataError, OverlapError
from ballast.methods.common.cross_fit import cross_fit_labels
from ballast.methods.common.treatment import check_overlap
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Seed
from ballast.methods.weights._classes import class_positions
from ballast.words import listed, plural


class InversePropensity(Weigher):
    """Weighs rows by the inverse of the probability of the treatment that they received, given their columns.

    Use it for effects of a treatment, of two values or more, that was given by the columns and by chance. Not where
    some rows could have had one treatment alone: trim them, take ``estimand: overlap``, whose weights are bounded, or
    balance the columns themselves (``covariate_balancing_propensity``).

    Parameters
    ----------
    estimand : "ate" weighs each arm to all rows; "att" and "atc", for two arms, the controls to the treated (the
        greater value) and the treated to the controls; "overlap" all arms to the rows that could be in any.
    classifier : any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic
        regression on standardised columns.
    stabilized : weights are multiplied by the arm's share of the rows, so that arms keep their sizes.
    trim : rows with a probability of some treatment below this have the weight 0; 0.1 is usual, 0 trims none.
    clip : probabilities below are raised to it.
    n_folds : folds of the cross-fitting; a row's propensity is from a model that was not fitted on the row.
    random_state : the seed of the folds.

    Attributes
    ----------
    weights_ : (n,), mean 1. propensities_ : (n, K) the probability of each treatment. classes_ : (K,) the treatments.
    share_trimmed_ : share of the rows trimmed. models_ : the classifier of each fold.

    Notes
    -----
    ``weigh`` takes the mean probability of the folds' models. Folds do not depend on the order of the rows.
    Cost: ``n_folds`` fits of the classifier.

    Raises
    ------
    DataError : one arm alone, fewer than two rows in an arm, or "att" and "atc" with more arms than two. OverlapError :
    the columns predict the treatment of most rows, or trimming leaves an arm no row. ParameterError : a
    classifier without predict_proba.

    Examples
    --------
    >>> import numpy as np
    >>> from ballast.methods.weights import InversePropensity
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> treatment = np.arange(100) % 10 < 5 + 4 * X[:, 0]
    >>> weigher = InversePropensity().fit(X, treatment)
    >>> weigher.propensities_[[0, -1], 1].round(1)
    array([0.2, 0.9])
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
        n_folds: Annotated[int, Field(ge=2)] = 5,
        random_state: Seed = 0,
    ) -> None:
        self.estimand = estimand
        self.classifier = classifier
        self.stabilized = stabilized
        self.trim = trim
        self.clip = clip
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: np.ndarray, treatment: np.ndarray) -> InversePropensity:
        """Learns the weights of the rows (n, d) that received the treatments (n,)."""
        self.classes_, received = np.unique(treatment, return_inverse=True)
        self._shares = np.bincount(received) / len(X)
        self._check_arms(len(X))
        rng = np.random.default_rng(self.random_state)
        self.propensities_, self.models_ = cross_fit_labels(self.classifier, X, received, self.n_folds, rng, self.name)
        own = self.propensities_[np.arange(len(X)), received]
        check_overlap(own, received, self.name)
        self.share_trimmed_ = float(np.mean(self._trimmed(self.propensities_)))
        self.weights_ = self._weights(self.propensities_, received).astype(X.dtype)
        if empty := [str(c) for k, c in enumerate(self.classes_) if not self.weights_[received == k].any()]:
            raise OverlapError(
                f"{self.name}: trimming at {self.trim:g} leaves no row of {', '.join(empty)} "
                f"({self.share_trimmed_:.0%} of {len(X)} rows are trimmed); lower trim"
            )
        return self

    def weigh(self, X: np.ndarray, treatment: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) that received the treatments (k,)."""
        received = class_positions(treatment, self.classes_, self.name, "treatment")
        propensities = np.mean([model.predict_proba(X) for model in self.models_], axis=0)
        return self._weights(propensities, received).astype(X.dtype)

    def _check_arms(self, n: int) -> None:
        arms, least = len(self.classes_), round(self._shares.min() * n)
        if arms < 2 or least < 2:
            raise DataError(
                f"{self.name}: treatment has {plural(arms, 'value')} in {n} rows, the rarest in {least}; two values "
                "and two rows of each are needed to learn who receives what"
            )
        if self.estimand in ("att", "atc") and arms > 2:
            raise DataError(
                f"{self.name}: estimand {self.estimand!r} is for two treatments, there are {arms} "
                f"({listed(self.classes_, 10)}); take 'ate' or 'overlap', or drop the other rows"
            )

    def _trimmed(self, propensities: np.ndarray) -> np.ndarray:
        return propensities.min(axis=1) < self.trim

    def _weights(self, propensities: np.ndarray, received: np.ndarray) -> np.ndarray:
        """Gives (n,) weights: the tilt of the rows that the estimand asks about, over their own propensity."""
        propensities = propensities.clip(self.clip, 1.0)
        tilt = {
            "ate": lambda p: 1.0,
            "att": lambda p: p[:, 1],
            "atc": lambda p: p[:, 0],
            "overlap": lambda p: 1 / (1 / p).sum(axis=1),
        }[self.estimand](propensities)
        weights = tilt / propensities[np.arange(len(received)), received]
        if self.stabilized:
            weights = weights * self._shares[received]
        return np.where(self._trimmed(propensities), 0.0, weights)
