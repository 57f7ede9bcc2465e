"""Whether something would be corrected for twice: by a learner's rows, their weights and itself, or in a product."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec


def check_counted_once(draft: Draft) -> None:
    """Raises SpecError for what is corrected twice: each of two parts is right alone, together they overshoot.

    That is a learner whose rows were drawn by its own weights, or whose classes are evened out twice, and a product of
    weights of which one was made from another.
    """
    for name, step in draft.steps.items():
        with draft.noting(name):
            if draft.roles[name] == "learner":
                _check_learner(draft, name, step)
            elif draft.roles[name] == "weigher" and len(factors := as_list(step.weights)) > 1:
                _check_product(draft, name, factors)


def _check_learner(draft: Draft, name: str, step: StepSpec) -> None:
    given, sampler = _made_of(draft, as_list(step.weights)), as_list(step.rows)
    drawn_by = _made_of(draft, [w for s in sampler for w in as_list(draft.spec.steps[s].weights)])
    if both := [w for w in given if w in drawn_by]:
        raise draft.fault(
            f"steps.{name}.weights",
            f"the rows of {step.rows!r} were drawn by {both[0]!r} already, so that it would count twice; leave "
            "`weights:` out, or train on all rows (without `rows:`)",
        )
    evening = next((s for s in given if _evens_classes(draft.methods[s])), None)
    rows = next((s for s in (*sampler, *drawn_by) if _evens_classes(draft.methods[s])), None)
    other = f"`rows:` ({rows!r})" if rows else "`class_weight`" if _weighs_classes(draft.methods[name]) else None
    if evening and other:  # class_weight counts the rows that it gets, so that it does no harm after them
        raise draft.fault(
            f"steps.{name}",
            f"`weights:` ({evening!r}) evens the classes out, and so does {other}, so that rare classes would count "
            "far more than the others; leave one of them out",
        )


def _check_product(draft: Draft, name: str, factors: list[str]) -> None:
    for factor in factors:
        if doubled := [w for w in factors if w != factor and w in _made_of(draft, [factor])]:
            raise draft.fault(
                f"steps.{name}.weights",
                f"{factor!r} is made from {doubled[0]!r}, whose weights are in it, so that they would count twice; "
                f"leave {doubled[0]!r} out",
            )


def _made_of(draft: Draft, steps: list[str]) -> list[str]:
    """Gives the weight steps, and those that they are made of."""
    found: list[str] = []
    while steps:
        step, *steps = steps
        if step not in found:
            found.append(step)
            steps += as_list(draft.spec.steps[step].weights)
    return found


def _evens_classes(method: Any) -> bool:
    """Says whether a weigher or sampler evens classes out; one of imbalanced-learn has a ``sampling_strategy``."""
    return getattr(method, "evens_classes", hasattr(method, "sampling_strategy"))


def _weighs_classes(learner: Any) -> bool:
    last = learner.steps[-1][1] if isinstance(learner, Pipeline) else learner
    return str(getattr(last, "class_weight", None)).startswith("balanced")
