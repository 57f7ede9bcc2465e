"""What a pipeline names outside its own file, looked up without reading a row: files, loaders, assets, steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from ballast.errors import BallastError, DataError, SpecError, nearest
from ballast.given.frames import function_at
from ballast.orchestration.graph.mappings import unmapped
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.find import Declared, every, project_assets
from ballast.orchestration.read.files import found
from ballast.orchestration.read.query import prepared
from ballast.orchestration.spec.data import DataSpec
from ballast.orchestration.spec.places import located
from ballast.words import listed


def check_named(declared: Declared, plan: Plan) -> None:
    """Raises SpecError with a line for each thing that a pipeline's data roles name and that is not there."""
    problems = [
        problem
        for role, data in plan.spec.data.items()
        for problem in (*_missing(data, f"{plan.where}: data.{role}", declared), *_unmapped(plan, role, declared.root))
    ]
    if problems:
        raise located(SpecError("\n".join(problems)), plan.where, declared.lines)


def _missing(data: DataSpec, where: str, declared: Declared) -> Iterator[str]:
    folder = declared.file.parent
    try:
        if data.path:
            found(data.path, f"{where}.path", folder)
        if data.query:
            con, _ = prepared(data.query, data.database, data.databases, f"{where}.query", folder)
            con.close()
        if data.loader:
            function_at(data.loader, f"{where}.loader")
    except DataError as error:
        yield str(error)
    for asset in data.named:
        key = "asset" if asset == data.asset else "deps"
        yield from _missing_asset(asset, f"{where}.{key}", declared.root)
    if (labels := data.labels_asset) is not None:
        yield from _missing_asset(labels, f"{where}.labels_from.asset", declared.root)
    if data.step:
        yield from _missing_step(data.step, f"{where}.step", declared.root)


def _missing_asset(asset: str, where: str, root: Path) -> Iterator[str]:
    keys = project_assets(root)
    if keys is None:
        yield f"{where}: the asset {asset!r} belongs to a Dagster project, and {root} has none"
    elif dg.AssetKey.from_user_string(asset) not in keys:
        names = sorted(key.to_user_string() for key in keys)
        yield (
            f"{where}: the project has no asset {asset!r}{nearest(asset, names)} (there are {listed(names, 12)}; "
            "dg.AssetSpec makes one of another code location known)"
        )


def _unmapped(plan: Plan, role: str, root: Path) -> Iterator[str]:
    """Tells of an asset whose rows a role is read from, and that is split otherwise."""
    data = plan.spec.data[role]
    if data.source == "asset":
        theirs = (project_assets(root) or {}).get(dg.AssetKey.from_user_string(str(data.asset)))
        if theirs is not None and (problem := unmapped(plan, role, theirs)) is not None:
            yield problem


def _missing_step(step: str, where: str, root: Path) -> Iterator[str]:
    """Looks among the project's pipelines; what others have stored in the same warehouse cannot be known from files."""
    pipeline, _, name = step.partition("/")
    for other in every(root):
        if other.name == pipeline:
            try:
                nodes = other.plan().nodes
            except BallastError:  # told as that pipeline's own
                return
            if name not in nodes:
                yield f"{where}: pipeline {pipeline!r} has no step {name!r}{nearest(name, nodes)}"
