"""Finds pipelines by name, folder or file, and the project that they belong to."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from pydantic import BaseModel, ValidationError

from ballast.errors import BallastError, SpecError, nearest
from ballast.orchestration.component import Pipeline
from ballast.orchestration.graph import RESOURCE
from ballast.orchestration.plan import Plan
from ballast.orchestration.resources import BallastResource, project_root, resolved

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
    """

    file: Path
    root: Path
    attributes: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.attributes.get("name", self.file.parent.name))

    @property
    def where(self) -> str:
        return str(self.file.relative_to(self.root) if self.file.is_relative_to(self.root) else self.file)

    def plan(self) -> Plan:
        """Gives the checked plan. SpecError names the file, the key and the nearest valid word."""
        try:
            pipeline = Pipeline.resolve_from_dict(self.attributes)
        except ValidationError as error:
            raise SpecError(f"{self.where}: {_first_problem(error)}") from error
        except SpecError:
            raise
        except Exception as error:  # a template that does not resolve, such as a missing environment variable
            raise SpecError(f"{self.where}: {type(error).__name__}: {error}") from error
        return pipeline.plan(self.where)

    def definitions(self, plan: Plan) -> dg.Definitions:
        """Gives the definitions to run in: the project's own where they hold this pipeline, else bare ones."""
        from ballast.orchestration.graph import definitions_of

        project = project_definitions(self.root)
        if project is not None and any(
            spec.key.path[0] == plan.spec.name for spec in project.resolve_all_asset_specs()
        ):
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
    path = Path(pipeline)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise SpecError(f"there is no file {pipeline!r} (looked in {path.resolve().parent})")
        found = list(read(path.resolve(), project_root(path.resolve().parent)))
        if len(found) != 1:
            raise SpecError(f"{pipeline}: one pipeline is needed, the file has {len(found)}")
        return found[0]
    if path.is_dir():
        found = list(every(path.resolve()))
        if len(found) != 1:
            names = ", ".join(f.name for f in found) or "none"
            raise SpecError(
                f"folder {pipeline!r} must hold one pipeline (a defs.yaml of type {TYPE}), it holds: {names}"
            )
        return found[0]
    root = project_root(start)
    known = {declared.name: declared for declared in every(root)}
    if pipeline not in known:
        there = (
            f" (pipelines here: {', '.join(sorted(known))})" if known else f" (no pipeline is declared under {root})"
        )
        raise SpecError(f"there is no pipeline {pipeline!r}{nearest(pipeline, known)}{there}")
    return known[pipeline]


def every(folder: Path) -> Iterator[Declared]:
    """Gives all pipelines declared in the YAML files called ``defs.yaml`` of a folder and below."""
    root = project_root(folder)
    for file in sorted(folder.rglob("defs.yaml")):
        parts = file.relative_to(folder).parts
        if not any(part.startswith(".") or part in _SKIPPED for part in parts):
            yield from read(file, root)


def read(file: Path, root: Path) -> Iterator[Declared]:
    """Gives the pipelines in a YAML file: documents of type ``ballast.Pipeline``, or bare ones with data and steps."""
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SpecError(f"{file}: cannot be read as YAML: {error}") from error
    for document in documents:
        if not isinstance(document, dict):
            continue
        if document.get("type") == TYPE:
            yield Declared(file, root, document.get("attributes") or {})
        elif "type" not in document and {"data", "steps"} & set(document):
            yield Declared(file, root, document)


def project_definitions(root: Path) -> dg.Definitions | None:
    """Gives the Dagster definitions of a project, None where it declares none."""
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
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name:
            return None
        raise
    except Exception as error:
        raise _innermost(error) from error
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


def _first_problem(error: ValidationError) -> str:
    """Words the problem that names an unknown or missing key, else the first one."""
    ranked = sorted(error.errors(), key=lambda e: {"extra_forbidden": 0, "missing": 1}.get(e["type"], 2))
    problem = ranked[0]
    location = _location(problem["loc"])
    key = ".".join(location) or "attributes"
    if problem["type"] == "extra_forbidden":
        valid = _keys_at(location[:-1])
        return f"{key}: unknown key{nearest(location[-1], valid)} (the keys here: {', '.join(valid)})"
    if problem["type"] == "missing":
        return f"{key}: this key is missing"
    return f"{key}: {problem['msg'].lower()}, got {problem['input']!r}"


def _location(loc: tuple[int | str, ...]) -> list[str]:
    """Gives the keys down to a problem, without the type names and line numbers that validation puts between."""
    path = " ".join(str(part) for part in loc).partition(" at ")[0]
    path = re.sub(r"\.(dict|list)\[[^]]*\]", "", path)
    return [part for part in path.split(".") if part not in ("str", "int", "float", "bool")]


def _keys_at(location: list[str]) -> list[str]:
    """Gives the keys that the spec allows at a place, such as those of a step at ``steps.density``."""
    if not location:
        return list(Pipeline.model_fields)
    from ballast.orchestration.spec import DataSpec, FeaturesSpec, PartitionsSpec, ScheduleSpec, SensorSpec, StepSpec

    models: dict[str, type[BaseModel]] = {
        "data": DataSpec, "steps": StepSpec, "features": FeaturesSpec,
        "partitions": PartitionsSpec, "schedule": ScheduleSpec, "sensor": SensorSpec,
    }  # fmt: skip
    return list(models[location[0]].model_fields) if location[0] in models else []


def project_resource(start: Path | None = None) -> BallastResource:
    """Gives the resource ``ballast`` of the project that `start` stands in, or the default one."""
    definitions = project_definitions(project_root(start))
    found = (definitions.resources or {}).get(RESOURCE) if definitions is not None else None
    return resolved(found) if isinstance(found, BallastResource) else BallastResource()
