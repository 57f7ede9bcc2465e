"""Passing sample weights to whatever estimator a user names."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ballast.errors import ParameterError


def supports_weights(estimator: Any) -> bool:
    """Says whether ``estimator``, or the last step of a scikit-learn Pipeline, takes ``sample_weight`` in ``fit``."""
    return _weight_argument(estimator) is not None


def fit_with_weights(
    estimator: Any, X: Any = None, y: Any = None, sample_weight: np.ndarray | None = None, **others: Any
) -> Any:
    """Fits ``estimator`` with one weight a row (None fits without) and gives it back.

    ``X`` and ``y`` are None for one that learns from something else, such as the target's rows and a model, or a
    treatment and an outcome: ``others``, by name. The last step of a Pipeline gets the weights; its transformers are
    fitted without. Raises ParameterError for an estimator that takes no weights.
    """
    rows = () if X is None else (X,) if y is None else (X, y)
    if X is None and y is not None:
        others["y"] = y
    if sample_weight is None:
        return estimator.fit(*rows, **others)
    argument = _weight_argument(estimator)
    if argument is None:
        raise ParameterError(
            f"{_last_step(estimator)} takes no sample_weight, so the weights of {len(sample_weight)} rows would be "
            "lost: give it rows drawn by weight instead (a step of importance_resampling, named under `rows:`), or "
            "use an estimator whose fit takes sample_weight"
        )
    return estimator.fit(*rows, **{argument: sample_weight}, **others)


def _weight_argument(estimator: Any) -> str | None:
    """Gives the name under which ``fit`` takes weights, such as ``model__sample_weight``, or None."""
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        argument = _weight_argument(last)
        return f"{step}__{argument}" if argument else None
    return "sample_weight" if hasattr(estimator, "fit") and has_fit_parameter(estimator, "sample_weight") else None


def _last_step(estimator: Any) -> str:
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        return f"{_last_step(last)} (step {step!r} of a Pipeline)"
    return type(estimator).__name__
