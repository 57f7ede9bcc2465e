"""What a source of arguments answers: whether a step can have one, what it is made from, and how it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from ballast.errors import nearest
from ballast.orchestration.plan.plan import Binding, Node
from ballast.orchestration.provide.in_use import InUse
from ballast.orchestration.spec.pipeline import PipelineSpec, StepSpec

Fault = tuple[str, str]
"""The key where something is missing or wrong, and what to do there."""


@dataclass(frozen=True)
class Asked:
    """An argument that a step asks for, before anything is read.

    Attributes
    ----------
    name, step : the step that asks. method : its method, not fitted.
    term, role : the argument's name in the vocabulary, and the data role that it is about.
    spec : the pipeline.
    learners, weighers : the methods of the pipeline's steps of these roles, not fitted.
    """

    name: str
    step: StepSpec
    method: Any
    term: str
    role: str
    spec: PipelineSpec
    learners: Mapping[str, Any]
    weighers: Mapping[str, Any]

    @property
    def here(self) -> str:
        return f"steps.{self.name}"

    def without_role(self) -> Fault | None:
        """Gives the fault of a pipeline that has no such data role."""
        if self.role in self.spec.data:
            return None
        return self.here, f"the pipeline has no data role {self.role!r}; declare it under `data:`"


class Tables(Protocol):
    """What the node that runs was made from, read from the store: see ``ballast.orchestration.run.inputs``."""

    @property
    def node(self) -> Node: ...
    @property
    def spec(self) -> PipelineSpec: ...
    def arrow(self, name: str) -> pa.Table: ...
    def frame(self, name: str) -> pd.DataFrame: ...
    def summary(self, name: str) -> Mapping[str, Any]: ...
    def model(self, name: str) -> Any: ...
    def in_use(self, alias: str) -> InUse | None: ...


class Source(ABC):
    """One source of the vocabulary (``Term.source``)."""

    name: str
    observed_only: bool = False
    """Whether rows that were not observed may lack it: a call that asks for it runs over the observed rows alone."""

    def wrong(self, asked: Asked) -> Fault | None:
        """Gives what no step may ask for, whether or not it needs the argument."""
        return None

    @abstractmethod
    def missing(self, asked: Asked) -> Fault | None:
        """Gives what the step or the data lack; None where the argument can be had."""

    @abstractmethod
    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        """Gives the nodes that the argument is made from."""

    def ids(self, tables: Tables, binding: Binding) -> np.ndarray:
        """Gives the sample ids of the rows that there are; asked only of a source whose terms run over rows."""
        raise NotImplementedError(f"{self.name} runs over no rows")

    def decided_by(self, tables: Tables, binding: Binding) -> Mapping[str, Any]:
        """Gives what the argument depends on beside its upstream tables: declared columns, what a summary says."""
        return {}

    @abstractmethod
    def read(self, tables: Tables, binding: Binding, ids: Any) -> Any:
        """Gives the argument for the rows `ids`, in their order; None for one that runs over no rows."""


def undeclared(role: str, data: Iterable[str]) -> str:
    """Says that a pipeline has no such data role."""
    return (
        f"the pipeline has no data role {role!r}{nearest(role, data)}; declare it under `data:` "
        f"(declared: {', '.join(data)})"
    )
