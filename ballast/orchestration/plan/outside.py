"""Training functions of a user's own: a step names one by its import path, and it is a learner like any other."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar, get_type_hints

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ballast.errors import DataError, ParameterError, UntrustedModelError
from ballast.methods.frame import catalogue
from ballast.methods.frame.closure import is_standard
from ballast.warehouse.models import skops_files
from ballast.words import listed

GIVEN = ("X", "table", "y", "sample_weight")
"""What a training function may name beside its parameters: ``table`` is ``X`` under the features' names."""


def resolve(use: str) -> type[Any]:
    """Gives the class that a step's ``use`` stands for, as ``catalogue.resolve``; of a function, a learner by it."""
    function = _function(use)
    return catalogue.resolve(use) if function is None else _learner_by(use, function)


def _function(use: str) -> Callable[..., Any] | None:
    module, _, name = use.rpartition(".")
    if not module or is_standard(module.partition(".")[0]):
        return None
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError, TypeError):  # of which the catalogue says what is wrong
        return None
    return found if callable(found) and not inspect.isclass(found) else None


class Outside(BaseEstimator):
    """A learner that is fitted by a function, and predicts by the estimator that this gave.

    Attributes
    ----------
    estimator_ : what the function gave; it alone is stored.
    """

    _function: ClassVar[Callable[..., Any]]
    _takes: ClassVar[frozenset[str]]
    _feature_names: ClassVar[Sequence[str]] = ()

    def _fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Outside:
        given = {"X": X, "table": self._named(X), "y": y, "sample_weight": sample_weight}
        taken = {name: value for name, value in given.items() if name in self._takes}
        made = type(self)._function(**taken, **self.get_params(deep=False))
        if not callable(getattr(made, "predict", None)):
            raise DataError(
                f"{type(self).__name__} gave back {type(made).__name__}, which has no predict: give back the fitted "
                "estimator"
            )
        self.estimator_ = made
        return self

    def _named(self, X: np.ndarray) -> pd.DataFrame:
        named = len(self._feature_names) == X.shape[1]
        return pd.DataFrame(X, columns=list(self._feature_names) if named else [f"x{j}" for j in range(X.shape[1])])

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.estimator_.predict(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        if not hasattr(self.estimator_, "predict_proba"):
            raise ParameterError(
                f"{type(self).__name__} gave {type(self.estimator_).__name__}, which has no predict_proba, for labels "
                "that are classes: give back a classifier, or give numbers to predict as float64 (data.<role>.types)"
            )
        return self.estimator_.predict_proba(X)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return getattr(self.estimator_, name)


@cache
def _learner_by(use: str, function: Callable[..., Any]) -> type[Outside]:
    """Gives the class of learners that a function fits; ParameterError where it is not one that does."""
    try:
        named = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{use!r} does not say which arguments it takes, so no step can use it") from error
    wants = "a function that trains is (X or table, y, sample_weight) -> estimator"
    if not {"X", "table"} & set(named) or "y" not in named:
        raise ParameterError(f"{use!r} takes {listed(named) or 'nothing'}, so that no step can train by it: {wants}")
    if at := [p.name for p in named.values() if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL, p.VAR_KEYWORD)]:
        raise ParameterError(f"{use!r} takes {listed(at)} without a name; {wants}, its parameters by name")
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in named.values() if p.name not in GIVEN]

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807
        for p in own:
            if p.name not in given and p.default is p.empty:
                raise ParameterError(f"{use} needs the parameter {p.name!r}: give it under `params:`")
            setattr(self, p.name, given.get(p.name, p.default))

    fits = ("X", "y", "sample_weight") if "sample_weight" in named else ("X", "y")

    def fit(self: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        return self._fit(X, y, sample_weight)

    _says(__init__, own)
    _says(fit, [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in fits])
    members = {
        "__init__": __init__,
        "fit": fit,
        "__doc__": inspect.getdoc(function) or f"Trained by {use}.",
        "__module__": use.rpartition(".")[0],
        "_function": staticmethod(function),
        "_takes": frozenset(GIVEN) & set(named),
    }
    return type(use.rpartition(".")[2], (Outside,), members)


def _says(function: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Makes a function say that it takes these parameters."""
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    function.__signature__ = inspect.Signature([own, *parameters])


def with_names(model: Any, names: Sequence[str]) -> Any:
    """Gives a learner that names the features to its function, where it is one of these; any other as it is."""
    if not isinstance(model, Outside):
        return model
    cls = type(model)
    named = type(cls.__name__, (cls,), {"_feature_names": tuple(names), "__module__": cls.__module__})
    return named(**model.get_params(deep=False))


def trained(model: Any) -> Any:
    """Gives what is stored of a fitted learner: of one by a function the estimator that this gave."""
    return model.estimator_ if isinstance(model, Outside) else model


def check_trusted(model: Any) -> None:
    """Raises UntrustedModelError where the class that a training function says it gives would not be stored.

    Before anything is trained, then; a function that does not say is held to it afterwards.
    """
    if not isinstance(model, Outside):
        return
    try:
        cls = get_type_hints(type(model)._function).get("return")
        if inspect.isclass(cls) and issubclass(cls, BaseEstimator):
            _check_storable(cls())
    except UntrustedModelError as error:
        raise UntrustedModelError(f"{type(model).__name__} was not called: {error}") from error
    except Exception:  # annotations that cannot be read, and classes that are not made without arguments
        return


def _check_storable(estimator: Any) -> None:
    """Raises UntrustedModelError as storing it does; it names what is within a fitted one, too."""
    try:
        skops_files.dumps(estimator)
    except UntrustedModelError:
        with suppress(Exception):  # then the class itself is all that is known
            estimator.fit(np.arange(40.0).reshape(20, 2), np.arange(20) % 2)
        skops_files.dumps(estimator)
