"""The parts that a learner's training is put together from, each a small method that a user names."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from ballast.errors import ParameterError, nearest
from ballast.methods.frame.base import Part
from ballast.methods.frame.nested import is_nested
from ballast.methods.frame.parameters import check_names, check_values
from ballast.methods.training.loop import EpochPlan

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Material:
    """What a sample policy plans by.

    Attributes
    ----------
    owner : the learner's name, for messages.
    targets : (n,) class numbers, or standardised numbers. weights : (n,), mean 1. groups : (n,), or None.
    kept : (m,) positions of the rows to train on; a plan counts rows by their place in it.
    batch_size, max_epochs : the learner's.
    """

    owner: str
    targets: np.ndarray
    weights: np.ndarray
    groups: np.ndarray | None
    kept: np.ndarray
    batch_size: int
    max_epochs: int


class SamplePolicy(Part):
    """Says which rows each batch holds, how often they come and with what rescaling of their losses."""

    def plan(self, material: Material) -> EpochPlan:
        """Gives the plan of a run."""
        raise NotImplementedError


class Regularizer(Part):
    """Adds a penalty to the mean loss of each batch."""

    task: ClassVar[str | None] = None
    """The task that it is for, None for both."""

    def penalty(self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Gives the penalty of a batch from the network's outputs, the targets (k,) and the weights (k,)."""
        raise NotImplementedError


def declared(value: Any) -> Any:
    """Gives a parameter as JSON can hold it: a part as the name and parameters that ``rebuilt`` makes it from again.

    A part that the catalogue lacks is given as None, with a warning: a stored model brings no code along.
    """
    if not isinstance(value, Part):
        return value
    from ballast.methods.frame.catalogue import index

    if value.name not in index() or index()[value.name].load() is not type(value):
        warnings.warn(
            f"{type(value).__qualname__} is not a part of Ballast's catalogue, so the model is stored without it: it "
            "predicts the same, but training it again leaves the part out",
            stacklevel=2,
        )
        return None
    return {"use": value.name, "params": value.get_params(deep=False)}


def rebuilt(value: Any) -> Any:
    """Gives the parameter that ``declared`` declared. No code is imported for it but that of the catalogue.

    Raises ParameterError for a name that no part has, and for parameters that the part does not take.
    """
    if not is_nested(value):
        return value
    from ballast.methods.frame.catalogue import index

    name, params = str(value["use"]), dict(value.get("params", {}))
    cls = index()[name].load() if name in index() else None
    if cls is None or not issubclass(cls, Part):
        parts = [known for known, entry in index().items() if entry.module.startswith("ballast.methods.parts.")]
        raise ParameterError(f"no part is named {name!r}{nearest(name, parts)} (there are: {', '.join(parts)})")
    check_names(cls, params, name)
    check_values(cls, params, name)
    return cls(**params)


Sampling = Annotated[
    SamplePolicy | None,
    Field(description="a sample policy such as {use: stratified_batches, params: {...}}, or None"),
]
Regularization = Annotated[
    Regularizer | None,
    Field(description="a regulariser such as {use: correlation_penalty, params: {...}}, or None"),
]
