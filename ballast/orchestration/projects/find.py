"""Finds pipelines by name, folder or file, and the project that they belong to."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from ballast.errors import BallastError, SpecError, nearest
from ballast.orchestration.graph.component import Pipeline
from ballast.orchestration.graph.home import project_root
from ballast.orchestration.graph.resources import RESOURCE, BallastResource, resolved
from ballast.orchestration.plan.plan import Plan
from ballast.orchestration.spec.yaml_files import LARGEST_FILE, documents, read_text
from ballast.words import one_line, shown

TYPE = "ballast.Pipeline"
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
    lines: dict[str, int] = field(default_factory=dict)
    problem: SpecError | None = None

    @property
    def name(self) -> str:
        given = self.attributes.get("name") if isinstance(self.attributes, dict) else None
        return given if isinstance(given, str) else self.file.parent.name

    @property
    def where(self) -> str:
        return shown_path(self.file, self.root)

    def plan(self) -> Plan:
        """Gives the checked plan. SpecError names the file, the key and the nearest valid word."""
        if self.problem is not None:
            raise self.problem
        known = SimpleNamespace(project_root=str(self.root))  # all that a template may ask of Dagster's own context
        context = dg.ResolutionContext.default().with_scope(context=known)
        try:
            return Pipeline.declared(self.attributes, context, self.where).plan(self.where)
        except SpecError as error:
            raise SpecError(self._with_line(str(error))) from error

    def _with_line(self, message: str) -> str:
        """Puts the line of the key that a message is about behind the file's name, where the file has that key."""
        said = message.removeprefix(f"{self.where}: ")
        key = re.sub(r"\[(\d+)\]", r".\1", said.partition(": ")[0])
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.where}:{self.lines[key]}: {said}" if key else message

    def definitions(self, plan: Plan) -> dg.Definitions:
        """Gives the definitions to run in: the project's own where they hold this pipeline, else bare ones."""
        from ballast.orchestration.graph.assets import definitions_of

        project = project_definitions(self.root)
        with _loading(self.root):
            specs = project.resolve_all_asset_specs() if project is not None else ()
        if project is not None and any(spec.key.path[0] == plan.spec.name for spec in specs):
            return project
        if outside := [f"data.{r}" for r, d in plan.spec.data.items() if d.asset]:
            raise SpecError(
                f"{self.where}: {', '.join(outside)}: the asset belongs to a Dagster project, and {self.root} has none "
                "that loads this pipeline; use path, query or loader, or put the pipeline into the project"
            )
        return dg.Definitions.merge(
            definitions_of(plan, self.file.parent), dg.Definitions(resources={RESOURCE: BallastResource()})
        )


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
    for document in documents(read_text(file, where), where):
        value = document.value
        if not isinstance(value, dict):
            continue
        if value.get("type") == TYPE:
            under = "attributes."
            lines = {k.removeprefix(under): n for k, n in document.lines.items() if k.startswith(under)}
            yield Declared(file, root, value.get("attributes") or {}, lines)
        elif "type" not in value and {"data", "steps"} & set(value):
            yield Declared(file, root, value, document.lines)


def shown_path(file: Path, root: Path) -> str:
    """Gives a file's path as errors show it: from the project's root, where it stands below that."""
    return str(file.relative_to(root) if file.is_relative_to(root) else file)


def project_definitions(root: Path) -> dg.Definitions | None:
    """Gives the Dagster definitions of a project, None where it declares none.

    Raises SpecError where a pipeline of the project is wrong or cannot be read, or the project does not load.
    """
    with _loading(root):
        return _definitions_of(root)


@contextmanager
def _loading(root: Path) -> Iterator[None]:
    """Turns what goes wrong in a project's own code into an error that names the place in it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(inner := _innermost(error), BallastError):
            raise inner from error
        raise SpecError(
            f"the Dagster project in {root} does not load: {type(error).__name__}: {one_line(str(error))}"
            f"{_place(error, root)}; correct it there, or move the pipeline's YAML out of the project"
        ) from error


def _place(error: BaseException, root: Path) -> str:
    """Gives the last line of the project's own that led to an error."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        lines.append((error.filename or "", error.lineno))
    own = [(Path(file), line) for file, line in lines if Path(file).is_relative_to(root)]
    return f" ({shown_path(own[-1][0], root)}:{own[-1][1]})" if own else ""


def _definitions_of(root: Path) -> dg.Definitions | None:
    settings: dict[str, Any] = {}
    if (pyproject := root / "pyproject.toml").exists():
        settings = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("dg", {}).get("project", {})
    fallback = f"{settings['root_module']}.definitions" if "root_module" in settings else "definitions"
    module_name = settings.get("code_location_target_module", fallback)
    for folder in (str(root / "src"), str(root)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    package = importlib.util.find_spec(module_name.partition(".")[0])
    origin = None if package is None else package.origin or next(iter(package.submodule_search_locations or []), None)
    if origin is None or not Path(origin).resolve().is_relative_to(root.resolve()):
        return None  # nothing of this project: another one that is installed here has a module of the same name
    for declared in every(root):
        if declared.problem is not None:  # Dagster reads all files of the project, and reads them without bounds
            raise SpecError(
                f"{declared.problem}; correct it or move it out of the project, which Dagster loads as a whole"
            )
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name:
            return None
        raise
    found = next((v for v in vars(module).values() if isinstance(v, dg.Definitions)), None)
    if found is None and callable(lazy := getattr(module, "defs", None)):
        found = lazy()
    return found if isinstance(found, dg.Definitions) else None


def _innermost(error: BaseException) -> BaseException:
    """Gives Ballast's own error behind the ones that Dagster wraps it in, else the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BallastError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def project_resource(start: Path | None = None) -> BallastResource:
    """Gives the resource ``ballast`` of the project that `start` stands in, or the default one."""
    definitions = project_definitions(project_root(start))
    found = (definitions.resources or {}).get(RESOURCE) if definitions is not None else None
    return resolved(found) if isinstance(found, BallastResource) else BallastResource()
