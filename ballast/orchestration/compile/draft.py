"""A pipeline while it is checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ballast.errors import SpecError
from ballast.orchestration.provide.source import undeclared
from ballast.orchestration.spec.pipeline import PipelineSpec


@dataclass
class Draft:
    """A spec, and what has been looked up for it.

    Attributes
    ----------
    where : what messages start with, such as "pipelines/x/defs.yaml".
    methods : of each step an object of its method, not fitted. roles : of each step its method's role.
    """

    spec: PipelineSpec
    where: str
    methods: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)

    @property
    def learners(self) -> dict[str, Any]:
        return {name: self.methods[name] for name, role in self.roles.items() if role == "learner"}

    def fault(self, key: str, message: str) -> SpecError:
        return SpecError(f"{self.where}: {key}: {message}")

    def check_role(self, role: str, key: str) -> None:
        """Raises SpecError where the pipeline has no such data role."""
        if role not in self.spec.data:
            raise self.fault(key, undeclared(role, self.spec.data))
