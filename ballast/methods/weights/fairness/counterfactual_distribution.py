"""Counterfactual distributions: weights, and moved rows, under which a fixed model treats two groups alike."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from scipy.optimize import root_scalar
from sklearn.utils.validation import check_is_fitted

from ballast.compute.blocks import draw_rows
from ballast.compute.effective_sample_size import effective_sample_size
from ballast.errors import DataError, OverlapError, ParameterError, nearest
from ballast.methods.common.classes import class_counts, class_positions, predictions
from ballast.methods.common.cross_fit import label_probabilities, logistic
from ballast.methods.frame.base import Claim, Weigher
from ballast.methods.frame.parameters import Seed
from ballast.methods.frame.vocabulary import check_arguments
from ballast.methods.weights.fairness._residual_transport import ResidualMap, moves, residual_map
from ballast.words import listed, plural

STEEPEST = 2.0**20
"""Strength of the tilt, for terms of size one, beyond which all weight lies on the most extreme rows."""


class CounterfactualDistribution(Weigher):
    """Weighs one group's rows so that a fixed model, as it stands, has the other group's rate on them.

    Use it to see who would have to be there for a model that cannot be retrained to treat two groups alike, and to
    measure how far that is (``effective_sample_size_``). Not as the way to equal decisions: a threshold for each group
    closes the same gap at less loss of accuracy, and where the model can be trained again ``reweighing`` is a start.

    Parameters
    ----------
    metric : {"statistical_parity", "false_positive_rate", "false_negative_rate"}, default "statistical_parity"
        "statistical_parity" compares the model's mean score of the second class, "false_positive_rate" that of rows of
        the first class, "false_negative_rate" the mean score of the first class for rows of the second.
    repaired_group : str, int or None, default None
        The group that is weighed. None takes that of the lower rate for "statistical_parity", of the higher error rate
        for the others.
    classifier : classifier, str or None, default None
        Classifier of the label within a group: any of scikit-learn's with predict_proba, or the import path of its
        class. None takes logistic regression on standardised columns. "statistical_parity" fits none.
    soft : bool, default True
        True takes probabilities as scores, False decisions (the likelier class).
    n_folds : int >= 2, default 5
        Folds of the cross-fitting; a row's label probability is from a model that was not fitted on the row.
    n_audit : int from 2 to 2000, default 800
        Rows of the repaired group that the map of ``repair`` is made of, at most.
    random_state : int or None, default 0
        Seed of the folds, of the audit rows and of who moves.

    Attributes
    ----------
    weights_ : ndarray of shape (n,)
        Weight of each row, of mean 1; equal for all rows of the other group.
    gap_before_, gap_after_ : float
        Rate of the repaired group less that of the other.
    label_gap_before_, label_gap_after_ : float
        Likewise, by labels in place of their probabilities.
    target_rate_ : float
        Rate of the other group.
    lambda_ : float
        Strength of the tilt.
    repaired_group_ : str or int
        The group.
    effective_sample_size_ : float
        Of the repaired group's rows under the weights.
    groups_, classes_ : ndarray of shape (2,)
        The two groups and the two classes.
    models_ : list of classifiers
        The classifiers of the repaired group.
    audit_ : ndarray of shape (m, d)
        Audit rows of the repaired group.

    Raises
    ------
    DataError
        Another number of groups or classes than two, a group with fewer than two rows of a class.
    OverlapError
        No weights give the repaired group the other's rate.
    ParameterError
        No such group, or a classifier without predict_proba.

    Notes
    -----
    With e = P(second class | row, group) and h the score, a rate is sum(w a) / sum(w b) with a = h, b = 1 for
    statistical parity, h (1 - e), 1 - e for the false positive rate, (1 - h) e, e for the false negative rate. Weights
    proportional to exp(-lambda (a - rate of the other b)) close the gap exactly, and of all such weights lose the least
    entropy; the paper's steps along the influence function end near them. By labels the gap closes as far as e is
    right.

    ``repair(X, groups)`` moves rows in place of weighing them: rows near an audit row of the repaired group that weighs
    less than 1 go, with the probability that is missing, to one that weighs more. Whoever moves keeps the label, so the
    false negative rate closes by half only, and decisions on moved rows are less accurate.
    Cost: two times ``n_folds`` fits of the classifier, O(n) for the weights; an assignment of ``n_audit`` rows, cubic
    at worst; for ``repair`` O(k m d).

    Examples
    --------
    >>> import numpy as np
    >>> import ballast
    >>> rng = np.random.default_rng(0)
    >>> groups, X = np.repeat(["a", "b"], 200), rng.normal(size=(400, 1))
    >>> X[:200] += 0.5  # for which the model scores a higher
    >>> p = 1 / (1 + np.exp(-X[:, 0]))
    >>> weigher = ballast.method("counterfactual_distribution")
    >>> weigher = weigher.fit(X, probs=np.c_[1 - p, p], groups=groups, y=p > 0.5)
    >>> print(f"{weigher.gap_before_:.1f}, then {abs(weigher.gap_after_):.1f}")
    -0.1, then 0.0
    """

    name = "counterfactual_distribution"
    reference = (
        "Wang, Ustun and Calmon, Repairing without Retraining: Avoiding Disparate Impact with Counterfactual "
        "Distributions, ICML 2019"
    )
    survey_ids = ("S175",)
    labels_are = "two classes"
    claim = Claim(
        "The weights close the gap of a fixed model between two groups exactly, and the map closes most of it on new "
        "rows, without retraining and at little accuracy.",
        "partly",
        "A logistic model's decisions on generated rows, 6000 weighed and 12000 new, 12 seeds; statistical parity, "
        "false positives, false negatives: gaps of {parity, before:.3f}, {false positives, before:.3f}, {false "
        "negatives, before:.3f} are closed to rounding, by labels to {parity, label_after:.3f}, {false positives, "
        "label_after:.3f}, {false negatives, label_after:.3f}, at an effective share of {parity, share:.2f}, {false "
        "positives, share:.2f}, {false negatives, share:.2f} of the group. On new rows the map leaves {parity, "
        "map:.3f}, {false positives, map:.3f}, {false negatives, map:.3f} of {parity, plain:.3f}, {false positives, "
        "plain:.3f}, {false negatives, plain:.3f} and loses {parity, lost:.3f}, {false positives, lost:.3f}, {false "
        "negatives, lost:.3f} accuracy; at the same gap random flips lose {parity, lost_by_flips:.3f}, {false "
        "positives, lost_by_flips:.3f}, {false negatives, lost_by_flips:.3f}, thresholds by group {parity, "
        "lost_by_threshold:.3f}, {false positives, lost_by_threshold:.3f}, {false negatives, lost_by_threshold:.3f}. "
        "Adult by sex is alike: a gap above 0.1 is closed, and the map, which leaves less than 0.3 of it on new rows, "
        "loses between 0.02 and 0.08.",
    )

    def __init__(
        self,
        metric: Literal["statistical_parity", "false_positive_rate", "false_negative_rate"] = "statistical_parity",
        repaired_group: str | int | None = None,
        classifier: Any = None,
        soft: bool = True,
        n_folds: Annotated[int, Field(ge=2)] = 5,
        n_audit: Annotated[int, Field(ge=2, le=2000)] = 800,
        random_state: Seed = 0,
    ) -> None:
        self.metric = metric
        self.repaired_group = repaired_group
        self.classifier = classifier
        self.soft = soft
        self.n_folds = n_folds
        self.n_audit = n_audit
        self.random_state = random_state

    def fit(
        self,
        X: np.ndarray,
        probs: np.ndarray,
        groups: np.ndarray,
        y: np.ndarray,
        classes: np.ndarray | None = None,
        dependence: np.ndarray | None = None,
    ) -> CounterfactualDistribution:
        """Learns the weights of the rows (n, d) in groups (n,) that the fixed model gives ``probs`` (n, 2).

        ``y`` (n,) are their labels, ``classes`` (2,) names the columns of ``probs``, by default the sorted labels. The
        rows of one unit of ``dependence`` (n,) are in one fold.
        """
        self.groups_ = self._two(np.unique(groups), "groups", len(y))
        self.classes_, label, _ = class_counts(
            probs, y, self._two(np.unique(y) if classes is None else classes, "y", len(y)), self.name
        )
        group = class_positions(groups, self.groups_, self.name, "groups")
        rng = np.random.default_rng(self.random_state)
        score = self._scores(probs)
        chance = self._label_chances(X, label, group, rng, dependence)
        self._check_rates(chance, group)
        rates = self._rates(score, chance, group)
        self._repaired = self._choose(rates)
        rows = group == self._repaired
        self.repaired_group_ = self.groups_.tolist()[self._repaired]
        self.models_ = self._models[self._repaired]
        self.target_rate_ = rates[1 - self._repaired]
        weights = self._tilted(score, chance, rows)
        self.weights_ = weights.astype(probs.dtype)
        self.effective_sample_size_ = effective_sample_size(weights[rows])
        self.gap_before_, self.gap_after_ = (self._gap(score, chance, group, w) for w in (None, weights))
        self.label_gap_before_, self.label_gap_after_ = (
            self._gap(score, label.astype(float), group, w) for w in (None, weights)
        )
        self._learn_map(X[rows], weights[rows], rng)
        return self

    def weigh(self, X: np.ndarray, probs: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Gives (k,) weights of unseen rows (k, d) in groups (k,) that the model gives ``probs`` (k, 2)."""
        rows = class_positions(groups, self.groups_, self.name, "groups") == self._repaired
        if probs.shape[1] != 2:
            raise DataError(
                f"{self.name}: probs has {plural(probs.shape[1], 'column')} but {self.name} was fitted on 2"
            )
        weights = np.ones(len(X))
        if rows.any():
            chance = np.zeros(int(rows.sum()))
            if self.models_:
                chance = np.mean([model.predict_proba(X[rows])[:, 1] for model in self.models_], axis=0)
            weights[rows] = np.exp(-self.lambda_ * self._excess(self._scores(probs)[rows], chance) - self._log_mean)
        return weights.astype(probs.dtype)

    def repair(self, X: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Gives (k, d) the rows as the repaired group's are to be shown to the model; those of the other stay."""
        check_is_fitted(self, "weights_")
        given = check_arguments({"X": X, "groups": groups}, self.name)
        moved = given["X"].copy()
        if moved.shape[1] != self.n_features_in_:
            raise DataError(
                f"{self.name}: X has {plural(moved.shape[1], 'column')} but {self.name} was fitted on "
                f"{self.n_features_in_}"
            )
        rows = np.flatnonzero(class_positions(given["groups"], self.groups_, self.name, "groups") == self._repaired)
        rng = np.random.default_rng(None if self.random_state is None else [self.random_state, 1])
        to = moves(moved[rows] / self._spread, self.audit_ / self._spread, ResidualMap(**self._map), rng)
        moved[rows[to >= 0]] = self.audit_[to[to >= 0]]
        return moved

    def _two(self, values: np.ndarray, name: str, n: int) -> np.ndarray:
        if len(values) != 2:
            raise DataError(
                f"{self.name}: {name} has {plural(len(values), 'value')} in {n} rows "
                f"({listed(values, 10)}), and a gap is between two groups, of labels of two classes; "
                "merge values or leave rows out until there are two"
            )
        return np.asarray(values)

    def _scores(self, probs: np.ndarray) -> np.ndarray:
        return predictions(probs, self.soft)[:, 1].astype(np.float64)

    def _label_chances(
        self,
        X: np.ndarray,
        label: np.ndarray,
        group: np.ndarray,
        rng: np.random.Generator,
        dependence: np.ndarray | None,
    ) -> np.ndarray:
        """Gives (n,) the cross-fitted probability of the second class given row and group; 0 where no rate needs it."""
        counts = np.bincount(2 * group + label, minlength=4).reshape(2, 2)
        found = np.zeros(len(X))
        self._models: list[list[Any]] = [[], []]
        if self.metric == "statistical_parity":
            return found
        if counts.min() < 2:
            g, k = np.unravel_index(counts.argmin(), counts.shape)
            raise DataError(
                f"{self.name}: groups {self.groups_.tolist()[g]!r} has {counts.min()} of {len(X)} rows with y "
                f"{self.classes_.tolist()[k]!r}; two are needed to learn the label's probability in the group"
            )
        for g in (0, 1):
            rows = group == g
            made = logistic(X.shape[1]) if self.classifier is None else self.classifier
            units = None if dependence is None else dependence[rows]
            probabilities, self._models[g] = label_probabilities(
                made, X[rows], label[rows], self.n_folds, rng, self.name, units, "dependence"
            )
            found[rows] = probabilities[:, 1]
        return found

    def _parts(self, score: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gives (n,) what a row adds to a rate's numerator and to its denominator."""
        if self.metric == "statistical_parity":
            return score, np.ones_like(score)
        if self.metric == "false_positive_rate":
            return score * (1 - chance), 1 - chance
        return (1 - score) * chance, chance

    def _check_rates(self, chance: np.ndarray, group: np.ndarray) -> None:
        for g in (0, 1):
            mass = self._parts(chance, chance)[1][group == g].sum()
            if not mass > 1e-9:
                raise DataError(
                    f"{self.name}: the classifier gives all {int((group == g).sum())} rows of groups "
                    f"{self.groups_.tolist()[g]!r} one label for certain, so that the {self.metric.replace('_', ' ')} "
                    "of the group is not defined; take a classifier with calibrated probabilities"
                )

    def _rates(
        self, score: np.ndarray, chance: np.ndarray, group: np.ndarray, weights: np.ndarray | None = None
    ) -> list[float]:
        a, b = (part if weights is None else part * weights for part in self._parts(score, chance))
        return [float(a[group == g].sum() / b[group == g].sum()) for g in (0, 1)]

    def _gap(self, score: np.ndarray, chance: np.ndarray, group: np.ndarray, weights: np.ndarray | None) -> float:
        rates = self._rates(score, chance, group, weights)
        return rates[self._repaired] - rates[1 - self._repaired]

    def _choose(self, rates: list[float]) -> int:
        if self.repaired_group is None:
            return int(np.argmin(rates) if self.metric == "statistical_parity" else np.argmax(rates))
        names = self.groups_.tolist()
        if self.repaired_group not in names:
            raise ParameterError(
                f"{self.name}: parameter 'repaired_group' must be one of {names}, got {self.repaired_group!r}"
                f"{nearest(str(self.repaired_group), map(str, names))}"
            )
        return names.index(self.repaired_group)

    def _excess(self, score: np.ndarray, chance: np.ndarray) -> np.ndarray:
        a, b = self._parts(score, chance)
        return a - self.target_rate_ * b

    def _tilted(self, score: np.ndarray, chance: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Gives (n,) weights: the tilt, of mean 1, on the repaired group's rows, 1 on the others."""
        excess = self._excess(score[rows], chance[rows])
        self.lambda_ = self._strength(excess)
        exponent = -self.lambda_ * excess
        self._log_mean = float(exponent.max() + np.log(np.exp(exponent - exponent.max()).mean()))
        weights = np.ones(len(rows))
        weights[rows] = np.exp(exponent - self._log_mean)
        return weights

    def _strength(self, excess: np.ndarray) -> float:
        """Gives the lambda under which the weighted excess is 0."""
        size = float(np.abs(excess).max())
        if size == 0 or excess.mean() == 0:
            return 0.0
        scaled = excess / size

        def left(strength: float) -> float:
            exponent = -strength * scaled
            return float(np.exp(exponent - exponent.max()) @ scaled)

        side, end = np.sign(scaled.mean()), 1.0
        while side * left(side * end) > 0:
            end *= 2
            if end > STEEPEST:
                raise OverlapError(
                    f"{self.name}: no weights of the {len(excess)} rows of groups {self.repaired_group_!r} give them "
                    f"the other group's {self.metric.replace('_', ' ')} of {self.target_rate_:.3g}, since (nearly) all "
                    "of them lie on one side of it. Collect rows, set repaired_group to the other group, or take soft "
                    "scores"
                )
        return float(root_scalar(left, bracket=(0.0, side * end), xtol=1e-13, rtol=1e-13).root) / size

    def _learn_map(self, X: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> None:
        drawn = draw_rows(X, self.n_audit, rng)
        self.audit_ = X[drawn]
        spread = self.audit_.std(axis=0)
        self._spread = np.where(spread > 0, spread, 1).astype(X.dtype)
        plan = residual_map(self.audit_ / self._spread, weights[drawn] / weights[drawn].mean())
        self._map = vars(plan).copy()
