"""What a node's result depends on beside its inputs: the code behind it, and what of the spec it was made by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any

from ballast import __version__, stages
from ballast.methods.frame.closure import closure, digest, digest_of
from ballast.orchestration.plan.outside import resolve
from ballast.orchestration.plan.plan import PREDICTION, Node, Plan
from ballast.orchestration.provide.arguments import decided_by
from ballast.orchestration.provide.columns import declared, left_out
from ballast.orchestration.provide.in_use import InUse
from ballast.orchestration.run.distributions import versions
from ballast.orchestration.run.imported import as_imported, check_unedited, look_again, own_modules
from ballast.orchestration.run.inputs import Inputs
from ballast.orchestration.run.promotion import weighed
from ballast.orchestration.spec.data import as_list
from ballast.orchestration.spec.pipeline import StepSpec

ENCODER = "ballast.methods.features.encoder.FeatureEncoder"
STAGES = "ballast.orchestration.run.stages"
WITHIN = (
    "ballast.columns",
    "ballast.compute",
    "ballast.given",
    "ballast.methods",
    "ballast.orchestration.plan",
    "ballast.orchestration.provide",
    "ballast.orchestration.read",
    "ballast.orchestration.run.inputs",
    "ballast.orchestration.run.late",
    "ballast.orchestration.run.promotion",
    "ballast.orchestration.run.rule",
    STAGES,
    "ballast.warehouse.tables.frames",
    "ballast.warehouse.tables.matrices",
)
"""What lies between a method and the tables before and after it; the rest of Ballast changes no numbers."""


def code_version(plan: Plan, node: Node) -> str:
    """Gives what changes when the code behind a node does: Ballast's version, and a digest.

    The digest is of all that the node's method and those named in its parameters reach by imports, of the versions of
    the packages that these are of or import, and of the code that hands it its arguments and takes its result.
    """
    if (stage := stages.STAGES[node.stage]).outside or not stage.stored:
        return __version__
    named, texts = uses_of(plan, node)
    uses = [*named, *texts]
    method = [digest(*map(resolve, named), *texts), *versions(*uses), *as_imported(*own_modules(*uses))]
    return f"{__version__}+{_short(' '.join(method))}.{_short(digest_of(stage_modules()))}"


def uses_of(plan: Plan, node: Node) -> tuple[list[str], list[str]]:
    """Gives the methods that make a node, and the texts of their parameters, for any may name another, sorted."""
    if node.step is not None and node.step.promote is not None:
        return [], []
    if node.step is not None and node.step.predict is None:
        return [node.step.use], sorted(set(_texts(node.step.params)))
    spec = plan.spec.features
    named, texts = [ENCODER, *([spec.use] if spec.use else [])], [*_texts(spec.params)]
    for step in _models(plan, node):
        named.append(step.use)
        texts += _texts(step.params)
    return named, sorted(set(texts))


def _models(plan: Plan, node: Node) -> list[StepSpec]:
    """Gives the steps whose models a node asks for predictions: its own, and what embeds the features for that."""
    if node.step is None or node.step.predict is None:
        return []
    named = plan.spec.steps[node.step.predict]
    steps = [plan.spec.steps[name] for name in as_list(named.candidates)] or [named]
    return [*steps, *(plan.spec.steps[step.embed] for step in steps if step.embed)]


def check_code(plan: Plan, node: Node) -> None:
    """Raises OutdatedError where a user's module that makes a node was edited since this process read it."""
    check_unedited(plan.asset(node.unit), own_modules(*_uses(plan, node)))


def _uses(plan: Plan, node: Node) -> list[str]:
    gates = [expectation.custom for expectation in node.suite if expectation.custom]
    if node.stage in ("source", "report"):
        data = plan.spec.data.get(node.name)
        return [*([data.loader] if data is not None and data.loader else []), *gates]
    named, texts = uses_of(plan, node)
    return [*named, *texts, *gates]


def edited_modules(plan: Plan, run_id: str) -> list[str]:
    """Gives what a run says, once, of the user's modules that were edited since this process imported them."""
    modules = (module for node in plan.nodes.values() for module in own_modules(*_uses(plan, node)))
    return look_again(run_id, frozenset(modules))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def stage_modules() -> frozenset[str]:
    """Gives the modules that carry tables to a method and its result back to tables."""
    return closure(STAGES, within=lambda module: module.startswith(WITHIN))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def what_is_done(inputs: Inputs) -> dict[str, Any]:
    """Gives what a node's result depends on beside its inputs' tables and its code.

    The tables say what is in them; which of their columns is the label, say, the spec alone. Only what the node's own
    calls read of it counts, so that another label of the test rows leaves all that is made of the others as it is.
    """
    node, spec = inputs.node, inputs.spec
    if node.step is not None:
        return {
            "step": node.step.model_dump(exclude={"description", "retries", "pool", "op_tags", "to"}),
            "seed": spec.seed,
            "read": decided_by(inputs),
            **({"closed": inputs.passed, **_of_rows(inputs)} if node.stage == PREDICTION else {}),
            **({"in_use": {name: _parts(used) for name, used in inputs.aliases.items()}} if inputs.aliases else {}),
            **({"weighed": weighed(inputs)} if node.step.promote is not None else {}),
        }
    if node.stage == "encoder":
        return {"features": spec.features.model_dump(), "seed": spec.seed, "left_out": left_out(spec, "train")}
    if node.stage == "features":
        return _of_rows(inputs)
    return {}


def _parts(used: InUse | None) -> dict[str, Any]:
    """Gives the versions that a model in use is made of, and their contents."""
    return {} if used is None else {part: [c.asset, c.version, c.content_hash] for part, c in used.commits.items()}


def _of_rows(inputs: Inputs) -> dict[str, Any]:
    """Gives what decides which of a role's columns are features, and which its ids."""
    role = str(inputs.node.role)
    return {**declared(inputs, role), "left_out": left_out(inputs.spec, "train", role)}
