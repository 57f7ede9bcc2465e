"""Pydantic's errors in the words of a pipeline's YAML."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ballast.errors import SpecError, nearest
from ballast.orchestration.spec.targets import without_targets
from ballast.words import one_line, plural, shown

MOST_TOLD = 50
"""Mistakes of a file that are told; of more the number."""


def error_of(problems: Sequence[str]) -> SpecError:
    """Gives the error that tells of each mistake in a line of its own."""
    more = len(problems) - MOST_TOLD
    return SpecError(
        "\n".join([*problems[:MOST_TOLD], *([f"and {plural(more, 'other mistake')}"] if more > 0 else [])])
    )


_EXPECTED = {
    "dict_type": "a mapping (key: value) is needed",
    "model_type": "a mapping (key: value) is needed",
    "list_type": "a list (- value, or [value, value]) is needed",
}
_REMEDIES = {"string_type": "; put it in quotes if it is text"}


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Words each problem once, those that name an unknown or missing key of a model first."""
    ranked = sorted(error.errors(), key=lambda e: {"extra_forbidden": 0, "missing": 1}.get(e["type"], 2))
    found: dict[tuple[str, ...], str] = {}
    for problem in ranked:  # a value that may be of several types has a problem with each
        found.setdefault(tuple(_location(problem["loc"])), _worded(problem, model))
    return list(found.values())


def _worded(problem: ErrorDetails, model: type[BaseModel]) -> str:
    location = _location(problem["loc"])
    key = ".".join(one_line(part, 80) for part in location) or "attributes"
    if problem["type"] == "extra_forbidden":
        valid = [field.alias or name for name, field in _model_at(model, location[:-1]).model_fields.items()]
        return f"{key}: unknown key{nearest(location[-1], valid)} (the keys here: {', '.join(valid) or 'none'})"
    if problem["type"] == "missing":
        return f"{key}: this key is missing"
    if problem["loc"][-1] == "[key]" or problem["type"] == "invalid_key":
        return f"{key}: a key must be text; put it in quotes"
    said = _EXPECTED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    said = said[:1].lower() + said[1:]
    if location[:1] == ["alerts"] or location[2:3] == ["to"]:  # their values may be secrets
        return f"{key}: {said}"
    return f"{key}: {said}, got {shown(without_targets(problem['input']))}{_REMEDIES.get(problem['type'], '')}"


def what_is_left(attributes: Any, error: ValidationError) -> tuple[Any, set[str]] | None:
    """Gives attributes without what is wrong in them, and the steps and data roles that this leaves unsound.

    An unknown key goes alone, a step, data role or gate with a wrong value as a whole. None where nothing is left.
    """
    if not isinstance(attributes, dict):
        return None
    left, unsound = copy.deepcopy(attributes), set()
    for problem in error.errors():
        top, *way = [str(part) for part in problem["loc"]] or [""]
        if top not in attributes or (top in ("name", "data", "steps") and not way):
            return None
        if top not in left:
            continue
        if not way or not isinstance(left[top], dict) or top not in ("data", "steps", "gates"):
            left.pop(top)
        elif problem["type"] == "extra_forbidden" and len(way) == 2 and isinstance(left[top].get(way[0]), dict):
            left[top][way[0]].pop(way[1], None)
        else:
            left[top].pop(way[0], None)
            unsound |= {way[0]} if top != "gates" else set()
    return left, unsound


def _location(loc: tuple[int | str, ...]) -> list[str]:
    """Gives the keys down to a problem, without the names of types that validation puts between."""
    parts = [part for part in loc if part not in ("[key]", "list[str]")]
    return [str(part) for i, part in enumerate(parts) if part != "str" or i + 1 < len(parts) or i < 2]


def _model_at(model: type[BaseModel], location: list[str]) -> type[BaseModel]:
    """Gives the model of the keys at a place, such as that of a step at ``steps.density``."""
    for part in location:
        if part in model.model_fields:
            annotation: Any = model.model_fields[part].annotation
            nested = [annotation, *getattr(annotation, "__args__", ())]
            model = next((t for t in nested if isinstance(t, type) and issubclass(t, BaseModel)), model)
    return model
