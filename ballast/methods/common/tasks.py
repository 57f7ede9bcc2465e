"""Whether a target is a label to classify or a number to regress on."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ballast.errors import DataError
from ballast.words import plural, shown

Task = Literal["classification", "regression"]

MANY_VALUES = 20
"""A float target with more distinct values than this is a number, not a label."""


def task_of(y: np.ndarray) -> Task:
    """Gives "regression" for a float ``y`` of more than 20 distinct values, "classification" for any other."""
    return "regression" if y.dtype.kind == "f" and len(np.unique(y)) > MANY_VALUES else "classification"


def task_of_estimator(estimator: Any, y: np.ndarray) -> Task:
    """Gives what a scikit-learn-compatible estimator says it does, or ``task_of(y)`` where it does not say."""
    return declared_task(estimator) or task_of(y)


def declared_task(estimator: Any) -> Task | None:
    """Gives what an estimator says it does; None where it does not say, as one that is not scikit-learn's may not."""
    from sklearn.base import is_classifier, is_regressor  # gates import this module, and need no scikit-learn

    try:
        return "classification" if is_classifier(estimator) else "regression" if is_regressor(estimator) else None
    except AttributeError:  # it has no tags
        return None


def check_label_kind(estimator: Any, y: np.ndarray, owner: str) -> None:
    """Raises DataError for fractions given to a classifier, and for classes given to a regressor."""
    task = declared_task(estimator)
    if task == "classification" and y.dtype.kind == "f":
        broken = y[np.isfinite(y) & (y % 1 != 0)]
        if len(broken):
            raise DataError(
                f"{owner} is a classifier, but {len(broken)} of {len(y)} labels are fractions (such as {broken[0]:g}; "
                f"{plural(len(np.unique(y)), 'different value')}), each of which would be a class: use a regressor, or "
                "cut the values into classes before they reach the pipeline"
            )
    if task == "regression" and y.dtype.kind not in "iuf":
        raise DataError(
            f"{owner} is a regressor, but the labels are classes ({y.dtype}, such as {shown(y[0])}): use a classifier, "
            "or give the label as numbers (data.<role>.types)"
        )


def with_task(estimator: Any, task: Task) -> Any:
    """Gives the estimator, its task settled where it would look at the labels: all of them decide, not a fold's."""
    if getattr(estimator, "task", None) != "auto":
        return estimator
    from sklearn.base import clone

    settled: Any = clone(estimator)
    return settled.set_params(task=task)


def check_classes(y: np.ndarray, owner: str) -> tuple[np.ndarray, np.ndarray]:
    """Gives the sorted classes and each row's class as a number; DataError where there is but one class."""
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError as error:
        raise DataError(f"{owner}: y mixes types that cannot be sorted ({error}); cast it to one type") from error
    if len(classes) < 2:
        raise DataError(
            f"{owner}: all {len(y)} rows of y have the same label {classes.tolist()[0]!r}; classification needs two "
            "classes or more: collect rows of another class, or check the filter that made this table"
        )
    return classes, codes


def check_numeric_target(y: np.ndarray, owner: str) -> np.ndarray:
    """Gives ``y`` as float64; DataError where it holds anything but numbers."""
    if y.dtype.kind not in "biuf":
        raise DataError(
            f"{owner}: y must hold numbers for regression, got dtype {y.dtype}; use a classifier for labels"
        )
    return y.astype(np.float64)


def as_numbers(values: np.ndarray, owner: str, name: str) -> np.ndarray:
    """Gives float64 values; DataError names what is not a number."""
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{owner}: {name} must hold numbers, got dtype {values.dtype} ({error}); use classification_metrics, or "
            "task: classification, for labels"
        ) from error
