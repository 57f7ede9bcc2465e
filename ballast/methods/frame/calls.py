"""What the frame does around each call of a method: checks its input, remembers its columns, holds its output."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import NotFittedError

from ballast.errors import DataError
from ballast.methods.frame.parameters import check_values
from ballast.methods.frame.vocabulary import check_arguments
from ballast.words import plural

if TYPE_CHECKING:
    from ballast.methods.frame.base import Method

_RUNNING: ContextVar[tuple[int, ...]] = ContextVar("_RUNNING", default=())
"""The objects with a call under way: what a method calls on itself, ``super().fit`` say, is its own affair."""
COLUMNS = ("n_features_in_", "feature_names_in_")
"""What the frame remembers of the columns, whether or not the method has learned anything yet."""


def checked_call(function: Callable[..., Any], *, fitting: bool, learning: bool) -> Callable[..., Any]:
    """Wraps a call of a method so that its input is checked and its output held to the role's contract.

    A ``fitting`` call forgets the columns of an earlier one; a ``learning`` one needs no fitted object.
    """
    signature = inspect.signature(function)
    entry = function.__name__
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in signature.parameters.values()):
        raise TypeError(f"{function.__qualname__} takes * or ** arguments; name each one, so that a step can wire it")

    @wraps(function)
    def call(self: Method, *args: Any, **kwargs: Any) -> Any:
        running = _RUNNING.get()
        if id(self) in running:
            return function(self, *args, **kwargs)
        owner = owner_of(self)
        try:
            bound = signature.bind(self, *args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{owner}.{entry}: {error}; it takes {', '.join(self.needs(entry))}") from None
        given = {name: value for name, value in bound.items() if name != "self"}
        if learning:
            check_values(type(self), self.get_params(deep=False), owner)
        arguments = check_arguments(given, owner)
        if fitting:
            _remember_columns(self, given, arguments)
        else:
            _check_columns(self, given, arguments, owner)
        token = _RUNNING.set((*running, id(self)))
        try:
            result = self._finish(entry, function(self, **self._admit(entry, arguments)), arguments)
            if learning and not hasattr(self, "n_features_in_"):  # of the first batch, once it is counted
                _remember_columns(self, given, arguments)
            return result if running else self._returned(entry, result, given)
        except AttributeError as error:
            if learning or any(name.endswith("_") and name not in COLUMNS for name in vars(self)):
                raise
            first = " or ".join((self.entry_points[0], *self.stream_points[-1:]))
            raise NotFittedError(f"{owner} is not fitted yet; call {first} before {entry}") from error
        finally:
            _RUNNING.reset(token)

    call.is_checked = True  # type: ignore[attr-defined]
    return call


def owner_of(method: Method) -> str:
    """Gives the name that messages call a method by."""
    return type(method).name or type(method).__name__


def _matrix(arguments: dict[str, Any]) -> str | None:
    """Gives the argument that shows the columns: ``X``, or in a batch of the target's rows alone ``X_target``."""
    return next((name for name in ("X", "X_target") if arguments.get(name) is not None), None)


def _remember_columns(method: Method, given: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Keeps the width and names of ``X``."""
    name = _matrix(arguments)
    if name is None:
        return
    names = getattr(given[name], "columns", None)
    method.n_features_in_ = arguments[name].shape[1]
    if names is not None:
        method.feature_names_in_ = np.asarray([str(n) for n in names], dtype=object)
    elif hasattr(method, "feature_names_in_"):
        del method.feature_names_in_


def _check_columns(method: Method, given: dict[str, Any], arguments: dict[str, Any], owner: str) -> None:
    """Holds the width and names of ``X`` against those it was fitted on."""
    name = _matrix(arguments)
    if name is None or not hasattr(method, "n_features_in_"):
        return
    width, names = arguments[name].shape[1], getattr(given[name], "columns", None)
    if width != method.n_features_in_:
        raise DataError(
            f"{owner}: {name} has {plural(width, 'column')} but {owner} was fitted on {method.n_features_in_}"
        )
    fitted = getattr(method, "feature_names_in_", None)
    if names is not None and fitted is not None and [str(n) for n in names] != list(fitted):
        raise DataError(f"{owner}: {name} does not have the columns it was fitted on: {', '.join(fitted)}")
