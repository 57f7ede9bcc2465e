"""constraints.txt: an exact pin for everything that the project asks for, from no place of one machine's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
_PINNED = ("dev", "docs", "ducklake", "mlflow", "onnx", "remote")
REQUIREMENTS = [Requirement(r) for r in PROJECT["dependencies"] + [r for extra in _PINNED for r in EXTRAS[extra]]]
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]


def test_constraints_when_read_then_each_is_one_exact_public_version():
    for pin in PINS:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin
        assert "+" not in specifier.version, pin
        assert pin.url is None, pin
    assert "dagster-ge" not in {canonicalize_name(pin.name) for pin in PINS}


@pytest.mark.parametrize("requirement", [r for r in REQUIREMENTS if r.name != PROJECT["name"]], ids=str)
def test_constraints_when_the_project_requires_a_package_then_its_pin_is_within_the_range(requirement):
    versions = [
        next(iter(pin.specifier)).version
        for pin in PINS
        if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
    ]
    assert len(versions) == 1
    assert versions[0] in requirement.specifier
