"""A pipeline while it is checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ballast.errors import SpecError
from ballast.orchestration.provide.source import undeclared
from ballast.orchestration.spec.data import DataSpec, as_list
from ballast.orchestration.spec.pipeline import PipelineSpec, StepSpec
from ballast.words import one_line


@dataclass
class Draft:
    """A spec, and what has been looked up for it.

    Attributes
    ----------
    where : what messages start with, such as "pipelines/x/defs.yaml". folder : what paths in the spec count from.
    methods : of each step an object of its method, not fitted. roles : of each step its method's role.
    problems : the mistakes found so far, a line each.
    unsound : the steps and data roles that have one, of which nothing more is said.
    """

    spec: PipelineSpec
    where: str
    folder: Path = Path()
    methods: dict[str, Any] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unsound: set[str] = field(default_factory=set)

    @property
    def learners(self) -> dict[str, Any]:
        """The methods of the learner steps, and of each alias that of a model which it may name."""
        found = {name: self.methods[name] for name, role in self.roles.items() if role == "learner"}
        aliases = {name: as_list(self.spec.steps[name].candidates) for name in self.spec.aliases(self.roles)}
        return found | {name: found[of[0]] for name, of in aliases.items() if of and of[0] in found}

    @property
    def weighers(self) -> dict[str, Any]:
        return {name: self.methods[name] for name, role in self.roles.items() if role == "weigher"}

    @property
    def steps(self) -> dict[str, StepSpec]:
        """The steps in which no mistake was found so far."""
        return {name: step for name, step in self.spec.steps.items() if name not in self.unsound}

    @property
    def data(self) -> dict[str, DataSpec]:
        """The data roles in which no mistake was found so far."""
        return {role: data for role, data in self.spec.data.items() if role not in self.unsound}

    @contextmanager
    def noting(self, *names: str) -> Iterator[None]:
        """Keeps the mistake that ends the block, so that others are found, too; `names` are the steps that have it."""
        try:
            yield
        except SpecError as error:
            self.problems += str(error).split("\n")
            self.unsound |= set(names)

    def fault(self, key: str, message: str) -> SpecError:
        return SpecError(one_line(f"{self.where}: {key}: {message}"))

    def check_role(self, role: str, key: str) -> None:
        """Raises SpecError where the pipeline has no such data role."""
        if role not in self.spec.data and role not in self.unsound:
            raise self.fault(key, undeclared(role, self.spec.data))
