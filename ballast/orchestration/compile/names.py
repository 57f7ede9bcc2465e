"""Whether names are free, and data roles say where their rows come from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ballast.errors import nearest
from ballast.orchestration.compile.draft import Draft
from ballast.orchestration.plan.plan import ENCODER, REPORT
from ballast.orchestration.spec.data import ROLES, SOURCES, DataSpec, paths_of
from ballast.stages import STAGES
from ballast.warehouse.names import RESERVED
from ballast.words import one_line, shown

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
MOST_STEPS = 500
"""Steps of a pipeline, and expectations of a gate: what wires them takes time that grows with the square."""


def check_names(draft: Draft) -> None:
    spec = draft.spec
    with draft.noting():
        _check_name(draft, "name", spec.name)
        if spec.name.casefold() in RESERVED:
            raise draft.fault("name", f"{spec.name!r} is taken by the warehouse itself; choose another name")
    if len(spec.steps) > MOST_STEPS:
        raise draft.fault("steps", f"{len(spec.steps)} steps are more than {MOST_STEPS}; make several pipelines")
    with draft.noting():
        if not spec.steps and not draft.unsound:
            raise draft.fault(
                "steps", "the pipeline has no steps; add at least one, such as `drift: {use: kolmogorov_smirnov}`"
            )
    roles = {role.lower() for role in (*ROLES, *spec.data)}
    taken = {*roles, ENCODER, REPORT, *_beside(roles)}
    lowered: dict[str, str] = {}
    for name in spec.steps:
        with draft.noting(name):
            _check_name(draft, f"steps.{name}", name)
            if name.lower() in taken:  # SQL ignores case
                by = "a data role" if name.lower() in roles - {*ROLES} else "Ballast itself"
                raise draft.fault(f"steps.{name}", f"{name!r} is taken by {by}; choose another name")
            for other in (name, *(f"{name}_{part}" for part in _BESIDE_STEPS)):
                if (clash := lowered.setdefault(other.lower(), name)) != name:
                    raise draft.fault(f"steps.{name}", f"its table would have the same name as one of step {clash!r}")


_BESIDE_STEPS = tuple(stage.name for stage in STAGES.values() if stage.beside)
"""What stands beside a step, each a table of its own."""


def _beside(roles: Iterable[str]) -> set[str]:
    """Gives the names of what stands beside data roles."""
    return {f"{role}{between}{part}" for role in roles for between in ("_", "__") for part in ("features", "labels")}


def _check_name(draft: Draft, key: str, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise draft.fault(
            one_line(key, 120),
            f"{shown(name)} is not a valid name: use a letter, then letters, digits or _ (100 at most)",
        )


def _check_step(draft: Draft, key: str, step: str) -> None:
    pipeline, _, name = step.partition("/")
    if not all(_NAME.fullmatch(part) for part in step.split("/")) or not name:
        raise draft.fault(
            key, f"{shown(step)} is not a step of another pipeline: write pipeline/step, as other/density"
        )
    if pipeline == draft.spec.name:
        raise draft.fault(key, f"{shown(step)} is of this pipeline; a data role is made of what others have stored")


def check_data(draft: Draft) -> None:
    for role, data in draft.data.items():
        with draft.noting(role):
            _check_role(draft, role, data)
    if not {"train"} & {*draft.spec.data, *draft.unsound}:
        with draft.noting("train"):
            raise draft.fault("data", "the role 'train' is missing: it names the rows to learn from")
    if draft.spec.sensor is not None and not any(map(paths_of, draft.spec.data.values())):
        with draft.noting():
            raise draft.fault(
                "sensor",
                "it watches the files of `path:`, and no data role has one; assets of Dagster start a run with "
                "`automation: eager`, all others with `schedule:`",
            )
    if (alerts := draft.spec.alerts) is not None:
        with draft.noting():
            if not alerts.webhook.startswith(("http://", "https://")):  # which is not shown: it may hold a secret
                raise draft.fault("alerts.webhook", "an address is needed that begins with http:// or https://")
            if not alerts.on:
                raise draft.fault("alerts.on", "nothing would be told; name closed, failed or both")


def _check_role_name(draft: Draft, role: str, data: DataSpec) -> None:
    key = f"data.{role}"
    if role in ROLES:
        if data.like not in (None, role):
            raise draft.fault(f"{key}.like", f"{role!r} is a role of its own; give {data.like!r} rows another name")
        return
    if data.like is None:
        raise draft.fault(
            key,
            f"unknown data role{nearest(role, ROLES)} (the roles: {', '.join(ROLES)}; one by another name says which "
            "of them it is like, as `like: target`)",
        )
    _check_name(draft, key, role)
    others = [other.lower() for other in (*ROLES, *draft.spec.data) if other != role]
    tables = {ENCODER, REPORT, *others, *_beside(others)}
    if role.lower() in tables:  # SQL ignores case
        raise draft.fault(key, f"{role!r} is taken by Ballast itself or another data role; choose another name")


def _check_role(draft: Draft, role: str, data: DataSpec) -> None:
    key = f"data.{role}"
    _check_role_name(draft, role, data)
    given = [s for s in SOURCES if getattr(data, s)]
    if len(given) != 1 and not (len(given) == 2 and given[0] == "asset" and given[1] != "step"):
        empty = [s for s in SOURCES if s in data.model_fields_set and not getattr(data, s)]
        unset = f"none; {', '.join(empty)} is empty: is its environment variable set?" if empty else "none"
        named = " and ".join(given) if given else unset
        raise draft.fault(
            key,
            f"give exactly one of {', '.join(SOURCES)} (given: {named}); asset may stand beside path, query or loader",
        )
    partitions = draft.spec.partitions
    by_time = partitions is not None and any(one.time is not None for one in partitions.dimensions.values())
    if data.last and not (by_time and partitions is not None and role in partitions.roles):
        raise draft.fault(f"{key}.last", "only a role that is split by time (`partitions: {time: ...}`) reaches back")
    if data.step:
        _check_step(draft, f"{key}.step", data.step)
