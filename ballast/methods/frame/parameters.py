"""Constraints on methods' parameters, declared once as the annotations of ``__init__``.

A parameter's annotation is all there is: it validates the value, words the error and gives the YAML schema.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Ge, Gt, Interval, Le, Lt
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from ballast.errors import ParameterError, nearest

Count = Annotated[int, Field(ge=1)]
"""A whole number of things, at least one."""
Share = Annotated[float, Field(gt=0, le=1)]
"""A share of a whole, in (0, 1]."""
Level = Annotated[float, Field(gt=0, lt=1)]
"""A probability strictly between 0 and 1, such as a significance level."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Arm = str | int | float | bool | None
"""``treated``: the value of a treatment that means treated; None where its two values are 0 and 1."""
Seed = Annotated[int, Field(ge=0)] | None
"""``random_state``: an integer for a reproducible result, None for a fresh draw."""
Device = Annotated[
    str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="'auto', 'cpu', 'cuda' or a numbered 'cuda:0'")
]
"""Where to compute: "auto" takes a CUDA device when there is one."""


@cache
def adapters(cls: type) -> Mapping[str, TypeAdapter[Any] | None]:
    """Gives a validator for each parameter of a class; None where an annotation says nothing."""
    hints = get_type_hints(cls.__init__, include_extras=True)
    found: dict[str, TypeAdapter[Any] | None] = {}
    for name in defaults(cls):
        hint = hints.get(name, Any)
        try:
            found[name] = TypeAdapter(hint, config=ConfigDict(strict=True, arbitrary_types_allowed=True))
        except PydanticSchemaGenerationError:
            found[name] = None
    return found


@cache
def defaults(cls: type) -> Mapping[str, Any]:
    """Gives the parameters of a class and their defaults (``inspect.Parameter.empty`` where there is none)."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name: p.default for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def check_names(cls: type, given: Mapping[str, Any], owner: str) -> None:
    """Raises ParameterError for a name that the class does not take."""
    valid = defaults(cls)
    for name in given:
        if name not in valid:
            listed = ", ".join(valid) or "none"
            raise ParameterError(f"{owner} has no parameter {name!r}{nearest(name, valid)} (its parameters: {listed})")


def check_values(cls: type, values: Mapping[str, Any], owner: str) -> None:
    """Raises ParameterError for the first value outside its parameter's range."""
    for name, adapter in adapters(cls).items():
        if adapter is None or name not in values:
            continue
        value = values[name]
        if isinstance(value, np.generic):
            value = value.item()
        try:
            adapter.validate_python(tuple(value) if isinstance(value, list) and _is_tuple(cls, name) else value)
        except ValidationError as error:
            expected = describe(cls, name)
            hint = nearest(value, _choices(_hint(cls, name))) if isinstance(value, str) else ""
            raise ParameterError(f"{owner}: parameter {name!r} must be {expected}, got {value!r}{hint}") from error


def describe(cls: type, name: str) -> str:
    """Gives what a parameter may be, in words: "a whole number >= 1, or None"."""
    return _words(_hint(cls, name))


def schema(cls: type) -> dict[str, Any]:
    """Gives the JSON schema of a method's parameters, for editors and for the YAML."""
    properties: dict[str, Any] = {}
    for name, adapter in adapters(cls).items():
        try:
            properties[name] = adapter.json_schema() if adapter else {}
        except Exception:  # a type with no JSON form, such as an estimator: any mapping may stand for it
            properties[name] = {}
        if isinstance(default := defaults(cls)[name], str | int | float | bool | None):
            properties[name]["default"] = default
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _hint(cls: type, name: str) -> Any:
    return get_type_hints(cls.__init__, include_extras=True).get(name, Any)


def _is_tuple(cls: type, name: str) -> bool:
    """Says whether a parameter is a tuple, for which YAML can only give a list."""
    hint = _hint(cls, name)
    return any(get_origin(h) is tuple for h in (hint, *get_args(hint)))


def _choices(hint: Any) -> list[str]:
    if get_origin(hint) is Literal:
        return [str(a) for a in get_args(hint)]
    return [c for a in get_args(hint) for c in _choices(a)]


_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    type(None): "None",
}


def _words(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        base, *notes = get_args(hint)
        if said := next((n.description for n in notes if getattr(n, "description", None)), None):
            return said
        bounds = [b for n in notes for b in _bounds(n)]
        return " ".join([_words(base), " and ".join(bounds)]).strip()
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(a) for a in get_args(hint))
    if hint in _NAMES:
        return _NAMES[hint]
    arguments = [a for a in get_args(hint) if a is not ...]
    if arguments and get_origin(hint) in (list, tuple, Sequence):
        return "a list, each " + ", ".join(_words(a) for a in arguments)
    if arguments and get_origin(hint) is not dict:
        return ", or ".join(_words(a) for a in arguments)
    return getattr(hint, "__name__", str(hint))


def _bounds(note: Any) -> list[str]:
    if metadata := getattr(note, "metadata", None):
        return [b for m in metadata for b in _bounds(m)]
    if isinstance(note, Interval):
        return [b for n in note if n is not None for b in _bounds(n)]
    for kind, sign, attribute in ((Ge, ">=", "ge"), (Gt, ">", "gt"), (Le, "<=", "le"), (Lt, "<", "lt")):
        if isinstance(note, kind):
            return [f"{sign} {getattr(note, attribute):g}"]
    if least := getattr(note, "min_length", None):
        return [f"(at least {least} of them)"]
    if pattern := getattr(note, "pattern", None):
        return [f"matching {pattern}"]
    return []
