"""Making a model's version the one in use by hand, and going back to the one before."""

from __future__ import annotations

from ballast.errors import GateClosedError, ParameterError, VersionNotFoundError, nearest
from ballast.orchestration.graph.resources import BallastResource
from ballast.orchestration.plan.plan import PROMOTION
from ballast.warehouse import Commit, Warehouse
from ballast.warehouse.aliases import history, move, next_use, parts, step_back
from ballast.warehouse.leaving import behind, closed_behind
from ballast.warehouse.names import view_of
from ballast.warehouse.tables.aliases import Use
from ballast.words import listed


def promote(
    resource: BallastResource, alias: str, step: str, *, version: int | None = None, why: str, force: bool = False
) -> Use:
    """Makes an alias name a learner step's version, default the latest, and gives its use.

    Raises
    ------
    ParameterError
        The alias cannot have that name or that model, or `why` is empty.
    VersionNotFoundError
        There is no such step or version.
    ModelStoreError
        Its file, or the encoder that it needs, is gone.
    GateClosedError
        A gate is closed behind it, or behind a judgement of it, and `force` is not given.
    OutdatedError
        Somebody else moved the alias meanwhile.
    """
    if not why.strip():
        raise ParameterError("--why is empty; say for those who come after why this model is to be used")
    warehouse = resource.open()
    before = history(warehouse, alias)
    _check_alias(warehouse, alias, step)
    commit = _model(warehouse, step, version)
    found = closed_behind(
        warehouse, [*behind(warehouse, [(commit.asset, commit.version)]), *_judging(warehouse, commit)]
    )
    if found and not force:
        raise GateClosedError(
            f"{alias} stays as it is: closed is the gate behind {'; '.join(found)}. Fix the data or the step and run "
            "it again, or use --force, which the alias's history then says"
        )
    use = next_use(before, alias, (commit.asset, commit.version), "hand", why.strip(), forced=bool(found))
    parts(warehouse, resource.model_store(), use)
    move(warehouse, use)
    return use


def roll_back(resource: BallastResource, alias: str, *, why: str = "") -> Use:
    """Makes an alias name again what it named before, and gives its use; errors as of ``step_back`` and ``parts``."""
    warehouse = resource.open()
    use = step_back(warehouse, alias, why.strip())
    parts(warehouse, resource.model_store(), use)
    move(warehouse, use)
    return use


def _check_alias(warehouse: Warehouse, alias: str, step: str) -> None:
    view_of(alias)
    pipeline, _, name = alias.partition("/")
    if "/" in name:
        raise ParameterError(
            f"{alias!r} is not an alias's name: write it as pipeline/name, such as {pipeline}/production"
        )
    if step.partition("/")[0] != pipeline:
        raise ParameterError(
            f"{alias} is an alias of the pipeline {pipeline}, and {step} is not of that; name one of its learner steps"
        )
    latest = warehouse.latest(alias)
    if latest is not None and latest.kind != PROMOTION:
        raise ParameterError(f"{alias} is a step ({latest.kind}), and an alias needs a name of its own")


def _model(warehouse: Warehouse, step: str, version: int | None) -> Commit:
    commit = warehouse.latest(step) if version is None else warehouse.version(step, version)
    models = sorted({c.asset for c in warehouse.commits() if c.kind == "learner"})
    known = f"{nearest(step, models)} (models: {listed(models) if models else 'none yet'})"
    if commit is None:
        raise VersionNotFoundError(f"{warehouse.url} has no model {step!r}{known}")
    if commit.kind != "learner":
        raise ParameterError(f"{step} is not a model but of the stage {commit.kind}{known}")
    if commit.partition is not None:
        raise ParameterError(
            f"{step} has a model for each partition, and one model is in use: name a step that has one"
        )
    return commit


def _judging(warehouse: Warehouse, commit: Commit) -> list[Commit]:
    """Gives the latest judgement of a model's version by each step."""
    found: dict[str, Commit] = {}
    for c in warehouse.commits():  # the newest first
        if c.kind == "assessor" and c.inputs.get(commit.asset) == commit.version:
            found.setdefault(c.asset, c)
    return [*found.values()]
