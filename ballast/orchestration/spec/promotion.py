"""Whether the keys of a step that promotes a model go together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ballast.words import in_words

PROMOTES = frozenset({"promote", "candidates", "metric", "better_by", "not_worse_by", "not_worse_on"})
"""The keys that a step which promotes has for itself."""

_ALSO = frozenset({"use", "retries", "pool", "op_tags", "description"})


def check_promotes(comparison: str | None, given: Mapping[str, Any]) -> None:
    """Raises ValueError for keys, as they were given by field, that a step cannot have together."""
    if comparison is None:
        if own := sorted(PROMOTES & given.keys() - {"promote"}):
            raise ValueError(f"{_named(own)} stands beside `promote:`, which this step does not have")
        return
    if other := sorted(given.keys() - PROMOTES - (_ALSO if not given.get("use") else _ALSO - {"use"})):
        raise ValueError(f"a step that promotes takes no {_named(other)}: those are keys of others; leave them out")
    if not given.get("candidates"):
        raise ValueError("`from` is missing: name the learner steps of which it takes the best, as [reweighted]")
    if given.get("better_by") is not None and given.get("not_worse_by") is not None and "not_worse_on" not in given:
        raise ValueError("give `better_by` or `not_worse_by`, or both with `not_worse_on: slices`")
    if given.get("not_worse_on") is not None and given.get("not_worse_by") is None:
        raise ValueError("`not_worse_on` needs `not_worse_by`: by how much a slice may be worse")
    for key in ("better_by", "not_worse_by"):
        bound = given.get(key)
        if bound is not None and not (math.isfinite(bound) and bound >= 0):
            raise ValueError(f"{key}: a number from 0 up is needed, got {bound}")


def _named(fields: list[str]) -> str:
    written = {"candidates": "from", "beside": "with"}
    return in_words(f"`{written.get(name, name)}`" for name in fields)
