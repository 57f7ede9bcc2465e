"""Weights for a classifier of positive rows when the other rows are not negative but unlabelled."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from ballast.errors import BallastError, DataError, OverlapError
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Seed
from ballast.methods.weights.labels.mixture_proportion import MixtureProportion
from ballast.words import listed, plural


class PositiveUnlabelled(Weigher):
    """Weighs labelled positive and unlabelled rows so that a classifier of the one from the other finds the positives.

    Use it where some positives are labelled and all other rows may be either: fraud that was reported, patients with a
    diagnosis. Not where positives were labelled for their features (the severe ones, the near ones): the labelled ones
    must be drawn from all positives at random, and nothing in the data tells whether they were. Not where positives
    and negatives look alike everywhere, either: the share of positives is then too high.

    Parameters
    ----------
    positive : bool, int, float or str, default 1
        The label of the positives; rows of the other label are unlabelled.
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class, that tells labelled from
        unlabelled rows. None takes logistic regression on standardised columns; its odds grow where the true ones are
        level, so that with many rows a flexible one finds more of the unlabelled positives.
    n_folds : int >= 2, default 5
        Folds of the cross-fitting.
    random_state : int or None, default 0
        Seed of the folds.

    Attributes
    ----------
    share_ : float
        Share of positives among the unlabelled rows, estimated by ``mixture_proportion``.
    mixture_ : MixtureProportion
        The method that estimated it, fitted.
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1.

    Raises
    ------
    DataError
        Other labels than ``positive`` and one more, fewer than two rows of either.
    OverlapError
        Unlabelled rows that look like the positives throughout, so that none is left as a negative.
    ParameterError
        A classifier without predict_proba.

    Notes
    -----
    An unlabelled row counts as a negative by the probability that it is one, on the whole as much as there are
    negatives; a labelled row counts for itself and its part of the unlabelled positives, 1 + share n_unlabelled /
    n_labelled. So the classes have the shares of all rows together; where the model is to be used on rows like the
    unlabelled ones alone, wrap it in ``logit_adjustment`` with ``prior``. Cost: ``n_folds`` fits of the classifier.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(900, 1)), np.zeros(900, dtype=int)
    >>> X[:400] += 4  # the positives,
    >>> y[:200] = 1  # of which half are labelled
    >>> weigher = ballast.method("positive_unlabelled").fit(X, y)
    >>> round(weigher.share_, 1)  # 200 of the 700 others
    0.3
    >>> bool(weigher.weights_[200:400].mean() < 0.5)  # as negatives
    True
    """

    name = "positive_unlabelled"
    reference = (
        "Elkan and Noto, Learning Classifiers from Only Positive and Unlabeled Data, KDD 2008; Zhu, Fjeldsted, Holland "
        "et al., Mixture Proportion Estimation Beyond Irreducibility, ICML 2023"
    )
    survey_ids = ("S321",)
    labels_are = "two classes"
    conformance_exceptions: ClassVar[dict[str, str]] = {
        "text_labels": "`positive` must say which text stands for the positives"
    }
    claim = Claim(
        "A classifier trained by the weights predicts the true labels better than one that takes unlabelled rows for "
        "negatives: accuracy at 1/2 and log loss.",
        "reproduced",
        "Three in ten positives labelled at random, logistic regression, 12 seeds, accuracy and log loss: two normal "
        "classes {normals, weighted, accuracy:.3f} and {normals, weighted, log loss:.3f} (plain {normals, plain, "
        "accuracy:.3f} and {normals, plain, log loss:.3f}; weighted by inverse frequency {normals, inverse, "
        "accuracy:.3f} and {normals, inverse, log loss:.3f}), tumours {cancer, weighted, accuracy:.3f} and {cancer, "
        "weighted, log loss:.3f} ({cancer, plain, accuracy:.3f} and {cancer, plain, log loss:.3f}; {cancer, inverse, "
        "accuracy:.3f} and {cancer, inverse, log loss:.3f}), odd digits {digits, weighted, accuracy:.3f} and {digits, "
        "weighted, log loss:.3f} ({digits, plain, accuracy:.3f} and {digits, plain, log loss:.3f}; {digits, inverse, "
        "accuracy:.3f} and {digits, inverse, log loss:.3f}). Classes that lie close: {near, weighted, accuracy:.3f} "
        "and {near, weighted, log loss:.3f} ({near, plain, accuracy:.3f} and {near, plain, log loss:.3f}), no better "
        "than by inverse frequency ({near, inverse, accuracy:.3f} and {near, inverse, log loss:.3f}). Labelled for a "
        "feature: {normals, weighted, selected, accuracy:.3f} and {normals, weighted, selected, log loss:.3f} "
        "({normals, plain, selected, accuracy:.3f} and {normals, plain, selected, log loss:.3f}).",
    )

    def __init__(
        self,
        positive: bool | int | float | str = 1,
        classifier: Any = None,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        random_state: Seed = 0,
    ) -> None:
        self.positive = positive
        self.classifier = classifier
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray, dependence: np.ndarray | None = None) -> PositiveUnlabelled:
        """Learns the weights of the rows (n, d), labelled positive or unlabelled by ``y`` (n,).

        Rows of one unit of ``dependence`` (n,) are in one fold of the cross-fitting.
        """
        labelled = self._labelled(y)
        n_labelled, n_unlabelled = int(labelled.sum()), int((~labelled).sum())
        if min(n_labelled, n_unlabelled) < 2:
            raise DataError(
                f"{self.name}: y has {n_labelled} positive and {plural(n_unlabelled, 'unlabelled row')}; at least 2 of "
                "each are needed to hold out one and fit on the other"
            )
        self.mixture_ = MixtureProportion(self.classifier, n_folds=self.n_folds, random_state=self.random_state)
        try:
            units = (None, None) if dependence is None else (dependence[~labelled], dependence[labelled])
            self.mixture_.fit(X[~labelled], X_target=X[labelled], dependence=units[0], dependence_target=units[1])
        except BallastError as error:
            raise type(error)(f"{self.name}: unlabelled rows (X) against positive ones (X_target): {error}") from error
        self.share_ = self.mixture_.share_
        negative = self._negative(self.mixture_.weights_)
        if not (self.share_ < 1 and negative.any()):
            raise OverlapError(
                f"{self.name}: the {n_unlabelled} unlabelled rows look like the {n_labelled} positive ones throughout "
                f"(estimated share of positives {self.share_:.3g}), so that none is left as a negative; add features "
                "that tell the classes apart, or check that the labelled rows are the positives"
            )
        self._positive = 1 + self.share_ * n_unlabelled / n_labelled
        self._factor = (1 - self.share_) * n_unlabelled / negative.sum()
        self.weights_ = np.full(len(X), self._positive, dtype=X.dtype)
        self.weights_[~labelled] = self._factor * negative
        return self

    def weigh(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d), labelled positive or unlabelled by ``y`` (k,)."""
        labelled = self._labelled(y, self._labels)
        weights = np.full(len(X), self._positive, dtype=X.dtype)
        if not labelled.all():
            weights[~labelled] = self._factor * self._negative(self.mixture_.weigh(X[~labelled]))
        return weights

    def _negative(self, weights: np.ndarray) -> np.ndarray:
        """Gives the probabilities that unlabelled rows are negative, from their weights as positives."""
        return np.maximum(1 - weights.astype(np.float64) * self.mixture_.scale_, 0.0)

    def _labelled(self, y: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Gives (n,) bool: the positive rows. The labels are those of ``fit``, where given."""
        own = np.unique(y)
        self._labels = own if labels is None else labels
        known = self._labels.tolist()
        if len(known) != 2 or self.positive not in known or not set(own.tolist()) <= set(known):
            raise DataError(
                f"{self.name}: y has the label(s) {listed(map(repr, own.tolist()), 20)} in {len(y)} rows; it must "
                f"have {self.positive!r} for positive rows and one other label for unlabelled ones; say which label is "
                "`positive`, or give all unlabelled rows one label"
            )
        return y == self.positive
