"""The assets of a pipeline: its sources, its matrices, its steps and what is made beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.compile.labels import labels_of, metrics_of
from ballast.orchestration.plan.design_weights import told
from ballast.orchestration.plan.plan import ENCODER, PREDICTION, PROMOTION, Binding, Node
from ballast.orchestration.provide import SOURCES
from ballast.orchestration.spec.data import ROLES, as_list
from ballast.orchestration.spec.pipeline import embedders_of, models_of, predicted

_UNNAMED = {"path": "files", "query": "a query"}
"""Where rows come from that is not named: it may hold secrets."""


def nodes_of(draft: Draft, bindings: Mapping[str, tuple[Binding, ...]]) -> dict[str, Node]:
    """Gives the nodes by name: sources first, then matrices and steps; the report is none of them."""
    upstream = {
        name: _upstream(draft, name, bound) if name in draft.methods else _behind(draft, name, bindings)
        for name, bound in bindings.items()
    }
    needed = {node for nodes in upstream.values() for node in nodes}
    found = [*_sources(draft, bindings), *labels_of(draft), *_features(draft, needed)]
    for name, bound in bindings.items():
        found += _step(draft, name, bound, upstream[name], needed)
    return {node.name: node for node in found}


def _upstream(draft: Draft, name: str, bound: tuple[Binding, ...]) -> tuple[str, ...]:
    step = draft.spec.steps[name]
    made_from = [u for b in bound for u in SOURCES[b.source].upstream(step, b)]
    predicted_anew = any(b.source == "predictions" and b.role != "train" for b in bound)
    embedders = embedders_of(draft.spec, models_of(step)) if predicted_anew else []
    aliases = draft.spec.aliases(made_from)  # what is in use is judged as it was before this run may change it
    made_from = [u for u in made_from if u not in aliases]
    return tuple(dict.fromkeys([*as_list(step.rows), *made_from, *embedders]))


def _behind(draft: Draft, name: str, bindings: Mapping[str, tuple[Binding, ...]]) -> tuple[str, ...]:
    """Gives what a step without a method is made from."""
    step = draft.spec.steps[name]
    if step.promote is not None:
        return (step.promote, *as_list(step.candidates))
    return _behind_predictions(draft, name, bindings)


def _behind_predictions(draft: Draft, name: str, bindings: Mapping[str, tuple[Binding, ...]]) -> tuple[str, ...]:
    """Gives what a step that predicts is made from, and the tests of the rows' shift, whose gates it keeps to."""
    step = draft.spec.steps[name]
    model, role = str(step.predict), predicted(step)
    tests = [
        other
        for other, bound in bindings.items()
        if draft.roles[other] == "test" and any(b.role == role for b in bound) and role != "train"
    ]
    encoder = [] if draft.spec.aliases([model]) else [ENCODER]  # what is in use has the encoder of its own time
    return tuple(dict.fromkeys([role, *encoder, model, *embedders_of(draft.spec, [model]), *step.beside, *tests]))


def _sources(draft: Draft, bindings: Mapping[str, tuple[Binding, ...]]) -> list[Node]:
    found = []
    for role, data in draft.data.items():
        kind = str(data.source)
        named = f"{kind} {getattr(data, kind)}" if kind in ("asset", "loader", "step") else _UNNAMED.get(kind, kind)
        after = f", made by asset {data.asset}" if data.asset and kind != "asset" else ""
        unused = told(draft.spec, bindings, role)
        about = f"The {role} rows, from {named}{after}.{f' {unused[0].upper()}{unused[1:]}.' if unused else ''}"
        found.append(Node(role, "source", kind, (), role, role=role, description=about))
    return found


def _features(draft: Draft, needed: set[str]) -> list[Node]:
    """Gives the encoder and the matrices that some step asks for, each on its own."""
    roles = [*ROLES, *(role for role in draft.spec.data if role not in ROLES)]
    wanted = [role for role in roles if f"{role}/features" in needed]
    if not wanted and ENCODER not in needed:
        return []
    encoder = Node(
        ENCODER, "encoder", draft.spec.features.use or "skrub.TableVectorizer", ("train",), ENCODER,
        description="Turns tables into matrices; fitted on the training rows only.",
    )  # fmt: skip
    found = [encoder]
    for role in (r for r in roles if r in wanted or r == "train"):
        name = f"{role}/features"
        about = f"The {role} rows as a float32 matrix."
        found.append(Node(name, "features", encoder.use, (role, ENCODER), name, role=role, description=about))
    return found


def _step(
    draft: Draft, name: str, bound: tuple[Binding, ...], upstream: tuple[str, ...], needed: set[str]
) -> list[Node]:
    """Gives a step's node and those of what is made beside it: recordings, predictions, influence on weights."""
    step, stage = draft.spec.steps[name], draft.roles[name]
    if stage == PREDICTION:
        about = step.description or f"What {step.predict} predicts of the {predicted(step)} rows."
        node = Node(name, stage, "predict", upstream, name, step=step, role=predicted(step), description=about)
        return [node, *metrics_of(draft, name)]
    if stage == PROMOTION:
        about = step.description or f"Which model is in use; {step.promote} decides whether another takes its place."
        return [Node(name, stage, "promote", upstream, name, step=step, description=about, passes=frozenset(upstream))]
    method = draft.methods[name]
    node = Node(
        name, stage, step.use, upstream, name, step=step, bindings=bound,
        role=bound[-1].role if stage == "scorer" else None,
        description=step.description or _first_line(type(method)),
    )  # fmt: skip
    found = [node]
    if stage == "learner" and (f"{name}/dynamics" in needed or step.params.get("record_dynamics")):
        found.append(
            replace(
                node, name=f"{name}/dynamics", stage="dynamics", description="Loss and margin of each row and epoch."
            )
        )
    if f"{name}/influence" in needed:
        about = "How the weights move with the rows that they were fitted to."
        found.append(replace(node, name=f"{name}/influence", stage="influence", description=about))
    if f"{name}/out_of_sample" in needed:
        found.append(
            replace(
                node, name=f"{name}/out_of_sample", stage="out_of_sample", unit=f"{name}/out_of_sample",
                description=f"Cross-fitted predictions of {name} for the training rows.",
            )
        )  # fmt: skip
    return found


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]
