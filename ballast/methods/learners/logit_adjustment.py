"""Any classifier with its log-odds shifted against the classes' shares, or to given ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, clone

from ballast.errors import DataError, ParameterError
from ballast.methods.common.cross_fit import check_classifier
from ballast.methods.common.logits import SMALLEST_PROBABILITY
from ballast.methods.common.tasks import check_classes
from ballast.methods.common.weighting import fit_with_weights
from ballast.methods.frame.base import Claim, Learner
from ballast.methods.frame.parameters import Level, NonNegative
from ballast.methods.learners.linear import LogisticRegression
from ballast.words import listed, plural


class LogitAdjustment(ClassifierMixin, Learner):
    """Classifies with any classifier whose log-odds are shifted by -tau times the log of the classes' shares.

    Use it on long tails where errors on all classes cost the same (the balanced error), in place of weights by class:
    the model is fitted once, on the rows as they are. Not for probabilities of the data at hand, and not around a
    classifier that weighs the classes itself (``class_weight``): its probabilities are adjusted already.

    Parameters
    ----------
    classifier : classifier, str or None, default None
        Any classifier with predict_proba, its catalogue name or the import path of its class. None takes
        ``logistic_regression``. It should be calibrated: what is shifted is the log of its probabilities.
    tau : float >= 0, default 1.0
        0 leaves the classifier as it is; 1 adjusts it to the shares asked for.
    prior : dict or None, default None
        The share of each class where the model is used, by its label, sum 1. None takes equal shares.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The sorted labels.
    shares_ : ndarray of shape (K,)
        The classes' shares of the rows, or of their weight.
    shift_ : ndarray of shape (K,)
        What is added to the log-probabilities.
    model_ : classifier
        The fitted classifier.

    Raises
    ------
    DataError
        One class alone, or a class without weight.
    ParameterError
        A classifier without predict_proba, or that takes no weights where some are given, or with a ``class_weight``; a
        ``prior`` that lacks a class, names another or does not sum to 1.

    Notes
    -----
    Weights given to ``fit`` count in the shares, so that weights which balance the classes leave nothing to adjust.
    With tau 1 the probabilities are those of Bayes' rule for the new shares, if the classifier's are right for the
    old ones and the classes themselves look the same. Probabilities below 1e-12 count as that. Cost: one fit of the
    classifier, O(n K) to predict.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], [950, 50])
    >>> X = rng.normal(1.5 * y)[:, None]
    >>> for name in ("logistic_regression", "logit_adjustment"):
    ...     rare = ballast.method(name).fit(X, y).predict(X[y == 1])
    ...     print(rare.mean().round(1))  # share of the rare class that is found
    0.0
    0.8
    """

    name = "logit_adjustment"
    reference = (
        "Menon, Jayasumana, Rawat, Jain, Veit and Kumar, Long-Tail Learning via Logit Adjustment, ICLR 2021; "
        "Saerens, Latinne and Decaestecker, Adjusting the Outputs of a Classifier to New a Priori Probabilities, "
        "Neural Computation 2002"
    )
    claim = Claim(
        "The balanced error is below the plain model's, and no higher than with weights by inverse class frequency.",
        "reproduced",
        "Noisy digits, 120 rows down to 1 a class, logistic regression, 15 seeds: {digits_adjusted:.3f}, plain "
        "{digits_plain:.3f}, weighted {digits_weighted:.3f} (adjusted less weighted {digits_over_weighted:+.3f} +- "
        "{digits_over_weighted.spread:.3f}). Eight normal classes, 100 to 1, a network, 8 seeds: "
        "{normals_adjusted:.3f}, {normals_plain:.3f}, {normals_weighted:.3f} ({normals_over_weighted:+.3f} +- "
        "{normals_over_weighted.spread:.3f}). Not for forests with leaves of ten rows, which smooth rare classes "
        "away: {forest_adjusted:.3f}, {forest_plain:.3f}, {forest_weighted:.3f}.",
    )

    def __init__(
        self, classifier: Any = None, tau: NonNegative = 1.0, prior: Mapping[Any, Level] | None = None
    ) -> None:
        self.classifier = classifier
        self.tau = tau
        self.prior = prior

    @property
    def keeps_weightless(self) -> bool:
        """It names a class without weight, whose share it could not adjust; the classifier sees none of its rows."""
        return True

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> LogitAdjustment:
        """Fits (n, d) features to (n,) labels of any sortable type."""
        given = LogisticRegression() if self.classifier is None else check_classifier(self.classifier, self.name)
        if (own := getattr(given, "class_weight", None)) is not None:
            raise ParameterError(
                f"{self.name}: parameter 'classifier' weighs the classes itself (class_weight={own!r}), so that they "
                "would be adjusted for twice; leave class_weight out"
            )
        self.classes_, codes = check_classes(y, self.name)
        totals = np.bincount(codes, sample_weight)
        if not totals.all():
            raise DataError(
                f"{self.name}: the {plural(int((codes == totals.argmin()).sum()), 'row')} of class "
                f"{self.classes_[totals.argmin()]} of y weigh 0, so that it has no share to adjust; drop them, or give "
                "them weight"
            )
        self.shares_ = totals / totals.sum()
        self.shift_ = self.tau * (np.log(self._prior()) - np.log(self.shares_))
        self.model_ = fit_with_weights(clone(given), X, y, sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Gives the (n,) most probable labels under the adjusted shares."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) probabilities under the adjusted shares, columns in the order of ``classes_``."""
        return softmax(self.decision_function(X), axis=1)

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Gives (n, K) logits whose softmax is ``predict_proba``: log-probabilities of the classifier, shifted."""
        probs = np.maximum(self.model_.predict_proba(X), SMALLEST_PROBABILITY)
        return (np.log(probs) + self.shift_).astype(X.dtype)

    def _prior(self) -> np.ndarray:
        """Gives (K,) the shares to adjust to."""
        if self.prior is None:
            return np.full(len(self.classes_), 1 / len(self.classes_))
        labels = self.classes_.tolist()
        if set(self.prior) != set(labels) or abs(sum(self.prior.values()) - 1) > 1e-6:
            raise ParameterError(
                f"{self.name}: parameter 'prior' must give every class of y a share, and these must sum to 1; got "
                f"{dict(self.prior)}, the classes are {listed(map(repr, labels), 20)}"
            )
        return np.array([self.prior[label] for label in labels])
