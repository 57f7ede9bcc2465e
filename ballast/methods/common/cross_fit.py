"""Classifiers of the target's rows against the source's and of labels, cross-fitted: what tests and weighers use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ballast.compute.blocks import are_copies, copy_keys, row_keys
from ballast.errors import DataError, ParameterError
from ballast.methods.common.folds import deal, units_of, warn_of_near_copies
from ballast.methods.common.weighting import fit_with_weights
from ballast.words import plural

FOLDS = 5
"""Folds of a classifier that could learn its rows by heart, unless told otherwise."""
NO_PENALTY = 1e6
"""C of a logistic regression as good as unpenalised, that still has an answer where columns repeat each other."""


@dataclass(frozen=True)
class CrossFit:
    """Out-of-fold probabilities that a row belongs to the target.

    Attributes
    ----------
    source, target : (n,) and (m,) P(target | row), each from a model that was not fitted on the row.
    folds, folds_target : (n,) and (m,) the fold that each row was held out in.
    models : the fitted classifier of each fold.
    odds : (n_folds,) source rows, or their weight, per target row that each fold's model was fitted on.
    """

    source: np.ndarray
    target: np.ndarray
    folds: np.ndarray
    folds_target: np.ndarray
    models: list[Any]
    odds: np.ndarray


def cross_fit(
    classifier: Any,
    X: np.ndarray,
    X_target: np.ndarray,
    n_folds: int,
    rng: np.random.Generator,
    owner: str,
    dependence: np.ndarray | None = None,
    dependence_target: np.ndarray | None = None,
    weights: tuple[np.ndarray, np.ndarray] | None = None,
) -> CrossFit:
    """Fits `classifier` once a fold; folds do not depend on the order of the rows, and hold all copies of a row.

    All rows of a unit, of ``dependence`` (n,) and ``dependence_target`` (m,), are in one fold, in both samples.
    ``weights`` (n,) and (m,) go into the fits and the odds.
    DataError below two rows each, or where the rows outside a fold are of one sample.
    """
    smaller = min(len(X), len(X_target))
    if smaller < 2:
        raise DataError(
            f"{owner}: X has {plural(len(X), 'row')} and X_target {len(X_target)}; at least 2 of each are needed to "
            "hold out one and fit on the other"
        )
    folds, folds_target = deal_samples(X, X_target, min(n_folds, smaller), rng, owner, dependence, dependence_target)
    k = 1 + int(max(folds.max(), folds_target.max()))
    source = np.empty(len(X), dtype=X.dtype)
    target = np.empty(len(X_target), dtype=X.dtype)
    models, odds = [], []
    for fold in range(k):
        kept, kept_target = folds != fold, folds_target != fold
        rows = np.concatenate([X[kept], X_target[kept_target]])
        is_target = np.repeat([0, 1], [int(kept.sum()), int(kept_target.sum())])
        model: Any = clone(classifier)
        if weights is None:
            model.fit(rows, is_target)
            odds.append(kept.sum() / kept_target.sum())
        else:
            own, theirs = weights[0][kept], weights[1][kept_target]
            _check_weighty(own, theirs, owner)
            fit_with_weights(model, rows, is_target, np.concatenate([own, theirs]))
            odds.append(own.sum() / theirs.sum())
        for found, rows, held_out in ((source, X, ~kept), (target, X_target, ~kept_target)):
            if held_out.any():
                found[held_out] = model.predict_proba(rows[held_out])[:, 1]
        models.append(model)
    return CrossFit(source, target, folds, folds_target, models, np.asarray(odds))


def _check_weighty(own: np.ndarray, theirs: np.ndarray, owner: str) -> None:
    for name, weights in (("design_weight", own), ("design_weight_target", theirs)):
        if not weights.any():
            raise DataError(
                f"{owner}: {name}: all {len(weights)} rows outside one fold have the weight 0; give weight to more rows"
            )


def label_probabilities(
    classifier: Any,
    X: np.ndarray,
    labels: np.ndarray,
    n_folds: int | None,
    rng: np.random.Generator,
    owner: str,
    groups: np.ndarray | None = None,
    name: str = "groups",
    sample_weight: np.ndarray | None = None,
) -> tuple[np.ndarray, list[Any]]:
    """Gives (n, K) probabilities of the labels (n,) 0 to K - 1, and the fitted classifiers, one a fold.

    ``classifier`` None is logistic regression without a penalty, which with ``n_folds`` None is fitted to all rows at
    once, as with 1: its probabilities then sum up to the labels, also weighted by any column. Any other is cross-fitted
    in 5 folds then. Each label must have two rows at least; folds have its share of all, or with ``groups`` (n,), which
    messages call by ``name``, whole groups, and do not depend on the order of the rows. ``sample_weight`` (n,) goes
    into the fits. Raises DataError where the rows outside a fold lack a label, as they may with groups.
    """
    made = unpenalised_logistic(X.shape[1]) if classifier is None else check_classifier(classifier, owner)
    counts = np.bincount(labels)
    n_folds = n_folds or (1 if classifier is None else FOLDS)
    if n_folds > 1 and groups is None and classifier is not None:  # a linear model learns nothing by heart
        warn_of_near_copies(X, owner, "folds part them")
    if n_folds == 1:
        model: Any = clone(made)
        fit_with_weights(model, X, labels, sample_weight)
        return model.predict_proba(X), [model]
    folds = deal_labelled(X, labels, n_folds, rng, owner, groups, name)
    found = np.empty((len(X), len(counts)))
    models = []
    for fold in np.unique(folds):
        kept = folds != fold
        model = clone(made)
        fit_with_weights(model, X[kept], labels[kept], None if sample_weight is None else sample_weight[kept])
        found[~kept] = model.predict_proba(X[~kept])
        models.append(model)
    return found, models


def deal_labelled(
    X: np.ndarray,
    labels: np.ndarray,
    k: int,
    rng: np.random.Generator,
    owner: str,
    groups: np.ndarray | None = None,
    name: str = "groups",
) -> np.ndarray:
    """Gives (n,) folds, each with its share of the labels (n,) 0 to K - 1, and with whole ``groups`` where given.

    Copies of a row with one label are in one fold. Folds do not depend on the order of the rows. Raises DataError,
    which calls the groups by ``name``, where the rows outside a fold lack a label.
    """
    counts = np.bincount(labels)
    if groups is None:
        folds = np.empty(len(X), dtype=np.int64)
        for label in range(len(counts)):
            folds[labels == label] = deal_folds(X[labels == label], min(k, int(counts.min())), rng)
        return folds
    units = units_of(X, groups)
    folds = deal(units, labels, min(k, units.n), rng)
    for fold in np.unique(folds):
        kept = folds != fold
        if (np.bincount(labels[kept], minlength=len(counts)) == 0).any():
            raise DataError(
                f"{owner}: {name}: the {int(kept.sum())} of {len(X)} rows outside one fold of groups do not hold all "
                f"{len(counts)} values to be told apart, so nothing can be learned without the fold; raise n_folds, or "
                "give finer groups"
            )
    return folds


def deal_samples(
    X: np.ndarray,
    X_target: np.ndarray,
    k: int,
    rng: np.random.Generator,
    owner: str,
    dependence: np.ndarray | None = None,
    dependence_target: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives the (n,) and (m,) folds of two samples: copies of a row, and units of one name, are in one in both.

    DataError where ``dependence`` (n,) or ``dependence_target`` (m,) leaves the rows outside a fold of one sample.
    """
    if dependence is None and dependence_target is None:
        return _deal_both(X, X_target, k, rng)
    both, is_target = np.concatenate([X, X_target]), np.repeat([0, 1], [len(X), len(X_target)])
    units = _units_of_both(len(X), len(X_target), dependence, dependence_target)
    dealt = deal_labelled(both, is_target, k, rng, owner, units, "dependence")
    return dealt[: len(X)], dealt[len(X) :]


def units_of_samples(
    X: np.ndarray, X_target: np.ndarray, own: np.ndarray | None, theirs: np.ndarray | None, owner: str
) -> tuple[np.ndarray, np.ndarray]:
    """Gives the (n,) and (m,) numbers of the rows' units in two samples: copies of a row are of one, in both.

    So are rows of one name, of ``own`` (n,) and ``theirs`` (m,); DataError where these name one for all of X.
    """
    if own is None and theirs is None:
        keys = np.unique(np.concatenate(copy_keys(X, X_target)), return_inverse=True)[1]
        return keys[: len(X)], keys[len(X) :]
    both = np.concatenate([X, X_target])
    of = units_of(both, _units_of_both(len(X), len(X_target), own, theirs)).of
    if (of[: len(X)] == of[0]).all():
        raise DataError(
            f"{owner}: dependence names one unit for all {len(X)} rows; two are needed to leave one out, so leave "
            "dependence out or name another column"
        )
    return of[: len(X)], of[len(X) :]


def deal_folds(
    X: np.ndarray, k: int, rng: np.random.Generator, dependence: np.ndarray | None = None, owner: str = ""
) -> np.ndarray:
    """Deals the rows, in the order of their contents' keys, to k folds, with all copies of a row in one.

    Each fold gets as many contents, by one at most. Where contents are fewer than folds, or are those of categories
    alone, rows are dealt one by one. With ``dependence`` (n,) all rows of a unit are in one of as many folds at most;
    DataError, which names the ``owner``, where there is one unit alone.
    """
    if dependence is not None:
        units = units_of(X, dependence)
        if units.n < 2:
            raise DataError(
                f"{owner}: dependence names one unit for all {len(X)} rows; two are needed to hold one out, so leave "
                "dependence out or name another column"
            )
        return deal(units, np.zeros(len(X), dtype=np.int64), min(k, units.n), rng)
    distinct, member = np.unique(row_keys(X), return_inverse=True)
    if k <= len(distinct) < len(X) and are_copies(X):
        return rng.permutation(np.arange(len(distinct)) % k)[member]
    folds = np.empty(len(X), dtype=np.int64)
    folds[np.argsort(row_keys(X), kind="stable")] = rng.permutation(np.arange(len(X)) % k)
    return folds


def _units_of_both(n: int, m: int, own: np.ndarray | None, theirs: np.ndarray | None) -> np.ndarray:
    """Gives (n + m,) the units of both samples, those of one name being one; a sample without any has its rows."""
    named = [units for units in (own, theirs) if units is not None]
    codes = pd.factorize(np.concatenate([np.asarray(units, dtype=object) for units in named]))[0]
    if len(named) == 2:
        return codes
    rest = codes.max() + 1 + np.arange(n if own is None else m)
    return np.concatenate([rest, codes] if own is None else [codes, rest])


def _deal_both(X: np.ndarray, X_target: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Gives the folds of both samples: a row of the target that is a copy of the source's has the source's fold."""
    folds = deal_folds(X, k, rng)
    keys, keys_target = copy_keys(X, X_target)
    own, first = np.unique(keys, return_index=True)
    place = np.searchsorted(own, keys_target).clip(max=len(own) - 1)
    copies = own[place] == keys_target
    dealt = np.empty(len(X_target), dtype=np.int64)
    dealt[copies] = folds[first[place[copies]]]
    if not copies.all():
        dealt[~copies] = deal_folds(X_target[~copies], min(k, int((~copies).sum())), rng)
    if len(np.unique(dealt)) < 2:  # nothing would be left to fit on
        dealt = deal_folds(X_target, k, rng)
    return folds, dealt


def check_classifier(classifier: Any, owner: str, parameter: str = "classifier") -> Any:
    """Gives a classifier object from one, or from the import path of its class; ParameterError when it is neither."""
    return _checked(classifier, owner, parameter, "classifier", "predict_proba")


def check_regressor(regressor: Any, owner: str, parameter: str = "regressor") -> Any:
    """Gives a regressor object from one, or from the import path of its class; ParameterError when it is neither."""
    return _checked(regressor, owner, parameter, "regressor", "predict")


def _checked(estimator: Any, owner: str, parameter: str, kind: str, call: str) -> Any:
    from ballast.methods.frame.catalogue import resolve

    found = resolve(estimator)() if isinstance(estimator, str) else estimator
    if isinstance(found, type) or not (hasattr(found, "fit") and hasattr(found, call)):
        raise ParameterError(
            f"{owner}: parameter {parameter!r} must be a scikit-learn {kind} with {call}, or the import path of its "
            f"class such as 'sklearn.ensemble.HistGradientBoosting{kind.capitalize()}', got {estimator!r}"
        )
    return found


def logistic(n_features: int) -> Any:
    """Gives logistic regression on standardised columns, with the solver that suits the width."""
    return _logistic(n_features, penalty=1.0, tolerance=1e-4)


def unpenalised_logistic(n_features: int) -> Any:
    """Gives logistic regression as good as without a penalty, whose fitted probabilities keep the columns' means."""
    return _logistic(n_features, penalty=1 / NO_PENALTY, tolerance=1e-8)


def _logistic(n_features: int, *, penalty: float, tolerance: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Newton's method costs n d^2 a step and takes few; beyond some hundred columns L-BFGS is quicker.
    solver = "newton-cholesky" if n_features <= 200 else "lbfgs"
    model = LogisticRegression(C=1 / penalty, solver=solver, tol=tolerance, max_iter=1000)
    return make_pipeline(StandardScaler(), model)
