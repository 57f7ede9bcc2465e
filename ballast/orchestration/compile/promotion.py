"""Whether a step that promotes can say which model is better, and whether the model in use can be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.plan import PROMOTION, Node
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec
from ballast.words import in_words

JUDGE = "compare_models"
"""The method that holds the model in use against others, each with the encoder that it was fitted with."""


def check_promotion(draft: Draft, name: str, step: StepSpec) -> None:
    """Raises SpecError where the comparison does not judge the candidates against the model in use."""
    comparison = draft.spec.steps[str(step.promote)]
    if comparison.use != JUDGE:
        raise draft.fault(
            f"steps.{name}.promote", f"{step.promote!r} ({comparison.use}) compares no models; name a step of {JUDGE}"
        )
    judged = as_list(comparison.models)
    if not judged or judged[0] != name:
        now = f"[{', '.join([name, *(model for model in judged if model != name)])}]"
        raise draft.fault(
            f"steps.{name}.promote",
            f"{step.promote!r} does not hold its models against the one in use: name that first, `models: {now}`",
        )
    if missing := [model for model in as_list(step.candidates) if model not in judged]:
        raise draft.fault(
            f"steps.{name}.from",
            f"{step.promote!r} does not judge {in_words(repr(model) for model in missing)}; add to its `models`",
        )
    role = comparison.on or "test"
    if step.not_worse_on is not None and role in draft.spec.data and draft.spec.data[role].groups is None:
        raise draft.fault(
            f"steps.{name}.not_worse_on", f"the {role} rows have no slices: declare `groups:` of data.{role}"
        )


def check_judged_alias(draft: Draft, name: str, step: StepSpec, aliases: Sequence[str]) -> None:
    """Raises SpecError where a step would judge the model in use otherwise than beside others on rows of its own."""
    key = f"steps.{name}.models"
    if step.use != JUDGE:
        raise draft.fault(key, f"{aliases[0]!r} is the model in use, which {JUDGE} judges alone; name learner steps")
    if step.on == "train":
        raise draft.fault(key, f"{aliases[0]!r}, the model in use, has seen training rows; judge it `on: test`")
    if step.models and step.models[0] != aliases[0]:
        raise draft.fault(key, f"{aliases[0]!r}, the model in use, is what others are held against: name it first")
    if len(aliases) > 1:
        raise draft.fault(key, f"{in_words(aliases)} are aliases, and one model is what others are held against")


def check_whole(draft: Draft, nodes: Mapping[str, Node]) -> None:
    """Raises SpecError where a model would be promoted for each partition: one is in use for all."""
    for node in nodes.values():
        if node.stage == PROMOTION and node.partitioned:
            split = [name for name in node.upstream if nodes[name].partitioned]
            raise draft.fault(
                f"steps.{node.name}",
                f"one model is in use for all partitions, and {in_words(split)} is made for each; leave the roles that "
                "they are made from out of `partitions.roles`",
            )
