"""Which steps leave the design weights of a data role out of account, and which count them twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import Binding, Plan
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import PipelineSpec
from ballast.words import in_words

_OF_MODELS = {"weights", "predictions", "dynamics"}
"""Sources of the vocabulary whose values other steps have made of the rows."""


def said_of(plan: Plan, role: str) -> str:
    """Gives what a run says of a role's design weights; empty where all steps use them once."""
    bindings = {node.name: node.bindings for node in plan.nodes.values() if node.step and node.name in plan.spec.steps}
    return told(plan.spec, bindings, role)


def told(spec: PipelineSpec, bindings: Mapping[str, Iterable[Binding]], role: str) -> str:
    """Gives the sentence of ``said_of`` from the bindings of all steps, by name."""
    weight = spec.data[role].weight
    if weight is None:
        return ""
    use = _Use(spec, {name: [b for b in bound if b.role == role] for name, bound in bindings.items()})
    without, twice = use.without(), use.twice()
    said = [f"are not used by {in_words(without)}"] if without else []
    said += [
        f"enter {name} more than once, by {in_words(weights)}: name one of them" for name, weights in twice.items()
    ]
    return f"the design weights ({weight}) {'; they '.join(said)}" if said else ""


@dataclass(frozen=True)
class _Use:
    """The steps of a pipeline, each with its bindings of one data role."""

    spec: PipelineSpec
    bindings: Mapping[str, list[Binding]]

    def without(self) -> list[str]:
        """Gives the steps that read the role's rows without their design weights, in the order of the spec.

        A scorer needs none for the scores of single rows, and one that is given weights, or rows drawn by weights, that
        another step has made with them uses them through those.
        """
        return [
            name
            for name, bound in self.bindings.items()
            if any(
                VOCABULARY[b.term].rows is not None and b.source not in _OF_MODELS and b.entry != "score_samples"
                for b in bound
            )
            and not self._uses(name)
        ]

    def twice(self) -> dict[str, list[str]]:
        """Gives the steps that make weights of several, with those of them that hold the design weights."""
        makes = [
            n for n, bound in self.bindings.items() if any((b.entry, b.source) == ("fit", "weights") for b in bound)
        ]
        found = {name: [w for w in as_list(self.spec.steps[name].weights) if self._uses(w)] for name in makes}
        return {name: weights for name, weights in found.items() if len(weights) > 1}

    def _uses(self, name: str, behind: frozenset[str] = frozenset()) -> bool:
        if name not in self.bindings:  # it has a mistake, which is told
            return False
        step, behind = self.spec.steps[name], behind | {name}
        made = {*as_list(step.weights), *as_list(step.rows)} - behind  # steps that go in circles are refused later
        return any(b.source == "weight" for b in self.bindings[name]) or any(self._uses(w, behind) for w in made)
