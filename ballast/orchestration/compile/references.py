"""Whether the steps and data roles that a step names are there, and are what is needed."""

from __future__ import annotations

from collections.abc import Iterator

from ballast.errors import nearest
from ballast.orchestration.compile.bindings import scored_by
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.promotion import check_judged_alias, check_promotion
from ballast.orchestration.plan.plan import PROMOTION
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec, models_of, predicted


def check_references(draft: Draft) -> None:
    """Notes what is wrong with the names in steps; steps that name an unsound one are then unsound themselves."""
    for name, step in draft.steps.items():
        with draft.noting(name):
            _check_step(draft, name, step)
    waiting = True
    while waiting:
        waiting = {name for name, step in draft.steps.items() if draft.unsound & {*_named(step)}}
        draft.unsound |= waiting


def _named(step: StepSpec) -> Iterator[str]:
    """Gives the steps and data roles that a step names."""
    for key in (*_WANTED, "on", "against"):
        yield from as_list(getattr(step, key))


def _check_step(draft: Draft, name: str, step: StepSpec) -> None:
    for key, role in _WANTED.items():
        written = StepSpec.model_fields[key].alias or key
        for reference in as_list(getattr(step, key)):
            if reference not in draft.unsound or reference == name:
                _check_reference(draft, f"steps.{name}.{written}", name, reference, role)
    for key in ("on", "against"):
        if (role := getattr(step, key)) is not None:
            draft.check_role(role, f"steps.{name}.{key}")
    if step.predict is not None:
        _check_prediction(draft, name, step)
    if step.promote is not None:
        check_promotion(draft, name, step)
    if aliases := draft.spec.aliases(models_of(step)):
        check_judged_alias(draft, name, step, aliases)
    if step.rows and draft.roles[name] != "learner":
        raise draft.fault(
            f"steps.{name}.rows", f"only learners train on a dataset; {step.use} is a {draft.roles[name]}"
        )
    if step.embed in draft.methods and not hasattr(draft.methods[step.embed], "embed"):
        raise draft.fault(f"steps.{name}.embed", f"{step.embed!r} has no embedding; use a torch_mlp step")


def _check_prediction(draft: Draft, name: str, step: StepSpec) -> None:
    """Raises SpecError where there are no rows to predict, or a step beside them scores others."""
    if step.on == "train":
        raise draft.fault(
            f"steps.{name}.on", f"{step.predict!r} was fitted on the training rows; predict rows that it has not seen"
        )
    draft.check_role(predicted(step), f"steps.{name}.on")
    if not hasattr(draft.learners.get(str(step.predict)), "predict"):
        raise draft.fault(f"steps.{name}.predict", f"{step.predict!r} has no predictions; name another learner step")
    for scorer in step.beside:
        if scorer not in draft.unsound and (scored := scored_by(draft, scorer)) != predicted(step):
            raise draft.fault(
                f"steps.{name}.with",
                f"{scorer!r} scores the rows of {scored!r}, and these are of {predicted(step)!r}; "
                f"let it score them (`on: {predicted(step)}`)",
            )


_WANTED = {
    "weights": "weigher",
    "rows": "sampler",
    "model": "learner",
    "models": "learner",
    "embed": "learner",
    "predict": "learner",
    "promote": "assessor",
    "candidates": "learner",
    "beside": "scorer",
}
"""The keys that name steps, and the role that these have."""


def _check_reference(draft: Draft, key: str, name: str, reference: str, role: str) -> None:
    if "/" in reference or "." in reference:
        raise draft.fault(
            key,
            f"{reference!r} is not a step of this pipeline. A step uses steps of its own pipeline only; to use "
            "another pipeline's table, declare it as a data role with `step: pipeline/step`",
        )
    if reference not in draft.roles:
        raise draft.fault(key, f"unknown step {reference!r}{nearest(reference, draft.spec.steps)}")
    if reference == name:
        raise draft.fault(key, f"step {name!r} refers to itself")
    if draft.roles[reference] == PROMOTION and key.rpartition(".")[2] in ("predict", "models"):
        return  # an alias stands for the model in use
    if draft.roles[reference] != role:
        valid = [s for s, r in draft.roles.items() if r == role]
        there = f" ({', '.join(valid)})" if valid else " (the pipeline has none)"
        raise draft.fault(key, f"{reference!r} is {_a(draft.roles[reference])}, {_a(role)} is needed{there}")


def _a(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
