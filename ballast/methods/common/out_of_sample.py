"""Predictions for the training rows themselves, each from a model that has not seen it or what belongs with it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, StratifiedKFold

from ballast.errors import DataError, ParameterError
from ballast.methods.common.folds import Units, deal, units_of, warn_of_near_copies
from ballast.methods.common.logits import logits_of
from ballast.methods.common.tasks import check_classes, task_of_estimator, with_task
from ballast.methods.common.weighting import fit_with_weights
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.words import listed, plural, shown

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrossFitted:
    """Out-of-sample predictions, and what is to be known of their folds.

    Attributes
    ----------
    predictions : as ``out_of_sample`` gives them.
    n_folds : the fits made.
    unseen : of each class that some fold's model was fitted without, its rows in that fold: their probability is 0.
    """

    predictions: dict[str, np.ndarray]
    n_folds: int
    unseen: dict[Any, int] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, Any]:
        """What a report says of the folds, as JSON can hold it."""
        unseen = {str(label): n for label, n in self.unseen.items()}
        return {"folds": self.n_folds, **({"unseen_classes": unseen} if unseen else {})}


def out_of_sample(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray | None,
    *,
    sample_weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    n_folds: int = 5,
    random_state: int | None = 0,
    others: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Gives cross-fitted predictions of every training row.

    Parameters
    ----------
    estimator : a scikit-learn-compatible classifier or regressor; clones of it are fitted, itself is left alone.
    X, y : the (n, d) training rows and their (n,) labels or values; y None for one that learns from ``others`` alone.
    sample_weight : (n,) weights for the fits.
    groups : (n,) keeps the rows of a group in one fold, for rows that repeat a person or a place. Pass the source
        rows' ids for rows that were drawn with multiplicity. Without, ``dependence`` among ``others`` does so. Copies
        of a row are in one fold in any case.
    n_folds : the number of fits, 5 by default; fewer where there are fewer groups, or fewer rows of every class.
    random_state : the seed that assigns rows to folds.
    others : what else the estimator's ``fit`` takes, by the names of the vocabulary, such as treatment and outcome;
        ``groups`` here are not folds. A ``model`` (or each of ``models``) is given to every fit as an unfitted clone.

    Returns
    -------
    For a classifier ``probs`` (n, K), ``logits`` (n, K) by the rule of ``logits_of``, and ``classes`` (K,), K over all
    of ``y``. For a regressor ``prediction`` (n,). Each fold has its share of every class; one that a fold's model was
    fitted without has probability 0 there, and a warning names it. Rows of weight 0 are predicted, and change nothing.

    Cost: ``n_folds`` fits on (1 - 1/n_folds) of the rows.

    Errors: DataError for a class of one row, for too few rows or groups, and where the rows outside a fold are of one
    class; ParameterError for a classifier without ``predict_proba``.
    """
    return cross_fitted(
        estimator, X, y, sample_weight=sample_weight, groups=groups, n_folds=n_folds, random_state=random_state,
        others=others,
    ).predictions  # fmt: skip


def cross_fitted(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray | None,
    *,
    sample_weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    n_folds: int = 5,
    random_state: int | None = 0,
    others: Mapping[str, Any] | None = None,
) -> CrossFitted:
    """Gives what ``out_of_sample`` gives, and how it was dealt."""
    X, y = np.asarray(X), None if y is None else np.asarray(y)
    task = "regression" if y is None else task_of_estimator(estimator, y)
    estimator, owner = with_task(estimator, task), type(estimator).__name__
    rows, fixed = _parted(others or {}, sample_weight)
    units = _units(X, groups, rows.get("dependence"), owner)

    def fitted(on: np.ndarray) -> Any:
        part = {name: values[on] for name, values in rows.items()}
        given = {name: _unfitted(v) if VOCABULARY[name].source == "model" else v for name, v in fixed.items()}
        return fit_with_weights(clone(estimator), X[on], None if y is None else y[on], **part, **given)

    counts = rows["sample_weight"] > 0 if "sample_weight" in rows else np.ones(len(X), dtype=bool)
    if y is None or task == "regression":
        folds = _folds(None, units, counts, n_folds, random_state)
        prediction = np.empty(len(X), dtype=np.float64)
        for train, test in _splits(folds, units):
            prediction[test] = fitted(train).predict(X[test])
        return CrossFitted({"prediction": prediction}, int(folds.max()) + 1)
    if not hasattr(estimator, "predict_proba"):
        raise ParameterError(
            f"{owner} has no predict_proba, so there are no out-of-sample probabilities; wrap it in "
            "sklearn.calibration.CalibratedClassifierCV or use another classifier"
        )
    classes, codes = check_classes(y, owner)
    folds = _folds(codes, units, counts, n_folds, random_state)
    probs = np.zeros((len(X), len(classes)))
    logits = np.empty_like(probs)
    unseen: dict[Any, int] = {}
    for train, test in _splits(folds, units):
        known = np.bincount(codes[train[counts[train]]], minlength=len(classes)) > 0
        _check_several(classes[known], owner, train, test)
        for code in np.flatnonzero(~known):
            label = classes.tolist()[code]
            unseen[label] = unseen.get(label, 0) + int((codes[test] == code).sum())
        model = fitted(train)
        probs[np.ix_(test, np.searchsorted(classes, model.classes_))] = model.predict_proba(X[test])
        logits[test] = logits_of(model, X[test], classes, probs[test])
    _tell_unseen(unseen, owner)
    return CrossFitted({"probs": probs, "logits": logits, "classes": classes}, int(folds.max()) + 1, unseen)


def _parted(
    others: Mapping[str, Any], sample_weight: np.ndarray | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Gives what a fit takes by row, and what every fit takes alike."""
    rows = {name: np.asarray(value) for name, value in others.items() if VOCABULARY[name].rows == "sample"}
    fixed = {name: value for name, value in others.items() if name not in rows}
    return rows if sample_weight is None else {**rows, "sample_weight": np.asarray(sample_weight)}, fixed


def _unfitted(model: Any) -> Any:
    return {name: clone(m) for name, m in model.items()} if isinstance(model, Mapping) else clone(model)


def _units(X: np.ndarray, groups: np.ndarray | None, dependence: np.ndarray | None, owner: str) -> Units:
    """Gives what of the rows is in one fold; DataError where all of it is."""
    name, declared = ("groups", groups) if groups is not None else ("dependence", dependence)
    if len(X) < 2:
        raise DataError(f"out-of-sample predictions need at least 2 rows, got {len(X)}")
    if declared is None:
        warn_of_near_copies(X, f"out-of-sample predictions of {owner}", "folds part them")
    elif len(np.unique(np.asarray(declared).reshape(len(X), -1)[:, 0])) < 2:
        raise DataError(f"{name} holds one group; out-of-sample predictions by group need at least two")
    return units_of(X, declared)


def _folds(
    codes: np.ndarray | None, units: Units, counts: np.ndarray, n_folds: int, random_state: int | None
) -> np.ndarray:
    """Gives (n,) folds of the rows, of units as a whole, and of classes (``codes``) in their shares.

    Rows that do not count are dealt after the others and do not change their folds.
    """
    if n_folds < 2:
        raise ParameterError(f"n_folds must be a whole number >= 2, got {n_folds}")
    if codes is not None and (single := int((np.bincount(codes) == 1).sum())):
        raise DataError(
            f"{single} class(es) of y have a single row, which no model fitted without it can predict; collect more "
            "rows of them, merge them with another class or drop them"
        )
    own, strata = units.take(counts), (np.zeros(len(units.of), dtype=np.int64) if codes is None else codes)[counts]
    k = min(n_folds, len(np.unique(own.of)), int(np.bincount(strata).max()))
    if k < 2:
        raise DataError(
            f"out-of-sample predictions need at least 2 rows of one class that are not copies of each other and have "
            f"a weight above 0; {int(counts.sum())} of {len(counts)} rows have weight"
        )
    rng = np.random.default_rng(random_state)
    dealt = _single(codes is not None, strata, k, random_state) if own.single else deal(own, strata, k, rng)
    of_units = np.full(units.n, -1)
    of_units[own.of] = dealt
    rest = np.flatnonzero(of_units < 0)
    of_units[rest] = rng.permutation(np.arange(len(rest)) % k)
    return of_units[units.of]


def _single(stratified: bool, strata: np.ndarray, k: int, random_state: int | None) -> np.ndarray:
    """Gives (n,) folds of rows that are each a unit, as scikit-learn deals them."""
    folds = np.empty(len(strata), dtype=np.int64)
    splitter = (StratifiedKFold if stratified else KFold)(k, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # of which what is unseen is told
        for fold, (_, test) in enumerate(splitter.split(np.zeros((len(strata), 1)), strata)):
            folds[test] = fold
    return folds


def _splits(folds: np.ndarray, units: Units) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Gives the positions of the rows to fit on and to predict, fold by fold."""
    for fold in range(int(folds.max()) + 1):
        held = np.zeros(units.n, dtype=bool)
        held[units.of[folds == fold]] = True
        yield np.flatnonzero(~units.touch(held)), np.flatnonzero(folds == fold)


def _check_several(known: np.ndarray, owner: str, train: np.ndarray, test: np.ndarray) -> None:
    if len(known) < 2:
        held = f"class {shown(known.tolist()[0])} alone" if len(known) else "no class"
        raise DataError(
            f"out-of-sample predictions of {owner}: the {plural(len(train), 'row')} outside a fold of {len(test)} hold "
            f"{held} that has weight, so that nothing can be learned without the fold; give weight to rows of two "
            "classes or more in several units"
        )


def _tell_unseen(unseen: Mapping[Any, int], owner: str) -> None:
    if unseen:
        named = listed([f"{shown(label)} ({plural(n, 'row')} of it there)" for label, n in unseen.items()])
        log.warning(
            "out-of-sample predictions of %s: the model of some fold was fitted without class %s: its probability is "
            "0 in that fold, which says nothing of these rows",
            owner, named,
        )  # fmt: skip
