"""What a report needs to know of a pipeline: its steps, what each is, and what each reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Node:
    """One step of a pipeline.

    Attributes
    ----------
    name : the step's name, as in the YAML.
    asset : the key in the warehouse, such as "digits/density".
    stage : one of ``ballast.stages.STAGES``.
    use : the method's name in the catalogue, an import path, or what the source reads.
    upstream : the assets that the step reads.
    description : a line for people.
    notes : the step's other keys (params, weights, rows, model, on ...); of a source, the columns by what they mean
        (id, label, true_weight ...).
    """

    name: str
    asset: str
    stage: str
    use: str = ""
    upstream: tuple[str, ...] = ()
    description: str = ""
    notes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Outline:
    """A pipeline as its declaration gives it, in the order of its steps.

    Attributes
    ----------
    declares : whether it has a partition of that key; one that is stored all the same is retired.
    """

    name: str
    description: str = ""
    nodes: tuple[Node, ...] = ()
    declares: Callable[[str], bool] = lambda key: True
