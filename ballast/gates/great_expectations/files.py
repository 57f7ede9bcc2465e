"""Suites that a team has in Great Expectations' own files: JSON, by path or by name in its project.

They are read as a pipeline's YAML would have them, without importing Great Expectations.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ballast.errors import SpecError, nearest
from ballast.words import in_words, listed, one_line, shown

_LARGEST = 10 * 2**20
"""Bytes of a file that are read; one of more is not a suite."""
_PROJECT = "great_expectations.yml"
_FOLDERS = ("gx", "great_expectations", ".")
_SEVERITIES = {"critical": "error", "warning": "warn", "info": "warn"}
_BESIDE = {"type", "kwargs", "severity", "meta", "notes", "description", "id", "rendered_content", "windows"}
"""What stands in an item; all but the first three says nothing of what is asked."""
_WRITE = "load it with Great Expectations 1 and write it with json.dumps(suite.to_json_dict())"
_OPERATORS = {"IN": "in", "NOT_IN": "not in"} | {sign: sign for sign in ("==", "!=", "<", "<=", ">", ">=")}


class Named(BaseModel):
    """A suite that a pipeline names.

    Attributes
    ----------
    suite : its JSON file, from the pipeline's folder on, or its name in a project of Great Expectations.
    expectations : import paths of the classes of its expectations that are not Great Expectations' own.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    suite: str
    expectations: list[str] = []


def named(given: Mapping[str, Any], where: str) -> Named:
    """Gives the suite that an entry of a pipeline names; SpecError for other keys and values."""
    try:
        return Named.model_validate(dict(given))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            keys = list(Named.model_fields)
            raise SpecError(f"{where}: unknown key {key!r}{nearest(key, keys)} (the keys: {', '.join(keys)})") from None
        raise SpecError(
            f"{where}.{key}: a suite is {{suite: file.json, expectations: [package.ExpectX]}}, got "
            f"{shown(problem['input'])}"
        ) from None


def items_of(suite: str, folder: Path, where: str) -> list[tuple[str, Any]]:
    """Gives each item of a suite, after the place to name in errors; `folder` is the pipeline's.

    SpecError for a file that is not there, or holds no suite of Great Expectations 1.
    """
    file = folder / suite if suite.endswith(".json") else _in_project(suite, folder, where)
    shown_file = str(file.relative_to(folder) if file.is_relative_to(folder) else file)
    content = _read(file, f"{where}: {shown_file}")
    items = content.get("expectations") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise SpecError(
            f"{where}: {shown_file} holds no suite of Great Expectations 1, which is {{name: ..., expectations: [...]}}"
            f"; {_WRITE}"
        )
    return [(f"{where}: {shown_file}: expectations[{position}]", item) for position, item in enumerate(items)]


def _in_project(name: str, folder: Path, where: str) -> Path:
    """Gives the file of a suite by its name in the nearest project of Great Expectations, from a folder upwards."""
    places = [above / inner for above in (folder, *folder.parents) for inner in _FOLDERS]
    home = next((place for place in places if (place / _PROJECT).is_file()), None)
    if home is None:
        raise SpecError(
            f"{where}: {shown(name)} is not a file, which ends in .json, and neither {folder} nor a folder above it "
            f"has a project of Great Expectations ({_FOLDERS[0]}/{_PROJECT}) that would have a suite of that name"
        )
    base = _store(home / _PROJECT, where)
    files = {".".join(f.relative_to(base).with_suffix("").parts): f for f in sorted(base.rglob("*.json"))}
    if name not in files:
        there = f"its suites: {listed(files, 12)}" if files else "it has none"
        raise SpecError(f"{where}: {home} has no suite {shown(name)}{nearest(name, files)} ({there})")
    return files[name]


def _store(file: Path, where: str) -> Path:
    """Gives the folder in which a project keeps its suites."""
    try:
        project = yaml.safe_load(file.read_text(encoding="utf-8"))
        store = project["stores"][project["expectations_store_name"]]["store_backend"]
        kind, base = str(store["class_name"]), str(store.get("base_directory", ""))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SpecError(f"{where}: {file} does not say where its suites are: {one_line(_said(error), 200)}") from error
    if kind != "TupleFilesystemStoreBackend" or "$" in base:
        raise SpecError(f"{where}: {file} keeps its suites in {kind} {base}, which is not a plain folder; {_WRITE}")
    return file.parent / base


def _read(file: Path, where: str) -> Any:
    try:
        there = file.is_file()
        text = file.read_text(encoding="utf-8") if there and file.stat().st_size <= _LARGEST else None
    except (OSError, ValueError) as error:
        raise SpecError(f"{where} cannot be read: {one_line(_said(error), 200)}") from error
    if not there:
        raise SpecError(f"{where}: there is no such file; a suite's path counts from the pipeline's folder")
    if text is None:
        raise SpecError(f"{where}: more than {_LARGEST >> 20} MiB are not a suite")
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, where))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SpecError(f"{where} cannot be read as JSON: {one_line(_said(error), 200)}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SpecError(f"{where}: the key {shown(twice)} stands twice in one mapping; delete one")
    return found


def entry_of(item: Any, where: str) -> dict[str, Any]:
    """Gives an item as an entry of YAML; SpecError for one of another form, or with what is given only later."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise SpecError(
            f"{where}: in a suite of Great Expectations 1 an item is {{type: expect_x, kwargs: {{...}}}}, got "
            f"{shown(item)}; {_WRITE}"
        )
    if unknown := sorted(item.keys() - _BESIDE):
        raise SpecError(f"{where}: unknown key {unknown[0]!r}{nearest(unknown[0], _BESIDE)}")
    kwargs, severity = item.get("kwargs") or {}, item.get("severity") or "critical"
    if not isinstance(kwargs, dict) or severity not in _SEVERITIES:
        raise SpecError(
            f"{where}: kwargs is a mapping and severity {in_words(_SEVERITIES, 'or')}, got {shown(kwargs)} and "
            f"{shown(severity)}"
        )
    arguments = {name: _argument(name, value, f"{where}.{name}") for name, value in kwargs.items()}
    given = {name: value for name, value in arguments.items() if value is not None and (name, value) != ("windows", [])}
    return {item["type"]: {**given, "severity": _SEVERITIES[severity]}}


def _argument(name: str, value: Any, where: str) -> Any:
    if isinstance(value, dict) and "$PARAMETER" in value:
        raise SpecError(
            f"{where}: {value['$PARAMETER']!r} is a parameter of the suite, which Great Expectations is given only to "
            "validate; write the value into the suite"
        )
    return _condition(value, where) if name == "row_condition" and isinstance(value, dict) else value


def _condition(given: Any, where: str) -> str:
    """Gives the text of a condition that Great Expectations has written as a tree."""
    kind = given.get("type") if isinstance(given, dict) else None
    try:
        if kind == "pass_through":
            return str(given["pass_through_filter"])
        if kind in ("and", "or"):
            return f" {kind} ".join(f"({_condition(inner, where)})" for inner in given["conditions"])
        name = given["column"]["name"]
        column = f"`{name}`" if "`" not in name else f"col({name!r})"
        if kind == "nullity":
            return f"{column}.{'isnull' if given['is_null'] else 'notnull'}()"
        if kind == "comparison":
            return f"{column} {_OPERATORS[given['operator']]} {given['parameter']!r}"
    except (KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise SpecError(f"{where}: {shown(given)} is not a condition of Great Expectations; write it as text")
