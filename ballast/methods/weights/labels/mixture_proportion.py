"""The share of a known component in a mixture (mixture proportion estimation), and each row's odds of being of it."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ballast.errors import DataError
from ballast.methods.common.cross_fit import check_classifier, cross_fit, logistic
from ballast.methods.common.folds import warn_of_near_copies
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Level, Seed

SLACK = 0.01


class MixtureProportion(Weigher):
    """Weighs rows of a mixture by the probability that they are of a known component, whose share it estimates.

    Use it for positive-unlabelled data: ``X`` the unlabelled pool, ``X_target`` rows known to be of the component (the
    positives). Not where the rest of the mixture looks like the component everywhere: the share is then too high,
    unless ``probs`` bounds it.

    Parameters
    ----------
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic regression
        on standardised columns; take a flexible one where the two are not divided by a plane.
    n_folds : int >= 2, default 5
        Folds of the cross-fitting.
    failure : float in (0, 1), default 0.1
        Probability with which the bound on the tail's error, by which the threshold is chosen, may fail.
    n_draws : int >= 1, default 5
        Subsamples averaged where ``probs`` is given.
    random_state : int or None, default 0
        Seed of folds and subsamples.

    Attributes
    ----------
    share_ : float
        Share of the component in the mixture.
    irreducible_share_ : float
        That without ``probs``, which assumes that some region holds the component alone.
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1, in proportion to the probability of the component, min(1, share times the density
        ratio).
    threshold_ : float
        The classifier's probability above which the tails were compared.

    Raises
    ------
    DataError
        Fewer than two rows in either sample, or ``probs`` of one column.
    ParameterError
        A classifier without predict_proba.

    Notes
    -----
    The share is the least, over thresholds, of the mixture's tail over the component's, each with a bound on its error
    (the best bin). With ``probs`` rows are first kept with that probability, which must be an upper bound of the
    component's posterior, near to it somewhere: known from a labelled source with the same posterior where it has
    rows, and 1 elsewhere. A bound made of this classifier's own odds is circular and gives nothing.
    Cost: ``n_folds`` fits of the classifier and a sort.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(0, 1, (900, 1)), rng.normal(4, 1, (600, 1))
    >>> X[:300] += 4  # a third of the pool is of the target's component
    >>> weigher = ballast.method("mixture_proportion").fit(X, X_target)
    >>> round(weigher.share_, 1), bool(weigher.weights_[:300].mean() > 2)
    (0.3, True)
    """

    name = "mixture_proportion"
    reference = (
        "Zhu, Fjeldsted, Holland et al., Mixture Proportion Estimation Beyond Irreducibility, ICML 2023; Garg, Wu, "
        "Smola, Balakrishnan and Lipton, Mixture Proportion Estimation and PU Learning: A Modern Approach, NeurIPS 2021"
    )
    survey_ids = ("S321",)
    claim = Claim(
        "Where the rest of the mixture looks like the component everywhere, subsampling by a bound on the posterior "
        "takes most of the share's error away.",
        "reproduced",
        "A normal component in a wider mixture, 1000 rows of each, posterior learned from a truncated labelled "
        "source, 10 seeds: absolute error {plain, 10%:.3f} to {bounded, 10%:.3f} at a share of 0.1, {plain, 25%:.3f} "
        "to {bounded, 25%:.3f} at 0.25, {plain, 50%:.3f} to {bounded, 50%:.3f} at 0.5; not at 0.75 ({plain, 75%:.3f} "
        "to {bounded, 75%:.3f}).",
    )

    def __init__(
        self,
        classifier: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        failure: Level = 0.1,
        n_draws: Count = 5,
        random_state: Seed = 0,
    ) -> None:
        self.classifier = classifier
        self.n_folds = n_folds
        self.failure = failure
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(
        self,
        X: np.ndarray,
        X_target: np.ndarray,
        probs: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
        dependence_target: np.ndarray | None = None,
    ) -> MixtureProportion:
        """Learns the share from the mixture's rows (n, d) and the component's (m, d).

        ``probs`` (n, K), where given, holds in its last column an upper bound of each row's probability of the
        component. The rows of one unit, of ``dependence`` (n,) and ``dependence_target`` (m,), are held out together.
        """
        if probs is not None and probs.shape[1] < 2:
            raise DataError(
                f"{self.name}: probs has 1 column for {len(probs)} rows; its last of at least two must be an upper "
                "bound of the probability of the component"
            )
        rng = np.random.default_rng(self.random_state)
        given = self.classifier
        classifier = logistic(X.shape[1]) if given is None else check_classifier(given, self.name)
        if given is not None and dependence is None:  # a linear model learns nothing by heart
            warn_of_near_copies(X, self.name, "folds part them")
        fitted = cross_fit(classifier, X, X_target, self.n_folds, rng, self.name, dependence, dependence_target)
        self.models_, self._odds = fitted.models, fitted.odds
        self.irreducible_share_, self.threshold_ = self._best_bin(fitted.source, fitted.target)
        self.share_ = self.irreducible_share_
        if probs is not None:
            shares = []
            for _ in range(self.n_draws):
                kept = rng.random(len(X)) < probs[:, -1]
                if kept.any():
                    shares.append(kept.mean() * self._best_bin(fitted.source[kept], fitted.target)[0])
            self.share_ = float(min(1.0, np.mean(shares))) if shares else 0.0
        self.weights_ = self._posterior(fitted.source, fitted.odds[fitted.folds]).astype(X.dtype)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d)."""
        found = [
            self._posterior(model.predict_proba(X)[:, 1], odds)
            for model, odds in zip(self.models_, self._odds, strict=True)
        ]
        return np.mean(found, axis=0).astype(X.dtype)

    def _best_bin(self, mixture: np.ndarray, component: np.ndarray) -> tuple[float, float]:
        """Gives the share, and the score from which the tails were compared."""
        scores = np.unique(component)
        tails = [1 - np.searchsorted(np.sort(s), scores, side="left") / len(s) for s in (mixture, component)]
        error = sum(np.sqrt(np.log(4 / self.failure) / (2 * len(s))) for s in (mixture, component))
        best = int(np.argmin((tails[0] + (1 + SLACK) * error) / tails[1]))
        return float(min(1.0, tails[0][best] / tails[1][best])), float(scores[best])

    def _posterior(self, p_target: np.ndarray, odds: np.ndarray | float) -> np.ndarray:
        p = p_target.astype(np.float64)
        with np.errstate(divide="ignore"):
            return np.minimum(1.0, self.share_ * p / (1 - p) * odds)
