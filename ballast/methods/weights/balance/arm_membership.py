"""Weights of all of an experiment's rows for the model of one arm, against interference by shared training data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ballast.methods.common.cross_fit import label_probabilities
from ballast.methods.common.treatment import least_rows, two_arms
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Arm, Count, Seed


class ArmMembership(Weigher):
    """Weighs all rows of an experiment by how much likelier rows with their columns are in one arm than by lot.

    Use it where a model is trained on the rows that its own decisions bring about, and two versions of the system share
    them in an A/B test: train each arm's model on all rows, weighed to its arm, and serve each arm by its own. Pooled
    rows would draw both models to each other, and an arm's own rows alone are fewer. Not for the effect of a treatment
    on its own outcome (``inverse_propensity``, ``arm_balancing``), where each arm's rows are weighed to stand for all;
    here all rows are weighed to stand for one arm, and the outcome given the columns must be the same in both. Not with
    a rigid classifier on many rows: its error stays, and the arm's own rows do better.

    Parameters
    ----------
    arm : {"treated", "control"}, default "treated"
        "treated" weighs the rows to the treated arm, "control" to the other.
    assignment_rate : float in (0, 1) or None, default None
        The share of rows that the experiment assigns to the treated arm; None takes that of the rows.
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic regression
        without a penalty. Calibrated and flexible is best, such as boosted trees.
    n_folds : int >= 1 or None, default None
        Folds of the cross-fitting, by which a row's probability is from a model that was not fitted on the row, nor on
        its unit; 1 fits one model to all rows. None takes 1 for the default classifier and 5 for any other.
    random_state : int or None, default 0
        Seed of the folds.
    treated : str, int, float, bool or None, default None
        The value of the treatment that means treated; None where its two values are 0 and 1, or False and True.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.
    ratio_ : ndarray of shape (n,)
        The ratio as estimated, of mean near 1, at most 1 over the arm's assignment rate.
    memberships_ : ndarray of shape (n,)
        The probability of the treated arm.
    arms_ : ndarray of shape (2,)
        The control and the treated.
    models_ : list of classifiers
        The classifier of each fold.

    Raises
    ------
    DataError
        Other than two arms, arms without ``treated``, or one of fewer than two rows.
    ParameterError
        A classifier without predict_proba.

    Notes
    -----
    With e the probability of the treated arm given the columns and p its rate, weights are e / p or (1 - e) / (1 - p):
    the density ratio of the arm to all rows, bounded without clipping, and 1 where the arms' columns do not differ. The
    columns are those of the model's input, the decision among them; columns that the system does not decide on say
    nothing, and the weights are then 1. Weigh anew with the rows of each period. Folds do not depend on the order of
    the rows. Cost: ``n_folds`` fits of the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> treated = rng.random(600) < 0.5  # each arm collects its own kind of rows
    >>> X = rng.normal(np.where(treated, 0.5, -0.5))[:, None]
    >>> weigher = ballast.method("arm_membership", arm="treated").fit(X, treated)
    >>> np.average(X, axis=0, weights=weigher.weights_).round(1)  # of all rows
    array([0.4])
    >>> X[treated].mean(axis=0).round(1)
    array([0.4])
    """

    name = "arm_membership"
    reference = (
        "Si, Tackling Interference Induced by Data Training Loops in A/B Tests: A Weighted Training Approach, 2023"
    )
    survey_ids = ("S156",)
    claim = Claim(
        "Models trained on all rows, weighed to their arm, remove most of the bias that pooled training rows bring "
        "into the difference of two arms, at less error than models of the arms' own rows.",
        "partly",
        "Two linear rankers of curved rewards, 8 periods, true difference {truth:.3f}. 200 users, 30 seeds: bias "
        "{pooled:.3f} pooled, {split:.3f} of the arms' own rows, {weighted:.3f} weighted (+- {weighted.spread:.3f}), "
        "root mean squared error {pooled_error:.3f}, {split_error:.3f}, {weighted_error:.3f}. 1000 users, 15 seeds: "
        "{pooled_many:.3f}, {split_many:.3f}, {weighted_many:.3f} (+- {weighted_many.spread:.3f}), error "
        "{pooled_many_error:.3f}, {split_many_error:.3f}, {weighted_many_error:.3f}: what logistic regression misses "
        "of the arms does not go away. Boosted trees of 8 leaves do not miss it: bias {trees_many:.3f}, error "
        "{trees_many_error:.3f}, no more than of the arms' own rows.",
    )

    def __init__(
        self,
        arm: Literal["treated", "control"] = "treated",
        assignment_rate: Annotated[float, Field(gt=0, lt=1)] | None = None,
        classifier: Any = None,
        n_folds: Count | None = None,
        random_state: Seed = 0,
        treated: Arm = None,
    ) -> None:
        self.arm = arm
        self.assignment_rate = assignment_rate
        self.classifier = classifier
        self.n_folds = n_folds
        self.random_state = random_state
        self.treated = treated

    def fit(self, X: np.ndarray, treatment: np.ndarray, dependence: np.ndarray | None = None) -> ArmMembership:
        """Learns the weights of all rows (n, d), of which each was in one of two arms (n,).

        Rows of one unit of ``dependence`` (n,) are in one fold of the cross-fitting.
        """
        self.arms_, treated = two_arms(treatment, self.name, self.treated)
        least_rows(treated, self.name)
        self._rate = float(treated.mean()) if self.assignment_rate is None else self.assignment_rate
        rng = np.random.default_rng(self.random_state)
        found, self.models_ = label_probabilities(
            self.classifier, X, treated.astype(np.int64), self.n_folds, rng, self.name, dependence, "dependence"
        )
        self.memberships_ = found[:, 1]
        self.ratio_ = self._ratio(self.memberships_, X.dtype)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), by the mean probability of the folds' models."""
        return self._ratio(np.mean([model.predict_proba(X)[:, 1] for model in self.models_], axis=0), X.dtype)

    def _ratio(self, memberships: np.ndarray, dtype: np.dtype) -> np.ndarray:
        treated = memberships / self._rate
        return (treated if self.arm == "treated" else (1 - memberships) / (1 - self._rate)).astype(dtype)
