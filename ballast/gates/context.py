"""What a gate may know beyond the table it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np


class Features(NamedTuple):
    """The encoded features of one data role: ids (n,), matrix (n, d), names of the d columns."""

    ids: np.ndarray
    matrix: np.ndarray
    names: list[str]


class GateContext(Protocol):
    """The stage that is judged, and the stored data of its pipeline; whoever runs the gates provides it.

    Attributes
    ----------
    asset : the stage's key, such as ``"digits/density"``.
    stage : one of ``ballast.stages.STAGES``.
    role : the data role of a source or features stage ("train", "target", ...), else None.
    id : the column of a source stage that holds the sample ids; None for every other stage (there: ``sample_id``).
    label : the column of a source stage that holds the labels; None where it has none.
    label_required : whether the stage cannot do without labels.
    observed : the column of a source stage that says whether a row's label was observed; None where all were.
    """

    @property
    def asset(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def role(self) -> str | None: ...
    @property
    def id(self) -> str | None: ...
    @property
    def label(self) -> str | None: ...
    @property
    def label_required(self) -> bool: ...
    @property
    def observed(self) -> str | None: ...

    def ids(self, role: str) -> np.ndarray | None:
        """Gives the sample ids (n,) of a data role; None where the pipeline has none, or it is not stored yet."""
        ...

    def features(self, role: str) -> Features | None:
        """Gives the encoded features of a data role; None where there are none, or they are not stored yet."""
        ...


@dataclass(frozen=True)
class StaticContext:
    """A GateContext of what is at hand: the names of columns, and the ids and features of data roles by role."""

    asset: str = "the table"
    stage: str = "table"
    role: str | None = None
    id: str | None = None
    label: str | None = None
    label_required: bool = False
    observed: str | None = None
    stored_ids: Mapping[str, np.ndarray] = field(default_factory=dict)
    stored_features: Mapping[str, Features] = field(default_factory=dict)

    def ids(self, role: str) -> np.ndarray | None:
        return self.stored_ids.get(role)

    def features(self, role: str) -> Features | None:
        return self.stored_features.get(role)
