"""The learner by which a method that is not a model itself judges weights or sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from ballast.errors import ParameterError
from ballast.methods.common.logits import SMALLEST_PROBABILITY
from ballast.methods.common.tasks import check_classes, check_numeric_target, task_of, task_of_estimator, with_task
from ballast.methods.common.weighting import supports_weights
from ballast.methods.learners.linear import LogisticRegression, RidgeRegression


def proxy_learner(learner: Any, y: np.ndarray, owner: str, *, weighted: bool = False) -> tuple[Any, bool]:
    """Gives a learner to clone, and whether it classifies, from one, the name or import path of its class, or None.

    None takes ridge regression for a float ``y`` of more than 20 values, logistic regression for any other. Raises
    ParameterError for what is not a learner, or takes no weights where it must, and DataError for labels that it cannot
    learn.
    """
    from ballast.methods.frame.catalogue import resolve

    found = resolve(learner)() if isinstance(learner, str) else learner
    if found is not None and (isinstance(found, type) or not (hasattr(found, "fit") and hasattr(found, "predict"))):
        raise ParameterError(
            f"{owner}: parameter 'learner' must be a scikit-learn-compatible learner, or the name or import path of "
            f"its class such as 'sklearn.ensemble.HistGradientBoostingClassifier', got {learner!r}"
        )
    if found is not None and weighted and not supports_weights(found):
        raise ParameterError(
            f"{owner}: parameter 'learner' must be one whose fit takes sample_weight, got {type(found).__name__}, "
            "which does not"
        )
    task = task_of(y) if found is None else task_of_estimator(found, y)
    if task == "regression":
        check_numeric_target(y, owner)
    else:
        check_classes(y, owner)
    if found is None:
        found = RidgeRegression() if task == "regression" else LogisticRegression()
    return with_task(found, task), task == "classification"


def held_out_losses(model: Any, X: np.ndarray, y: np.ndarray, classifies: bool) -> np.ndarray:
    """Gives (k,) losses of rows (k, d): the negative log of the label's probability, or whether the predicted label is
    wrong where a classifier has no probabilities, or the squared error.
    """
    if not classifies:
        return (np.asarray(model.predict(X), dtype=np.float64) - y.astype(np.float64)) ** 2
    if not hasattr(model, "predict_proba"):
        return (np.asarray(model.predict(X)) != y).astype(np.float64)
    probs = np.asarray(model.predict_proba(X), dtype=np.float64)
    given = (probs * (y[:, None] == np.asarray(model.classes_)[None, :])).sum(axis=1)  # 0 for a class it never saw
    return -np.log(np.clip(given, SMALLEST_PROBABILITY, None))
