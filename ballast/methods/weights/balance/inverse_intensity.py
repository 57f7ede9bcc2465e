"""Inverse intensity weights, for outcomes that are more often observed of some rows than of others."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError
from ballast.methods.common.cross_fit import label_probabilities
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Count, Seed
from ballast.words import plural


class InverseIntensity(Weigher):
    """Weighs the rows whose outcome was observed by the inverse of the probability that it was, given their columns.

    Use it where outcomes are seen at informative times (a patient is measured when unwell), for a model that shall
    predict at all times: rows are all times at which an outcome could have been seen, and the columns hold all that
    decides whether it was, such as the past. Not for a flexible model, which gains nothing, nor where seeing the
    outcome depends on the outcome itself beyond the columns, which no weights of the columns correct.

    Parameters
    ----------
    classifier : classifier, str or None, default None
        Any scikit-learn classifier with predict_proba, or the import path of its class. None takes logistic regression
        without a penalty.
    floor : float in (0, 0.5), default 0.001
        Probabilities below are raised to it; 0.001 in the authors' code.
    clip_below : float in [0, 1], default 0.1
        Where the effective sample size is less than this share of the observed rows, their weights are cut to their
        quantiles `tail` and 1 - `tail`; 0 never cuts. Cutting helps a flexible model and costs a linear one.
    tail : float in [0, 0.5), default 0.01
        The share of the weights cut at each end.
    n_folds : int >= 1 or None, default None
        Folds of the cross-fitting, by which a row's probability is from a model that was not fitted on the row, nor on
        its group; 1 fits one model to all rows. None takes 1 for the default classifier and 5 for any other.
    random_state : int or None, default 0
        Seed of the folds.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1 over all rows, 0 where the outcome was not observed.
    intensities_ : ndarray of shape (n,)
        The probability that it was, not below the floor.
    range_ : tuple of float
        The least and greatest inverse probability after cutting.
    models_ : list of classifiers
        The classifier of each fold.

    Raises
    ------
    DataError
        Fewer than two rows observed, or not observed; one group alone.
    OverlapError
        The floor holds for more than half of the rows.
    ParameterError
        A classifier without predict_proba.

    Notes
    -----
    ``fit(X, observed, groups=None)``: ``groups``, the patient say, keeps a group's rows in one fold. ``weigh(X)`` gives
    the weights that unseen rows have when they are observed, by the mean probability of the folds' models. Folds do not
    depend on the order of the rows. Do not choose a model by its unweighted validation error. Cost: ``n_folds`` fits of
    the classifier on all rows.

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 1))  # how unwell a patient was
    >>> observed = rng.random(1000) < 1 / (1 + np.exp(-X[:, 0]))
    >>> weights = ballast.method("inverse_intensity").fit(X, observed).weights_
    >>> print(f"{X[observed].mean():.1f} of those who were measured")
    0.3 of those who were measured
    >>> bool(abs(np.average(X[:, 0], weights=weights)) < 0.1)
    True
    """

    name = "inverse_intensity"
    reference = (
        "Vanderschueren, Curth, Verbeke and van der Schaar, Accounting for Informative Sampling When Learning to "
        "Forecast Treatment Outcomes over Time, ICML 2023"
    )
    survey_ids = ("S186",)
    claim = Claim(
        "Weighted training lowers the error of a forecast at all times, the more so the more informative the times of "
        "observation are, where the model is too simple for the outcome.",
        "partly",
        "150 patients at 12 times, observed with the odds exp(gamma state), 20 seeds: the error of a linear forecast "
        "changes by {linear_estimated_1:.0%} (gamma 1), {linear_estimated_2:.0%} (2), {linear_cut_4:.0%} (4; "
        "{linear_whole_4:.0%} with weights that are not cut), lower on 20 of 20 seeds each; true probabilities, not "
        "cut, do as well. Boosted trees at gamma 2: of 4 leaves {small boosting:.0%}, of 31 leaves {boosting:.0%}. "
        "Times that tell nothing (0): {linear_estimated_0:.1%}.",
    )

    def __init__(
        self,
        classifier: Any = None,
        floor: Annotated[float, Field(gt=0, lt=0.5)] = 1e-3,
        clip_below: Annotated[float, Field(ge=0, le=1)] = 0.1,
        tail: Annotated[float, Field(ge=0, lt=0.5)] = 0.01,
        n_folds: Count | None = None,
        random_state: Seed = 0,
    ) -> None:
        self.classifier = classifier
        self.floor = floor
        self.clip_below = clip_below
        self.tail = tail
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(
        self,
        X: np.ndarray,
        observed: np.ndarray,
        groups: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> InverseIntensity:
        """Learns the weights of all rows (n, d), whose outcomes were observed or not (n,), of the groups (n,).

        Rows of one unit of ``dependence`` (n,) are in one fold as those of a group are, where no groups are given.
        """
        n_seen = int(observed.sum())
        if min(n_seen, len(X) - n_seen) < 2:
            raise DataError(
                f"{self.name}: observed holds {plural(n_seen, 'true value')} in {len(X)} rows; two rows that were "
                "observed and two that were not are needed to learn which are. Give all rows that could have been "
                "observed, or train without these weights where all were"
            )
        if groups is not None and (groups == groups[0]).all():
            raise DataError(
                f"{self.name}: groups has only one value ({groups.tolist()[0]!r}, {len(X)} rows); two are needed to "
                "hold one out, so leave groups out or name another column"
            )
        rng = np.random.default_rng(self.random_state)
        probabilities, self.models_ = label_probabilities(
            self.classifier,
            X,
            observed.astype(np.int64),
            self.n_folds,
            rng,
            self.name,
            *((groups, "groups") if groups is not None else (dependence, "dependence")),
        )
        self.intensities_ = np.maximum(probabilities[:, 1], self.floor)
        self._check_floored()
        inverse = 1 / self.intensities_
        self.range_ = self._range(inverse[observed])
        self.weights_ = np.where(observed, inverse.clip(*self.range_), 0.0).astype(X.dtype)
        return self

    def weigh(self, X: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) whose outcome was observed."""
        intensities = np.mean([model.predict_proba(X)[:, 1] for model in self.models_], axis=0)
        return (1 / np.maximum(intensities, self.floor)).clip(*self.range_).astype(X.dtype)

    def _check_floored(self) -> None:
        floored = float(np.mean(self.intensities_ <= self.floor))
        if floored > 0.5:
            raise OverlapError(
                f"{self.name}: {floored:.0%} of {len(self.intensities_)} rows are observed with a probability of at "
                f"most floor={self.floor:g}, so that hardly any like them are; lower floor where observing is as rare, "
                "or leave out the rows that cannot be observed"
            )

    def _range(self, inverse: np.ndarray) -> tuple[float, float]:
        """Gives the least and greatest weight that the observed rows' inverse probabilities may have."""
        low, high = 0.0, 1.0
        if effective_sample_size(inverse) < self.clip_below * len(inverse):
            low, high = self.tail, 1 - self.tail
        return float(np.quantile(inverse, low)), float(np.quantile(inverse, high))
