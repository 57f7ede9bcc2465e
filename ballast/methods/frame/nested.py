"""A parameter that is itself a method, written ``{use: name, params: {...}}``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def is_nested(value: Any) -> bool:
    """Says whether a parameter stands for a method."""
    return isinstance(value, dict) and "use" in value and set(value) <= {"use", "params"}


def nested_uses(value: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Gives the methods that stand anywhere in a value, each with its key: of a list ``key[0]``, else ``key.name``."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from nested_uses(item, f"{key}[{position}]")
    elif isinstance(value, dict):
        if is_nested(value):
            yield key, value
        for name, item in value.items():
            yield from nested_uses(item, f"{key}.{name}")


def with_objects(value: Any, make: Callable[[str, dict[str, Any]], Any]) -> Any:
    """Gives a value with an object in place of each nested method, the innermost made first."""
    if is_nested(value):
        return make(value["use"], {k: with_objects(v, make) for k, v in value.get("params", {}).items()})
    if isinstance(value, list):
        return [with_objects(item, make) for item in value]
    return value
