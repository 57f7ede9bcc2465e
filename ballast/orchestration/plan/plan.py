"""A pipeline that has been checked: its assets, what each is made from, and how they are wired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ballast.gates import Expectation
from ballast.methods.frame.catalogue import made
from ballast.methods.frame.nested import with_objects
from ballast.methods.frame.parameters import defaults
from ballast.orchestration.plan.outside import resolve
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import PipelineSpec, StepSpec

ENCODER = "encoder"
REPORT = "report"
PREDICTION = "prediction"
"""The stage of a step that predicts, which has no method of its own."""
PROMOTION = "promotion"
"""The stage of a step that says which model is in use: an alias, with a history in the warehouse."""


@dataclass(frozen=True)
class Binding:
    """One argument of a method's call, and where its value comes from."""

    entry: str
    term: str
    source: str
    role: str


@dataclass(frozen=True)
class Node:
    """One asset of a pipeline.

    Attributes
    ----------
    passes : those of its upstream whose closed gates do not stop it, for a step behind it flags what they say.
    guards : what lies behind such nodes upstream, whose gates hold it as those of its upstream do.
    """

    name: str
    stage: str
    use: str
    upstream: tuple[str, ...]
    unit: str
    suite: tuple[Expectation, ...] = ()
    partitioned: bool = False
    role: str | None = None
    step: StepSpec | None = None
    bindings: tuple[Binding, ...] = ()
    description: str = ""
    passes: frozenset[str] = frozenset()
    guards: tuple[str, ...] = ()

    @property
    def flags(self) -> bool:
        """Whether it makes its rows behind a closed gate, too, and flags them."""
        return self.step is not None and self.step.on_closed == "flag"

    @property
    def handed_as(self) -> str:
        """The name under which a run hands it the value of its Dagster asset, where it is read from one."""
        return self.name.replace("/", "__")

    def key_in(self, partition: str | None) -> str | None:
        """Gives the partition key that the node's table is stored under, in a run for one partition."""
        return partition if self.partitioned else None


@dataclass(frozen=True)
class Plan:
    """A pipeline that has been checked: its nodes by name, in an order in which they can run."""

    spec: PipelineSpec
    where: str
    nodes: dict[str, Node] = field(default_factory=dict)

    def asset(self, name: str) -> str:
        return f"{self.spec.name}/{name}"

    def units(self) -> Iterator[tuple[str, list[Node]]]:
        """Gives the nodes that are made together, unit by unit, in an order in which they can run."""
        grouped: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            grouped.setdefault(node.unit, []).append(node)
        yield from grouped.items()

    def method_of(self, name: str) -> Any:
        """Gives a fresh object of the method that a step uses, its parameters set; of an alias one it may name."""
        node = self.nodes[name]
        if node.step is not None and node.step.promote is not None:
            return self.method_of(as_list(node.step.candidates)[0])
        assert node.step is not None
        recording = f"{name}/dynamics" in self.nodes
        return build_method(
            node.step.use, node.step.params, seed=self.spec.seed, treated=self._treated(node), recording=recording
        )

    def _treated(self, node: Node) -> Any:
        """Gives the value that means treated in the column of treatments that a node's method is given, if any."""
        roles = [binding.role for binding in node.bindings if binding.source == "treatment"]
        return self.spec.data[roles[0]].treated if roles else None


def build_method(
    use: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    treated: Any = None,
    recording: bool = False,
    cls: type[Any] | None = None,
) -> Any:
    """Makes the method that a step or the features name, of `cls` where it has been looked up.

    A parameter that is itself ``{use: ..., params: ...}`` becomes an object. All of them that draw and are given no
    ``random_state`` get the seed; the method itself gets ``treated`` where it has arms and is given none.
    """

    def seeded(cls: type[Any], use: str, parameters: dict[str, Any]) -> Any:
        draws = "random_state" in defaults(cls) and "random_state" not in parameters
        return made(cls, use, {**parameters, "random_state": seed} if draws else parameters)

    cls = cls or resolve(use)
    nested = {name: with_objects(v, lambda use, given: seeded(resolve(use), use, given)) for name, v in params.items()}
    if treated is not None and "treated" in defaults(cls):
        nested = {"treated": treated, **nested}
    records = {"record_dynamics": True} if recording and "record_dynamics" in defaults(cls) else {}
    return seeded(cls, use, {**nested, **records})
