"""Expectations that a team has written for Great Expectations, by the import paths of their classes."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from ballast.errors import SpecError
from ballast.gates.great_expectations.conditions import parse_condition
from ballast.methods.frame.closure import is_standard
from ballast.words import one_line

_STEERING = ("id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content", "severity",
             "windows", "batch_id")  # fmt: skip
"""Fields of every expectation that are not what it asks."""


@cache
def custom_class(path: str) -> Any:
    """Gives the class at an import path; SpecError where there is none, or one that is not an expectation.

    Importing it imports Great Expectations, which takes 3 to 5 s.
    """
    module, _, name = path.rpartition(".")
    if is_standard(module.partition(".")[0]):  # importing some of it opens a browser or runs tests
        raise SpecError(f"{path!r} is of Python's standard library, which has no expectation")
    try:
        from great_expectations.expectations.expectation import Expectation

        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a module of the user's may raise or do anything
        raise SpecError(
            f"cannot import {path!r}: {one_line(f'{type(error).__name__}: {error}', 200)}; give an expectation's class "
            "as package.module.ExpectX"
        ) from error
    if not (inspect.isclass(found) and issubclass(found, Expectation) and getattr(found, "expectation_type", "")):
        raise SpecError(f"{path!r} is not a class of Great Expectations' Expectation")
    return found


def custom_name(path: str, where: str) -> str:
    """Gives the name under which a class stands in suites, such as ``expect_column_values_to_be_primes``.

    SpecError, which `where` opens, where there is no such class.
    """
    try:
        return str(custom_class(path).expectation_type)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from error


def custom_arguments(path: str) -> Mapping[str, bool]:
    """Gives the arguments of a class, each with True where it is required."""
    fields = custom_class(path).__fields__
    return {name: bool(field.required) for name, field in fields.items() if name not in _STEERING}


def without_condition(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the arguments without those that choose rows, which Great Expectations would run as code."""
    return {k: v for k, v in arguments.items() if k not in ("row_condition", "condition_parser") and v is not None}


def check_custom(path: str, arguments: Mapping[str, Any], where: str) -> None:
    """Raises SpecError where a class refuses its arguments, and for a row_condition that is more than a condition."""
    if arguments.get("row_condition") is not None:
        try:
            parse_condition(arguments["row_condition"])
        except SpecError as error:
            raise SpecError(f"{where}.row_condition: {error}") from error
    try:
        custom_class(path)(**without_condition(arguments))
    except Exception as error:  # of the user's own code
        raise SpecError(f"{where}: {one_line(f'{type(error).__name__}: {error}', 300)}") from error
