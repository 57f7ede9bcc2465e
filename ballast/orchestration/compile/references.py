"""Whether the steps and data roles that a step names are there, and are what is needed."""

from __future__ import annotations

from ballast.errors import nearest
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.spec.pipeline import as_list


def check_references(draft: Draft) -> None:
    for name, step in draft.spec.steps.items():
        wanted = (
            ("weights", as_list(step.weights), "weigher"),
            ("rows", as_list(step.rows), "sampler"),
            ("model", as_list(step.model), "learner"),
            ("models", as_list(step.models), "learner"),
            ("embed", as_list(step.embed), "learner"),
        )
        for key, references, role in wanted:
            for reference in references:
                _check_reference(draft, f"steps.{name}.{key}", name, reference, role)
        for key in ("on", "against"):
            if (role := getattr(step, key)) is not None:
                draft.check_role(role, f"steps.{name}.{key}")
        if step.rows and draft.roles[name] != "learner":
            raise draft.fault(
                f"steps.{name}.rows", f"only learners train on a dataset; {step.use} is a {draft.roles[name]}"
            )
        if step.embed and not hasattr(draft.methods[step.embed], "embed"):
            raise draft.fault(f"steps.{name}.embed", f"{step.embed!r} has no embedding; use a torch_mlp step")


def _check_reference(draft: Draft, key: str, name: str, reference: str, role: str) -> None:
    if "/" in reference or "." in reference:
        raise draft.fault(
            key,
            f"{reference!r} is not a step of this pipeline. A step uses steps of its own pipeline only; to use "
            "another pipeline's table, declare it as a data role with `step: pipeline/step`",
        )
    if reference not in draft.roles:
        raise draft.fault(key, f"unknown step {reference!r}{nearest(reference, draft.roles)}")
    if reference == name:
        raise draft.fault(key, f"step {name!r} refers to itself")
    if draft.roles[reference] != role:
        valid = [s for s, r in draft.roles.items() if r == role]
        there = f" ({', '.join(valid)})" if valid else " (the pipeline has none)"
        raise draft.fault(key, f"{reference!r} is a {draft.roles[reference]}, a {role} is needed{there}")
