"""Fitted learners, and the labels that they tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide.source import Asked, Fault, Source, Tables, undeclared
from ballast.orchestration.spec.pipeline import StepSpec, models_of

_KINDS = {
    "classifier": ("a classifier, which has predict_proba", "a step such as logistic_regression"),
    "network": ("a network", "a torch_mlp step"),
}


class OfModels(Source):
    """What comes from the learner steps named with `model:` or `models:`."""

    def wrong(self, asked: Asked) -> Fault | None:
        if not models_of(asked.step) or asked.role in asked.spec.data:
            return None
        return asked.here, undeclared(asked.role, asked.spec.data)

    def missing(self, asked: Asked) -> Fault | None:
        if models_of(asked.step):
            return None
        return asked.here, f"name the learner step with `model:` (or `models:`){which(asked)}"

    def upstream(self, step: StepSpec, binding: Binding) -> Iterable[str]:
        return models_of(step)


class Models(OfModels):
    name = "model"

    def wrong(self, asked: Asked) -> Fault | None:
        kind = getattr(asked.method, "model_kind", "any")
        for name in models_of(asked.step):
            if kind in _KINDS and not is_of_kind(asked.learners[name], kind):
                what, instead = _KINDS[kind]
                key = "model" if asked.step.model == name else "models"
                return f"{asked.here}.{key}", f"{asked.step.use} needs {what}, and {name!r} is not one; use {instead}"
            if (own := asked.spec.steps[name].embed) != asked.step.embed and _takes_features(asked.method):
                told = f"set `embed: {own}` here, too" if own else "leave `embed` out here"
                seen = f"the embedding of {own!r}" if own else "the features themselves"
                return (
                    f"{asked.here}.embed",
                    f"{name!r} was fitted on {seen}, and this step would hand it others; {told}",
                )
        return super().wrong(asked)

    def read(self, tables: Tables, binding: Binding, ids: None) -> Any:
        if binding.term == "models":
            return {name: tables.model(name) for name in names(tables)}
        return tables.model(names(tables)[0])


class Classes(OfModels):
    name = "classes"

    def missing(self, asked: Asked) -> Fault | None:
        if fault := super().missing(asked):
            return fault
        first = models_of(asked.step)[0]
        if is_of_kind(asked.learners[first], "classifier"):
            return None
        return f"{asked.here}.model", f"{first!r} is not a classifier, and its classes are needed; name a classifier"

    def read(self, tables: Tables, binding: Binding, ids: None) -> np.ndarray:
        return np.asarray(classes_of(tables))


def _takes_features(method: Any) -> bool:
    return any(VOCABULARY[term].source == "features" for term in method.needs() if term in VOCABULARY)


def names(tables: Tables) -> list[str]:
    """Gives the learner steps that the node's step names, and an alias where it names a model by now."""
    named = models_of(tables.node.step) if tables.node.step else []
    aliases = tables.spec.aliases(named)
    return [name for name in named if name not in aliases or tables.in_use(name) is not None]


def classes_of(tables: Tables) -> list[Any]:
    """Gives the classes that predictions are of: the first model's and, beside a model in use, those new since then."""
    models = names(tables)
    known = list(tables.model(models[0]).classes_)
    if tables.spec.aliases(models):
        later = [label for name in models[1:] for label in tables.model(name).classes_]
        known += dict.fromkeys(label for label in later if label not in known)
    return known


def is_of_kind(learner: Any, kind: str) -> bool:
    """Says whether a learner that is not fitted is a "classifier" or a "network" (or "any")."""
    if kind == "classifier":
        return hasattr(learner, "predict_proba") and not is_regressor(learner)
    return kind == "any" or hasattr(learner, "to_tensors")


def which(asked: Asked) -> str:
    """Says which learner steps there are to name."""
    return f", one of {', '.join(asked.learners)}" if asked.learners else ", and add a learner step"
