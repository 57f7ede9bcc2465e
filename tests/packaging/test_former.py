"""Modules under the names that they had before."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

import ballast.orchestration.run.recent as recent
from ballast.former import FORMER


@pytest.mark.parametrize(("former", "present"), FORMER.items())
def test_former_module_when_imported_then_gives_the_present_one_s_names_and_warns(former: str, present: str) -> None:
    here, there = importlib.import_module(present), importlib.import_module(former)
    own = (n for n in vars(here) if not n.startswith("_") and getattr(vars(here)[n], "__module__", "") == present)
    name = next(own, None) or here.__all__[0]  # a room's names are found when they are asked for
    with pytest.warns(DeprecationWarning, match=f"{former} is now {present}"):
        assert getattr(there, name) is getattr(here, name)
    with pytest.raises(AttributeError):
        _ = there.no_such_name


@pytest.mark.parametrize(
    ("package", "name"), [("spec", "DataSpec"), ("graph", "definitions_of"), ("projects", "Declared"), ("plan", "Plan")]
)
def test_package_that_was_a_module_gives_its_names_and_warns(package: str, name: str) -> None:
    module = importlib.import_module(f"ballast.orchestration.{package}")
    with pytest.warns(DeprecationWarning, match="is now"):
        assert getattr(module, name).__name__ == name


def test_former_module_when_taken_from_its_package_then_found() -> None:
    with pytest.warns(DeprecationWarning, match="is now"):
        from ballast.orchestration.recent import _tables  # pyright: ignore[reportMissingImports]
    assert _tables is recent._tables


def test_module_that_never_was_is_not_found() -> None:
    assert importlib.util.find_spec("ballast.orchestration.never") is None
