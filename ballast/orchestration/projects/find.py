"""Finds pipelines by name, folder or file, and the project that they belong to."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
from dagster.components.core.defs_module import find_defs_or_component_yaml

from ballast.errors import BallastError, SpecError, nearest
from ballast.orchestration.compile.compiler import declared
from ballast.orchestration.graph.component import Pipeline
from ballast.orchestration.graph.home import project_root
from ballast.orchestration.graph.keys import asset_key
from ballast.orchestration.graph.mappings import Partitions, check_mapped, partitions_in
from ballast.orchestration.graph.resources import RESOURCE, BallastResource, resolved
from ballast.orchestration.plan.partitions import partitions_of
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.projects.load import keys_of, load, put_on_path
from ballast.orchestration.spec.places import TYPE, Place, declared_in, located
from ballast.orchestration.spec.yaml_files import LARGEST_FILE
from ballast.words import one_line, plural, shown

logger = logging.getLogger("ballast.run")

_SKIPPED = {"node_modules", "site-packages", "__pycache__"}


@dataclass(frozen=True)
class Declared:
    """A pipeline as a file declares it.

    Attributes
    ----------
    file : the YAML file; relative paths in the pipeline start from its folder.
    root : the project that the file stands in.
    attributes : what stands under ``attributes:``, not yet checked.
    lines : the line of each key of the attributes, such as "steps.density.use"; for the errors.
    problem : why the file could not be read, None where it could.
    """

    file: Path
    root: Path
    attributes: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    problem: SpecError | None = None

    @property
    def name(self) -> str:
        given = self.attributes.get("name") if isinstance(self.attributes, dict) else None
        return given if isinstance(given, str) else self.file.parent.name

    @property
    def where(self) -> str:
        return shown_path(self.file, self.root)

    def plan(self) -> Plan:
        """Gives the checked plan. SpecError has a line for each mistake: file, line, key and the nearest valid word."""
        if self.problem is not None:
            raise self.problem
        put_on_path(self.root)
        known = SimpleNamespace(project_root=str(self.root))  # all that a template may ask of Dagster's own context
        context = dg.ResolutionContext.default().with_scope(context=known)
        try:
            folder = self.file.parent
            return declared(Pipeline, self.attributes, context, self.where, folder).plan(self.where, folder)
        except SpecError as error:
            raise located(error, self.where, self.lines) from error

    def definitions(self, plan: Plan) -> dg.Definitions:
        """Gives the definitions to run in: the project's own where they hold this pipeline, else bare ones.

        The project's other pipelines are left out where nothing of theirs is above this one; those that are wrong are
        left out in any case, and the log says what is wrong with them.
        """
        from ballast.orchestration.graph.assets import definitions_of

        roles = plan.spec.data.values()
        named = {data.asset for data in roles if data.source == "asset"} | {data.labels_asset for data in roles}
        handed = {dg.AssetKey.from_user_string(asset) for asset in named if asset}

        wrong = self._others_that_are_wrong()
        this = {self.file.resolve()}
        others = frozenset(other.file.resolve() for other in every(self.root)) - this

        def holds_it(project: dg.Definitions) -> bool:
            try:
                check_mapped(plan, project)
            except SpecError as error:
                raise located(error, self.where, self.lines) from error
            keys = keys_of(project)
            held = handed <= keys and any(key.path[0] == plan.spec.name for key in keys)
            return held and bool(project.resolve_job_def(plan.spec.name))

        def is_whole(project: dg.Definitions) -> bool:
            return _defines_all_above(project, plan.spec.name) and holds_it(project)

        tries = [(others, holds_it), (frozenset(_component_files(self.root)) - this, holds_it)]
        if handed or any(data.named for data in roles):
            tries = [(others, is_whole), (wrong, holds_it), *tries]
        project = load(self.root, tries)
        if project is not None and any(
            spec.key.path[0] == plan.spec.name for spec in project.resolve_all_asset_specs()
        ):
            return project
        if outside := [f"data.{r}" for r, d in plan.spec.data.items() if d.source == "asset" or d.labels_asset]:
            raise SpecError(
                f"{self.where}: {', '.join(outside)}: the asset belongs to a Dagster project, and {self.root} has none "
                "that loads this pipeline; use path, query or loader, or put the pipeline into the project"
            )
        own = definitions_of(plan, self.file.parent, Place(self.file, self.lines))
        return dg.Definitions.merge(own, dg.Definitions(resources={RESOURCE: BallastResource()}))

    def mistakes(self) -> list[str]:
        """Gives what is wrong with the pipeline, a line each."""
        try:
            self.plan()
        except BallastError as error:
            return str(error).split("\n")
        return []

    def _others_that_are_wrong(self) -> frozenset[Path]:
        """Gives the files of the project's other pipelines that are wrong, and tells of each what is."""
        wrong: set[Path] = set()
        for other in every(self.root):
            if other.file.resolve() != self.file.resolve() and (mistakes := other.mistakes()):
                wrong.add(other.file.resolve())
                n = len(mistakes) - 1
                more = f"; and {plural(n, 'other mistake')}, see `ballast check --spec-only`" if n else ""
                logger.warning("%s%s (this is another pipeline; %s runs without it)", mistakes[0], more, self.name)
        return frozenset(wrong)


def find(pipeline: str, start: Path | None = None) -> Declared:
    """Gives the pipeline that a name, a folder or a YAML file stands for.

    Raises SpecError where there is none, or several, naming those there are.
    """
    try:
        path = Path(pipeline)
        is_file, is_folder = path.suffix in (".yaml", ".yml"), path.is_dir()
    except (OSError, ValueError):  # longer than a file's name can be, or with a NUL in it
        path, is_file, is_folder = Path(), False, False
    if is_file and not is_folder:
        if not os.path.lexists(path):
            raise SpecError(f"there is no file {shown(pipeline)} (looked in {path.absolute().parent})")
        file = path.absolute()
        found = list(read(file, project_root(file.parent)))
        if len(found) != 1:
            raise SpecError(
                f"{pipeline}: one pipeline is needed, the file has {len(found)}: it is a document with `type: {TYPE}` "
                "and `attributes:`, or one with `data:` and `steps:` alone"
            )
        return found[0]
    if is_folder:
        found = list(every(path.resolve()))
        if len(found) != 1:
            names = ", ".join(f.name for f in found) or "none"
            raise SpecError(
                f"folder {pipeline!r} must hold one pipeline (a defs.yaml of type {TYPE}), it holds: {one_line(names)}"
            )
        return found[0]
    root = project_root(start)
    here = list(every(root))
    found = [declared for declared in here if declared.name == pipeline]
    if len(found) > 1:
        raise SpecError(
            f"{len(found)} pipelines are named {shown(pipeline)}: {', '.join(d.where for d in found)}; rename one"
        )
    if not found:
        known = sorted({declared.name for declared in here if declared.problem is None})
        there = (
            f" (pipelines here: {', '.join(known)})"
            if known
            else f" (none is declared under {root}: name a YAML file, or make a project with `ballast init`)"
        )
        broken = ", ".join(declared.where for declared in here if declared.problem is not None)
        unread = f"; not readable, see `ballast check`: {broken}" if broken else ""
        raise SpecError(
            one_line(f"there is no pipeline {shown(pipeline)}{nearest(pipeline[:200], known)}{there}{unread}")
        )
    return found[0]


def every(folder: Path) -> Iterator[Declared]:
    """Gives all pipelines declared in the YAML files called ``defs.yaml`` of a folder and below.

    One whose file cannot be read is among them, under the name of its folder; its ``plan`` says why.
    """
    root = project_root(folder)
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        if "defs.yaml" in (*names, *folders):
            file = Path(place) / "defs.yaml"
            try:
                yield from read(file, root)
            except SpecError as error:
                if _may_be_a_pipeline(file):
                    yield Declared(file, root, {}, problem=error)


def _may_be_a_pipeline(file: Path) -> bool:
    """Gives whether a file that cannot be read may hold one, not a component whose author may write what he likes."""
    try:
        if not file.is_file():
            return True
        with file.open("rb") as stream:
            text = stream.read(LARGEST_FILE).replace(b"\0", b"")  # as UTF-16 has between letters
    except OSError:
        return True
    return TYPE.encode() in text or re.search(rb"^steps\s*:", text, re.MULTILINE) is not None


def read(file: Path, root: Path) -> Iterator[Declared]:
    """Gives the pipelines in a YAML file: documents of type ``ballast.Pipeline``, or bare ones with data and steps.

    Raises SpecError for a file that cannot be read.
    """
    where = shown_path(file, root)
    for document in declared_in(file, where):
        yield Declared(file, root, document.value, document.lines)


def shown_path(file: Path, root: Path) -> str:
    """Gives a file's path as errors show it: from the project's root, where it stands below that."""
    return str(file.relative_to(root) if file.is_relative_to(root) else file)


def project_resource(start: Path | None = None) -> BallastResource:
    """Gives the resource ``ballast`` of the project that `start` stands in, or the default one.

    The project's pipelines do not matter to it, and are left out where the project loads without them.
    """
    root = project_root(start)
    pipelines = frozenset(declared.file.resolve() for declared in every(root))
    unread = frozenset(declared.file.resolve() for declared in every(root) if declared.problem is not None)
    definitions = load(root, [(without, lambda project: True) for without in (pipelines, unread)])
    found = (definitions.resources or {}).get(RESOURCE) if definitions is not None else None
    return resolved(found) if isinstance(found, BallastResource) else BallastResource()


@cache
def project_assets(root: Path) -> Mapping[dg.AssetKey, Partitions | None] | None:
    """Gives the assets of a project with their partitions, but for those of pipelines that are wrong.

    None where it has no definitions.
    """
    pipelines = list(every(root))
    definitions = load(root, [(frozenset(p.file.resolve() for p in pipelines), lambda project: True)])
    if definitions is None:
        return None
    plans = [pipeline.plan() for pipeline in pipelines if not pipeline.mistakes()]
    keys = keys_of(definitions)
    own = {
        asset_key(plan, node.name): partitions_of(plan.spec.partitions) if node.partitioned else None
        for plan in plans
        for node in plan.nodes.values()
    }
    return {key: its for key, its in partitions_in(definitions).items() if key in keys} | own


def _defines_all_above(project: dg.Definitions, pipeline: str) -> bool:
    """Says whether a project defines all that is above a pipeline's assets."""
    keys = keys_of(project)
    above = {spec.key: {dep.asset_key for dep in spec.deps} for spec in project.resolve_all_asset_specs()}
    found: set[dg.AssetKey] = set()
    waiting = [key for key in keys if key.path[0] == pipeline]
    while waiting:
        if (key := waiting.pop()) not in found:
            found.add(key)
            waiting += above.get(key, ())
    return found <= keys


def _component_files(root: Path) -> Iterator[Path]:
    """Gives the YAML files of all components of a project, Ballast's or others'."""
    for place, folders, _ in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED)
        if (file := find_defs_or_component_yaml(Path(place))) is not None:
            yield file.resolve()
