"""Predictions for the training rows themselves, each from a model that has not seen the row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from ballast.errors import DataError, ParameterError
from ballast.methods.common.logits import logits_of
from ballast.methods.common.tasks import check_classes, task_of_estimator, with_task
from ballast.methods.common.weighting import fit_with_weights
from ballast.methods.frame.vocabulary import VOCABULARY


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
        rows' ids for rows that were drawn with multiplicity, otherwise copies of a row predict it.
    n_folds : the number of fits, 5 by default; fewer where a class has fewer rows or there are fewer groups.
    random_state : the seed that assigns rows to folds.
    others : what else the estimator's ``fit`` takes, by the names of the vocabulary, such as treatment and outcome;
        ``groups`` here are not folds. A ``model`` (or each of ``models``) is given to every fit as an unfitted clone.

    Returns
    -------
    For a classifier ``probs`` (n, K), ``logits`` (n, K) by the rule of ``logits_of``, and ``classes`` (K,), K over all
    of ``y``. For a regressor ``prediction`` (n,).

    Cost: ``n_folds`` fits on (1 - 1/n_folds) of the rows.

    Errors: DataError for a class of one row or for too few rows or groups; ParameterError for a classifier without
    ``predict_proba``.
    """
    X = np.asarray(X)
    others = others or {}
    rows = {name: np.asarray(value) for name, value in others.items() if VOCABULARY[name].rows == "sample"}
    fixed = {name: value for name, value in others.items() if name not in rows}
    if sample_weight is not None:
        rows["sample_weight"] = np.asarray(sample_weight)

    def fitted(on: np.ndarray) -> Any:
        part = {name: values[on] for name, values in rows.items()}
        given = {name: _unfitted(v) if VOCABULARY[name].source == "model" else v for name, v in fixed.items()}
        return fit_with_weights(clone(estimator), X[on], None if y is None else y[on], **part, **given)

    if y is not None:
        y = np.asarray(y)
    task = "regression" if y is None else task_of_estimator(estimator, y)
    estimator = with_task(estimator, task)
    if y is None or task == "regression":
        prediction = np.empty(len(X), dtype=np.float64)
        for train, test in _folds(None, groups, len(X), n_folds, random_state):
            prediction[test] = fitted(train).predict(X[test])
        return {"prediction": prediction}
    if not hasattr(estimator, "predict_proba"):
        raise ParameterError(
            f"{type(estimator).__name__} has no predict_proba, so there are no out-of-sample probabilities; wrap it in "
            "sklearn.calibration.CalibratedClassifierCV or use another classifier"
        )
    classes, codes = check_classes(y, type(estimator).__name__)
    probs = np.zeros((len(y), len(classes)))
    logits = np.empty_like(probs)
    for train, test in _folds(codes, groups, len(y), n_folds, random_state):
        model = fitted(train)
        seen = np.searchsorted(classes, model.classes_)
        probs[np.ix_(test, seen)] = model.predict_proba(X[test])
        logits[test] = logits_of(model, X[test], classes, probs[test])
    return {"probs": probs, "logits": logits, "classes": classes}


def _unfitted(model: Any) -> Any:
    return {name: clone(m) for name, m in model.items()} if isinstance(model, Mapping) else clone(model)


def _folds(
    codes: np.ndarray | None, groups: np.ndarray | None, n: int, n_folds: int, random_state: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Gives (train, test) row numbers, stratified by ``codes`` and never splitting a group."""
    if n_folds < 2:
        raise ParameterError(f"n_folds must be a whole number >= 2, got {n_folds}")
    if codes is not None:
        smallest = int(np.bincount(codes).min())
        if smallest < 2:
            raise DataError(
                f"{int((np.bincount(codes) == 1).sum())} class(es) of y have a single row, which no model fitted "
                "without it can predict; collect more rows of them, merge them with another class or drop them"
            )
        n_folds = min(n_folds, smallest)
    if groups is not None:
        n_groups = len(np.unique(groups))
        if n_groups < 2:
            raise DataError("groups holds one group; out-of-sample predictions by group need at least two")
        n_folds = min(n_folds, n_groups)
        splitter = (
            GroupKFold(n_folds, shuffle=True, random_state=random_state)
            if codes is None
            else StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
        )
    else:
        if n < 2:
            raise DataError(f"out-of-sample predictions need at least 2 rows, got {n}")
        n_folds = min(n_folds, n)
        splitter = (KFold if codes is None else StratifiedKFold)(n_folds, shuffle=True, random_state=random_state)
    rows = np.zeros((n, 1))
    return [(train, test) for train, test in splitter.split(rows, codes, groups) if len(test)]
