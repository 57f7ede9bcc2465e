"""Pydantic's errors in the words of a pipeline's YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from ballast.errors import nearest
from ballast.words import one_line, shown

_EXPECTED = {
    "dict_type": "a mapping (key: value) is needed",
    "model_type": "a mapping (key: value) is needed",
    "list_type": "a list (- value, or [value, value]) is needed",
}
_REMEDIES = {"string_type": "; put it in quotes if it is text"}


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Words the problem that names an unknown or missing key of a model, else the first one."""
    ranked = sorted(error.errors(), key=lambda e: {"extra_forbidden": 0, "missing": 1}.get(e["type"], 2))
    problem = ranked[0]
    location = _location(problem["loc"])
    key = ".".join(one_line(part, 80) for part in location) or "attributes"
    if problem["type"] == "extra_forbidden":
        valid = list(_model_at(model, location[:-1]).model_fields)
        return f"{key}: unknown key{nearest(location[-1], valid)} (the keys here: {', '.join(valid) or 'none'})"
    if problem["type"] == "missing":
        return f"{key}: this key is missing"
    if problem["loc"][-1] == "[key]" or problem["type"] == "invalid_key":
        return f"{key}: a key must be text; put it in quotes"
    said = _EXPECTED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    said = said[:1].lower() + said[1:]
    return f"{key}: {said}, got {shown(problem['input'])}{_REMEDIES.get(problem['type'], '')}"


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
