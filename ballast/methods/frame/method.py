"""What every method is: parameters that are checked, calls that the frame wraps, a card."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.base import BaseEstimator

from ballast.methods.frame.calls import checked_call
from ballast.methods.frame.card import FOR_AUTHORS, Claim
from ballast.shown import public, view


class OfClassOrObject:
    """A method that a class can be asked as well as one of its objects; its ``self`` is whichever was asked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, asked: Any, cls: type) -> Callable[..., Any]:
        return partial(self.function, cls if asked is None else asked)


class Method(BaseEstimator):
    """Base of all methods. Subclass one of the roles, not this."""

    role: ClassVar[str] = ""
    entry_points: ClassVar[tuple[str, ...]] = ()
    """The calls of the role, the fitting one first."""
    stream_points: ClassVar[tuple[str, ...]] = ()
    """The calls by which a method learns batch by batch (``ballast.methods.frame.streams``)."""

    name: ClassVar[str] = ""
    """The name in YAML and in the catalogue; a class without one is not listed."""
    reference: ClassVar[str] = ""
    """The paper: authors, title, venue, year."""
    survey_ids: ClassVar[tuple[str, ...]] = ()
    """Ids of the survey of methods that this class covers."""
    claim: ClassVar[Claim | None] = None
    labels_are: ClassVar[Literal["any", "two classes", "numbers"]] = "any"
    """The labels that it takes; "numbers" are computed with, so that it refuses text."""
    evens_classes: ClassVar[bool] = False
    """Whether its weights or rows make rare classes count as much as others, which nothing must do a second time."""
    model_kind: ClassVar[Literal["any", "classifier", "network"]] = "any"
    """What a given ``model`` must be: any learner, one that gives class probabilities, or one that is a network."""
    quick: ClassVar[dict[str, Any]] = {}
    """Parameters that make it quick on tens of rows: few steps, rounds and draws. The conformance suite
    (``ballast.testing``) runs it with them, and lets all its checks together take 3 CPU seconds."""
    conformance_exceptions: ClassVar[dict[str, str]] = {}
    """Checks of the conformance suite that the method cannot pass, each with the reason."""

    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "seeds" in vars(cls) and "survey_ids" not in vars(cls):
            message = f"{cls.__qualname__}.seeds is now called survey_ids; rename it"
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            cls.survey_ids = vars(cls)["seeds"]
        for entry in (*cls.entry_points, *cls.stream_points):
            function = inspect.getattr_static(cls, entry, None)
            if inspect.isfunction(function) and not hasattr(function, "is_checked"):  # its own, or from a mixin
                fitting = entry == cls.entry_points[0]
                learning = fitting or entry == "partial_fit"
                setattr(cls, entry, checked_call(function, fitting=fitting, learning=learning))

    @classmethod
    def room(cls) -> str:
        """The room that the method lives in: its package below ``ballast.methods``."""
        parts = cls.__module__.split(".")
        return parts[2] if parts[:2] == ["ballast", "methods"] and len(parts) > 2 else "external"

    @OfClassOrObject
    def needs(self, entry: str | None = None) -> dict[str, bool]:
        """Gives the vocabulary that a call asks for, each name with True where it is required.

        A class tells what its signature does; an object whose parameters leave some of it unused may tell less.
        """
        cls = self if isinstance(self, type) else type(self)
        function = getattr(cls, entry or self.entry_points[0])
        parameters = list(inspect.signature(function).parameters.values())[1:]
        return {p.name: p.default is p.empty for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}

    def _admit(self, entry: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Gives the checked arguments as the call gets them; roles override it."""
        return arguments

    def _finish(self, entry: str, result: Any, arguments: dict[str, Any]) -> Any:
        """Holds the role's contract on what a call gave; roles override it."""
        return result

    def _returned(self, entry: str, result: Any, given: dict[str, Any]) -> Any:
        """Gives what a call gave to who called it: under the labels of the rows, where roles override it."""
        return result

    def _repr_html_inner(self) -> str:
        return super()._repr_html_inner() + view(self, "html")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)
        return bundle | {"text/html": bundle["text/html"] + view(self, "html")} if "text/html" in bundle else bundle

    def __dir__(self) -> list[str]:
        return public(super().__dir__(), FOR_AUTHORS)
