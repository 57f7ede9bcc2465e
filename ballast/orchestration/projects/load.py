"""Loads a project's own Dagster definitions, all of them or without what some of its YAML files declare."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import tomllib
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.definition.asset_spec import SYSTEM_METADATA_KEY_AUTO_CREATED_STUB_ASSET
from dagster.components.core import decl
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.core.defs_module import ComponentPath, find_defs_or_component_yaml

from ballast.errors import BallastError, SpecError
from ballast.words import one_line

logger = logging.getLogger("ballast.run")

Without = frozenset[Path]
"""YAML files of components that are left out."""
_left_out: dict[str, Without] = {}
"""What each module that is loaded was loaded without, by its name."""


def load(root: Path, tries: Collection[tuple[Without, Callable[[dg.Definitions], bool]]]) -> dg.Definitions | None:
    """Gives the Dagster definitions of a project, None where it declares none.

    Each of `tries` leaves some files out, and says whether the rest is sound. The first with which the project loads,
    and is sound, is taken, and the log says what kept another from being loaded; where none is, the last that loads.

    Raises SpecError where the project loads in no way.
    """
    found, loaded = None, False
    failed: BallastError | None = None
    for without, sound in tries:
        try:
            with _loading(root):
                found = _definitions_of(root, without)
                loaded = True
                if found is None or sound(found):
                    if failed is not None:
                        logger.warning("%s (what is run does without it)", failed)
                    return found
        except BallastError as error:
            failed = error
    if failed is not None and not loaded:
        raise failed
    return found


def keys_of(project: dg.Definitions) -> frozenset[dg.AssetKey]:
    """Gives the keys of the assets that a project defines, without those that it only names."""
    specs = project.resolve_all_asset_specs()
    return frozenset(spec.key for spec in specs if not spec.metadata.get(SYSTEM_METADATA_KEY_AUTO_CREATED_STUB_ASSET))


def put_on_path(root: Path) -> None:
    """Lets modules that stand in a project be imported, as Dagster does in its code location."""
    for folder in (str(root / "src"), str(root)):
        if folder not in sys.path:
            sys.path.insert(0, folder)


@contextmanager
def _loading(root: Path) -> Iterator[None]:
    """Turns what goes wrong in a project's own code into an error that names the place in it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(inner := _innermost(error), BallastError):
            raise inner from error
        cause = error
        while isinstance(cause, ComponentTreeException) and cause.__cause__ is not None:
            cause = cause.__cause__  # which says what is wrong; the outer one draws all components
        raise SpecError(
            f"the Dagster project in {root} does not load: {type(cause).__name__}: {one_line(str(cause))}"
            f"{_place(error, root)}; correct it there, or move the pipeline's YAML out of the project"
        ) from error


def _place(error: BaseException, root: Path) -> str:
    """Gives the last line of the project's own that led to an error."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        lines.append((error.filename or "", error.lineno))
    own = [(Path(file), line) for file, line in lines if Path(file).is_relative_to(root)]
    return f" ({own[-1][0].relative_to(root)}:{own[-1][1]})" if own else ""


def _definitions_of(root: Path, without: Without) -> dg.Definitions | None:
    settings: dict[str, Any] = {}
    if (pyproject := root / "pyproject.toml").exists():
        settings = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("dg", {}).get("project", {})
    fallback = f"{settings['root_module']}.definitions" if "root_module" in settings else "definitions"
    module_name = settings.get("code_location_target_module", fallback)
    put_on_path(root)
    package = importlib.util.find_spec(module_name.partition(".")[0])
    origin = None if package is None else package.origin or next(iter(package.submodule_search_locations or []), None)
    if origin is None or not Path(origin).resolve().is_relative_to(root.resolve()):
        return None  # nothing of this project: another one that is installed here has a module of the same name
    with _leaving_out(without):
        try:
            again = module_name in sys.modules and _left_out.get(module_name, without) != without
            module = importlib.import_module(module_name)
            if again:
                module = importlib.reload(module)
        except ModuleNotFoundError as error:
            if error.name == module_name:
                return None
            raise
        _left_out[module_name] = without
        found = next((v for v in vars(module).values() if isinstance(v, dg.Definitions)), None)
        if found is None and callable(lazy := getattr(module, "defs", None)):
            found = lazy()
    return found if isinstance(found, dg.Definitions) else None


@contextmanager
def _leaving_out(files: Without) -> Iterator[None]:
    """Makes Dagster take the folders of some components for empty ones: its loader cannot be told to pass over them.

    It reads a file without bounds, so one that Ballast has refused must not reach it.
    """
    read = decl.build_component_decl_from_yaml_file_backcompat

    def build(context: Any) -> decl.ComponentDecl[Any]:
        file = find_defs_or_component_yaml(context.path)
        if file is None or file.resolve() not in files:
            return read(context)
        place = ComponentPath.from_path(context.path)
        return decl.DefsFolderDecl(context=context, loc=place, children={}, source_tree=None, component_file_model=None)

    decl.build_component_decl_from_yaml_file_backcompat = build
    try:
        yield
    finally:
        decl.build_component_decl_from_yaml_file_backcompat = read


def _innermost(error: BaseException) -> BaseException:
    """Gives Ballast's own error behind the ones that Dagster wraps it in, else the error itself."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BallastError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error
