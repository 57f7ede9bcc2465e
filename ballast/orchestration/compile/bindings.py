"""Wires each argument of the steps' calls to its source, by the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.methods.frame.base import Method
from ballast.methods.frame.vocabulary import VOCABULARY
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.plan import Binding
from ballast.orchestration.provide import SOURCES
from ballast.orchestration.provide.late import source_for
from ballast.orchestration.provide.source import Asked
from ballast.orchestration.spec.data import ROLES

_OF_SCIKIT_LEARN = {"learner": {"X": True, "y": True, "sample_weight": False}, "sampler": {"X": True, "y": True}}
"""What a class that is not a ``Method`` is fitted with, by its role."""
_OF_LEARNERS = {"dependence": False}
"""What decides how the rows of any learner are dealt to folds, whether or not its ``fit`` takes it."""


def bindings_of(draft: Draft) -> dict[str, tuple[Binding, ...]]:
    """Gives the bindings of the steps by name; those that need an argument and cannot have it are noted."""
    found: dict[str, tuple[Binding, ...]] = {}
    if set(draft.spec.data) == set(draft.data) and not draft.unsound & {
        *ROLES,
        *draft.spec.data,
    }:  # else it is known what is missing
        for name in draft.steps:
            with draft.noting(name):
                found[name] = _bindings_of(draft, name) if name in draft.methods else ()
    return found


def _bindings_of(draft: Draft, name: str) -> tuple[Binding, ...]:
    step, role, method = draft.spec.steps[name], draft.roles[name], draft.methods[name]
    if not isinstance(method, Method):
        needs = _OF_SCIKIT_LEARN[role] | (_OF_LEARNERS if role == "learner" else {})
        return tuple(_bind(draft, name, "fit", needs, "train"))
    needs, entry = method.needs(), method.entry_points[0]
    if role == "learner" and step.on is not None:
        raise draft.fault(f"steps.{name}.on", "a learner always trains on 'train'; point it at a dataset with `rows:`")
    if role == "learner" and step.weights and "sample_weight" not in needs:
        raise draft.fault(f"steps.{name}.weights", f"{step.use} takes no weights; give it rows drawn by them (`rows:`)")
    of_rows = any(VOCABULARY[term].rows == "sample" for term in needs if term in VOCABULARY)
    if role == "learner" and of_rows:
        needs = {**_OF_LEARNERS, **needs}
    if step.rows and not of_rows:
        raise draft.fault(
            f"steps.{name}.rows", f"{step.use} takes no training rows, so it cannot train on a dataset of them"
        )
    fit_on, score_on = _default_roles(draft, name, method)
    bound = [*_bind(draft, name, entry, needs, fit_on)]
    if role == "scorer":
        bound += _bind(draft, name, "score_samples", method.needs("score_samples"), score_on)
    return tuple(bound)


def scored_by(draft: Draft, name: str) -> str | None:
    """Gives the data role whose rows a scorer step scores; None for a step that has none."""
    method = draft.methods.get(name)
    return _default_roles(draft, name, method)[1] if isinstance(method, Method) else None


def _default_roles(draft: Draft, name: str, method: Method) -> tuple[str, str]:
    """Gives the role that a step is fitted on (or judges), and the one that it scores."""
    step = draft.spec.steps[name]
    if method.role == "scorer":
        needs = method.needs("score_samples")
        recorded = any(VOCABULARY[term].source == "dynamics" for term in needs if term in VOCABULARY)
        fallback = "target" if "target" in draft.spec.data and not recorded else "train"
        return "train", step.on or fallback
    if method.role == "assessor":
        compares = any(term.endswith("_target") or term == "sample_weights" for term in method.needs())
        role = step.on or ("train" if compares else "test")
    else:
        role = step.on or "train"
    draft.check_role(role, f"steps.{name}.on")
    return role, role


def _bind(draft: Draft, name: str, entry: str, terms: dict[str, bool], on: str) -> Iterator[Binding]:
    step = draft.spec.steps[name]
    for term, required in terms.items():
        if term not in VOCABULARY:
            if required:
                raise draft.fault(f"steps.{name}.use", f"{step.use} asks for {term!r}, which no pipeline provides")
            continue
        role = (step.against or "target") if term.endswith("_target") else on
        source = SOURCES[source_for(draft.spec, role, VOCABULARY[term].source)]
        asked = Asked(name, step, draft.methods[name], term, role, draft.spec, draft.learners, draft.weighers)
        if (wrong := source.wrong(asked)) is not None:
            raise draft.fault(*wrong)
        missing = source.missing(asked)
        if missing is None:
            yield Binding(entry, term, source.name, role)
        elif required:
            key, message = missing
            raise draft.fault(key, f"{step.use} needs {term!r}: {message}")
