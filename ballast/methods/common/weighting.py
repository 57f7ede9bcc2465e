"""Passing sample weights to whatever estimator a user names."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ballast.errors import ParameterError
from ballast.methods.frame.base import Learner
from ballast.methods.frame.weightless import without_weightless

log = logging.getLogger(__name__)


def supports_weights(estimator: Any) -> bool:
    """Says whether ``estimator``, or the last step of a scikit-learn Pipeline, takes ``sample_weight`` in ``fit``."""
    return _argument(estimator, "sample_weight") is not None


def fit_with_weights(
    estimator: Any, X: Any = None, y: Any = None, sample_weight: np.ndarray | None = None, **others: Any
) -> Any:
    """Fits ``estimator`` with one weight a row (None fits without) and gives it back.

    ``X`` and ``y`` are None for one that learns from something else, such as the target's rows and a model, or a
    treatment and an outcome: ``others``, by name. The last step of a Pipeline gets the weights; its transformers are
    fitted without. No estimator sees rows of weight 0 (a learner of Ballast leaves them out by itself), and
    ``dependence`` reaches those alone whose ``fit`` takes it. Raises ParameterError for an estimator that takes no
    weights.
    """
    if not isinstance(estimator, Learner):
        given = without_weightless({"X": X, "y": y, "sample_weight": sample_weight, **others}, _last_step(estimator))
        X, y, sample_weight = (given.pop(name) for name in ("X", "y", "sample_weight"))
        others = given
    return _fitted(estimator, X, y, sample_weight, others)


def _fitted(estimator: Any, X: Any, y: Any, sample_weight: np.ndarray | None, others: dict[str, Any]) -> Any:
    rows = () if X is None else (X,) if y is None else (X, y)
    if X is None and y is not None:
        others["y"] = y
    if (units := others.pop("dependence", None)) is not None:
        if (taken := _argument(estimator, "dependence")) is not None:
            others[taken] = units
        else:
            _warn_of_parted_units(estimator, y, units)
    if sample_weight is None:
        return estimator.fit(*rows, **others)
    argument = _argument(estimator, "sample_weight")
    if argument is None:
        raise ParameterError(
            f"{_last_step(estimator)} takes no sample_weight, so the weights of {len(sample_weight)} rows would be "
            "lost: give it rows drawn by weight instead (a step of importance_resampling, named under `rows:`), or "
            "use an estimator whose fit takes sample_weight"
        )
    return estimator.fit(*rows, **{argument: sample_weight}, **others)


def _argument(estimator: Any, name: str) -> str | None:
    """Gives the name under which ``fit`` takes an argument, such as ``model__sample_weight``, or None."""
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        argument = _argument(last, name)
        return f"{step}__{argument}" if argument else None
    return name if hasattr(estimator, "fit") and has_fit_parameter(estimator, name) else None


def _warn_of_parted_units(estimator: Any, y: Any, units: np.ndarray) -> None:
    """Warns of an estimator of scikit-learn that holds out rows of its own; gradient boosting does beyond 10,000."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    chosen = getattr(last, "early_stopping", False)
    stops = chosen is True or (chosen == "auto" and y is not None and len(y) > 10_000)
    if stops and (np.ndim(units) > 1 or len(set(units.tolist())) < len(units)):
        log.warning(
            "%s holds out rows at random to stop early, and parts those of one unit (`dependence`, or copies): it "
            "stops late. Set early_stopping=False, or use torch_mlp, which holds out whole units",
            _last_step(estimator),
        )


def _last_step(estimator: Any) -> str:
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        return f"{_last_step(last)} (step {step!r} of a Pipeline)"
    return type(estimator).__name__
